# pragma version ~=0.4.3
"""
@title An oracle that misbehaves, for tests: it answers inside the request, or gives an old number
"""

from counterpoise.oracle import IAnswerTaker

token: public(address)
number: public(uint256)
answer: public(Bytes[66])


@deploy
def __init__(token_: address):
    self.token = token_


@external
def prepare(number: uint256, answer: Bytes[66]):
    self.number = number
    self.answer = answer


@external
def request(
    model: bytes32,
    input: bytes32,
    level: uint256,
    callback: address,
    callback_gas: uint256,
    fee: uint256,
    deadline: uint256,
    reference: bytes32,
) -> uint256:
    if len(self.answer) > 0:
        extcall IAnswerTaker(callback).on_answer(self.number, self.answer)
    return self.number


@external
def deliver(taker: address, id: uint256, answer: Bytes[66]):
    extcall IAnswerTaker(taker).on_answer(id, answer)
