# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title An evaluator that says what it is told to; for tests alone
@license Apache-2.0
"""

from counterpoise.verification import IEvaluator

implements: IEvaluator

_verdict: IEvaluator.Verdict


@external
def say(status: uint256, answer: Bytes[66]):
    self._verdict.status = status
    self._verdict.answer = answer
    self._verdict.evidence = keccak256(answer)


@view
@external
def verdict(asker: address, id: uint256) -> IEvaluator.Verdict:
    return self._verdict


@view
@external
def level() -> uint256:
    return 9
