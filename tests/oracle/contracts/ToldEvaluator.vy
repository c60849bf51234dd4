# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title An evaluator whose verdicts are told to it; for tests alone
@license Apache-2.0
"""

from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator

implements: IEvaluator

level: public(uint256)
mute: public(bool)
_verdict: HashMap[address, HashMap[uint256, IEvaluator.Verdict]]


@deploy
def __init__(level_: uint256):
    self.level = level_


@external
def tell(
    asker: address,
    id: uint256,
    status: uint256,
    providers: DynArray[address, 16],
    answer: Bytes[66],
    evidence: bytes32,
    time: uint256,
):
    question: IAsker.Question = staticcall IAsker(asker).question(id)
    assert question.evaluator == self, "told: not my question"
    self._verdict[asker][id] = IEvaluator.Verdict(
        status=status, providers=providers, answer=answer, evidence=evidence, time=time
    )


@external
def fall_silent(mute: bool):
    self.mute = mute


@view
@external
def verdict(asker: address, id: uint256) -> IEvaluator.Verdict:
    assert not self.mute, "told: nothing to say"
    return self._verdict[asker][id]
