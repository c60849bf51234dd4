# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Second opinion
@license Apache-2.0
@notice A ward asks the hospitals' model about a patient and pays the fee; the oracle's callback puts the answer on
     record. Of the patient the chain learns a salted commitment and the answer, nothing else.
@custom:trust The oracle and the model are fixed at deployment. Whoever asks is taken at its word about the patient:
     the commitment names the record that was asked about, not whose it is.
@custom:stop Nobody can stop it. A question that nobody answers is reclaimed after the oracle refunded it.
"""

from ethereum.ercs import IERC20

from counterpoise.oracle import IAnswerTaker
from counterpoise.oracle import IOracle

implements: IAnswerTaker

event Asked:
    id: indexed(uint256)
    ward: indexed(address)
    input: bytes32
    fee: uint256

event Told:
    id: indexed(uint256)
    diseased: bool
    logit: int256

event Reclaimed:
    id: indexed(uint256)
    ward: indexed(address)
    amount: uint256

struct Opinion:
    ward: address
    fee: uint256
    told: bool
    diseased: bool
    logit: int256

LOGIT_BYTES: constant(uint256) = 4
ANSWER_BYTES: constant(uint256) = 6  # one logit i32, the decision u16
CALLBACK_GAS: constant(uint256) = 100_000
REFUNDED: constant(uint256) = 3  # as IOracle.Request.status counts

oracle: public(immutable(address))
model: public(immutable(bytes32))
TOKEN: immutable(IERC20)

_opinion: HashMap[uint256, Opinion]


@deploy
def __init__(oracle_: address, model_: bytes32):
    oracle = oracle_
    model = model_
    TOKEN = IERC20(staticcall IOracle(oracle_).token())


@external
def ask(input: bytes32, level: uint256, fee: uint256, deadline: uint256, reference: bytes32) -> uint256:
    """
    @notice Ask about the patient of an input commitment; the fee is taken from the caller.
    @return The oracle's id of the question.
    """
    assert extcall TOKEN.transferFrom(msg.sender, self, fee, default_return_value=True), "opinion: no fee"
    assert extcall TOKEN.approve(oracle, fee, default_return_value=True), "opinion: approval refused"
    id: uint256 = extcall IOracle(oracle).request(model, input, level, self, CALLBACK_GAS, fee, deadline, reference)
    self._opinion[id] = Opinion(ward=msg.sender, fee=fee, told=False, diseased=False, logit=0)
    log Asked(id=id, ward=msg.sender, input=input, fee=fee)
    return id


@external
def on_answer(id: uint256, answer: Bytes[66]):
    """
    @notice Take the oracle's answer; the oracle only.
    """
    assert msg.sender == oracle, "opinion: not the oracle"
    assert self._opinion[id].ward != empty(address), "opinion: never asked"
    assert len(answer) == ANSWER_BYTES, "opinion: not an answer with one logit"
    logit: int256 = convert(convert(slice(answer, 0, LOGIT_BYTES), bytes4), int256)
    diseased: bool = convert(slice(answer, LOGIT_BYTES, 2), uint256) == 1
    self._opinion[id].told = True
    self._opinion[id].diseased = diseased
    self._opinion[id].logit = logit
    log Told(id=id, diseased=diseased, logit=logit)


@external
def reclaim(id: uint256):
    """
    @notice Give the fee of a question that the oracle refunded back to who asked it. Anyone.
    """
    found: Opinion = self._opinion[id]
    assert found.ward != empty(address), "opinion: nothing to reclaim"
    request: IOracle.Request = staticcall IOracle(oracle).request_of(id)
    assert request.status == REFUNDED, "opinion: not refunded by the oracle"
    self._opinion[id] = empty(Opinion)
    log Reclaimed(id=id, ward=found.ward, amount=found.fee)
    assert extcall TOKEN.transfer(found.ward, found.fee, default_return_value=True), "opinion: transfer refused"


@view
@external
def opinion(id: uint256) -> Opinion:
    """
    @notice What is known of a question; zeros if it was never asked.
    """
    return self._opinion[id]
