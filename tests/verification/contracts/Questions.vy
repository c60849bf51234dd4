# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Questions that anyone may ask; for tests alone
@license Apache-2.0
"""

from counterpoise.verification import IAsker

implements: IAsker

count: public(uint256)
_open: HashMap[uint256, IAsker.Question]


@external
def ask(model: bytes32, input: bytes32, evaluator: address, deadline: uint256) -> uint256:
    self.count += 1
    self._open[self.count] = IAsker.Question(model=model, input=input, evaluator=evaluator, deadline=deadline)
    return self.count


@external
def close(id: uint256):
    self._open[id] = empty(IAsker.Question)


@view
@external
def question(id: uint256) -> IAsker.Question:
    return self._open[id]
