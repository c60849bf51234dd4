# pragma version ~=0.4.3
"""
@title An evaluator that says what it is told, for tests
"""

from counterpoise.verification import IEvaluator

implements: IEvaluator

level: public(immutable(uint256))
_verdicts: HashMap[uint256, IEvaluator.Verdict]


@deploy
def __init__(level_: uint256):
    level = level_


@external
def say(id: uint256, status: uint256, provider: address, answer: Bytes[66]):
    self._verdicts[id] = IEvaluator.Verdict(
        status=status, providers=[provider], answer=answer, evidence=empty(bytes32), time=block.timestamp
    )


@view
@external
def verdict(asker: address, id: uint256) -> IEvaluator.Verdict:
    return self._verdicts[id]
