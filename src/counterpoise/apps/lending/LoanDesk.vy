# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title A desk that lends on a model's answer
@license Apache-2.0
@notice An applicant commits to attested data and asks for a loan; the desk asks the oracle for the model's logit and
     prices the loan from it, in integers, by a policy fixed at deployment; or it declines.
@dev Three words a loan:
     head   borrower (160 bits), status (8), level (8), months (16), yearly rate (16), risk (24)
     bill   principal (96), until (40): end of the offer's window, then of the term
     debt   outstanding (96), interest due at `since` (96), since (40)
     Interest is simple, counted in seconds on what is outstanding, and rounded up to a base unit.
@custom:trust The attester alone says that committed data are true and fit the amount and the term asked for. The
     oracle and its evaluators, at the level that the applicant pays for, say what the model answers. The clerk can
     publish false reasons, which anyone who knows the data can refute. The lender can refuse new business and write
     late loans off; it cannot change terms, nor take what is kept for an applicant.
@custom:stop The lender withdraws what is free: nobody can apply any more. Applications, offers and loans run on.
"""

from ethereum.ercs import IERC20

from counterpoise.apps.lending import ILoanDesk
from counterpoise.apps.lending.lib import pricing
from counterpoise.chain.lib import eip712
from counterpoise.oracle import IAnswerTaker
from counterpoise.oracle import IOracle

implements: ILoanDesk
implements: IAnswerTaker

ASKED: constant(uint256) = 1
OFFERED: constant(uint256) = 2
DECLINED: constant(uint256) = 3
LENT: constant(uint256) = 4
REPAID: constant(uint256) = 5
DEFAULTED: constant(uint256) = 6
LAPSED: constant(uint256) = 7
UNANSWERED: constant(uint256) = 8

OPEN: constant(uint256) = 1  # as IOracle.Request.status counts
ANSWERED: constant(uint256) = 2

PPM: constant(uint256) = 1_000_000
LEVELS: constant(uint256) = 4
YEAR: constant(uint256) = 31_536_000
MONTH: constant(uint256) = 2_628_000
CALLBACK_GAS: constant(uint256) = 120_000

ADDRESS_MASK: constant(uint256) = 2**160 - 1
AMOUNT_MASK: constant(uint256) = 2**96 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
RATE_MASK: constant(uint256) = 2**16 - 1
STATUS_SHIFT: constant(uint256) = 160

NAME_HASH: constant(bytes32) = keccak256("Counterpoise Loan Desk")
VERSION_HASH: constant(bytes32) = keccak256("1")
APPLICATION_TYPE: constant(bytes32) = keccak256(
    "Application(address applicant,bytes32 input,uint256 amount,uint256 months,uint256 expires)"
)

TOKEN: immutable(IERC20)
POLICY: immutable(ILoanDesk.Policy)
oracle: public(immutable(address))
lender: public(immutable(address))
clerk: public(immutable(address))
attester: public(immutable(address))

free: reentrant(public(uint256))
held: reentrant(public(uint256))
lent: reentrant(public(uint256))
_used: HashMap[bytes32, bool]
_head: HashMap[uint256, uint256]
_bill: HashMap[uint256, uint256]
_debt: HashMap[uint256, uint256]
_reasons: HashMap[uint256, bytes32]


@deploy
def __init__(oracle_: address, lender_: address, clerk_: address, attester_: address, policy_: ILoanDesk.Policy):
    assert attester_ != empty(address), "desk: no attester"
    assert policy_.nat > 0 and policy_.nat < 2**32, "desk: nat out of range"
    assert 0 < policy_.min_amount, "desk: a loan of nothing"
    assert policy_.min_amount <= policy_.max_amount, "desk: no amount can be asked"
    assert policy_.max_exposure <= AMOUNT_MASK, "desk: exposure above 2**96"
    assert 0 < policy_.max_months and policy_.max_months <= 1200, "desk: months out of range"
    assert policy_.answer_seconds <= TIME_MASK and policy_.offer_seconds <= TIME_MASK, "desk: window above 2**40"
    assert policy_.reference != empty(bytes32), "desk: no reference for reasons"
    pricing._check_curve(policy_.curve)
    TOKEN = IERC20(staticcall IOracle(oracle_).token())
    POLICY = policy_
    oracle = oracle_
    lender = lender_
    clerk = clerk_
    attester = attester_


@external
def deposit(amount: uint256):
    assert msg.sender == lender, "desk: not the lender who deposits"
    self.free += amount
    log ILoanDesk.Deposited(amount=amount)
    self._pull(msg.sender, amount)


@external
def withdraw(amount: uint256):
    assert msg.sender == lender, "desk: not the lender who withdraws"
    assert amount <= self.free, "desk: not so much is free to take"
    self.free -= amount
    log ILoanDesk.Withdrawn(amount=amount)
    self._push(msg.sender, amount)


@external
def apply(
    input: bytes32, amount: uint256, months: uint256, level: uint256, fee: uint256, expires: uint256, signature: Bytes[65]
) -> uint256:
    assert POLICY.min_amount <= amount and amount <= POLICY.max_amount, "desk: amount out of bounds"
    assert 0 < months and months <= POLICY.max_months, "desk: term out of bounds"
    assert self.held + self.lent + amount <= POLICY.max_exposure, "desk: exposure exhausted"
    assert amount <= self.free, "desk: not so much is free to lend"
    assert level < LEVELS, "desk: no such level"
    assert block.timestamp <= expires, "desk: the attestation expired"
    assert not self._used[input], "desk: the input was used before"
    signer: address = self._signer_of(msg.sender, input, amount, months, expires, signature)
    assert signer == attester, "desk: not attested"
    self._used[input] = True
    self.free -= amount
    self.held += amount
    if fee > 0:
        self._pull(msg.sender, fee)
        assert extcall TOKEN.approve(oracle, fee), "desk: the token refused to approve"
    deadline: uint256 = block.timestamp + POLICY.answer_seconds
    id: uint256 = extcall IOracle(oracle).request(
        POLICY.model, input, level, self, CALLBACK_GAS, fee, deadline, empty(bytes32)
    )
    assert self._head[id] == 0, "desk: the oracle gave an old id"
    self._head[id] = convert(msg.sender, uint256) | (ASKED << STATUS_SHIFT) | (level << 168) | (months << 176)
    self._bill[id] = amount
    log ILoanDesk.Applied(
        id=id, borrower=msg.sender, input=input, amount=amount, months=months, level=level, fee=fee
    )
    return id


@external
def on_answer(id: uint256, answer: Bytes[66]):
    """
    @notice Price an application from the model's answer, or decline it; the oracle.
    """
    assert msg.sender == oracle, "desk: not the oracle"
    self._decide(id, self._head_in(id, ASKED), answer)


@external
def settle(id: uint256):
    head: uint256 = self._head_in(id, ASKED)
    request: IOracle.Request = staticcall IOracle(oracle).request_of(id)
    if request.status == ANSWERED:
        found: IOracle.Answer = staticcall IOracle(oracle).answer_of(id)
        self._decide(id, head, found.answer)
        return
    principal: uint256 = self._bill[id] & AMOUNT_MASK
    self._head[id] = self._with(head, UNANSWERED)
    self.held -= principal
    self.free += principal
    log ILoanDesk.Unanswered(id=id, fee=request.fee)
    if request.status == OPEN:
        extcall IOracle(oracle).cancel(id)
    self._push(convert(head & ADDRESS_MASK, address), request.fee)


@external
def explain(id: uint256, reasons: bytes32):
    assert msg.sender == clerk, "desk: not the clerk"
    self._head_in(id, DECLINED)
    assert self._reasons[id] == empty(bytes32), "desk: already explained"
    assert reasons != empty(bytes32), "desk: no reasons"
    self._reasons[id] = reasons
    log ILoanDesk.Explained(id=id, reasons=reasons)


@external
def accept(id: uint256):
    head: uint256 = self._head_in(id, OFFERED)
    borrower: address = convert(head & ADDRESS_MASK, address)
    assert msg.sender == borrower, "desk: not the borrower"
    bill: uint256 = self._bill[id]
    assert block.timestamp <= bill >> 96, "desk: the offer is over"
    principal: uint256 = bill & AMOUNT_MASK
    due_by: uint256 = block.timestamp + ((head >> 176) & RATE_MASK) * MONTH
    self._head[id] = self._with(head, LENT)
    self._bill[id] = principal | (due_by << 96)
    self._debt[id] = principal | (block.timestamp << 192)
    self.held -= principal
    self.lent += principal
    log ILoanDesk.Accepted(id=id, due_by=due_by)
    self._push(borrower, principal)


@external
def lapse(id: uint256):
    head: uint256 = self._head_in(id, OFFERED)
    bill: uint256 = self._bill[id]
    assert block.timestamp > bill >> 96, "desk: the offer stands"
    self._head[id] = self._with(head, LAPSED)
    self.held -= bill & AMOUNT_MASK
    self.free += bill & AMOUNT_MASK
    log ILoanDesk.Lapsed(id=id)


@external
def repay(id: uint256, amount: uint256) -> uint256:
    head: uint256 = self._head[id]
    status: uint256 = self._status(head)
    assert status in [LENT, DEFAULTED], "desk: nothing is owed"
    assert amount > 0, "desk: a payment of nothing"
    outstanding: uint256 = self._debt[id] & AMOUNT_MASK
    interest: uint256 = self._interest(id, head)
    to_interest: uint256 = min(amount, interest)
    to_principal: uint256 = min(amount - to_interest, outstanding)
    outstanding -= to_principal
    interest -= to_interest
    self._debt[id] = outstanding | (interest << 96) | (block.timestamp << 192)
    self.free += to_interest + to_principal
    if status == LENT:
        self.lent -= to_principal
    if outstanding == 0:
        self._head[id] = self._with(head, REPAID)
    log ILoanDesk.Repaid(
        id=id, payer=msg.sender, interest=to_interest, principal=to_principal, outstanding=outstanding
    )
    self._pull(msg.sender, to_interest + to_principal)
    return to_interest + to_principal


@external
def write_off(id: uint256):
    assert msg.sender == lender, "desk: not the lender who writes off"
    head: uint256 = self._head_in(id, LENT)
    assert block.timestamp > self._bill[id] >> 96, "desk: the term is not over"
    outstanding: uint256 = self._debt[id] & AMOUNT_MASK
    interest: uint256 = self._interest(id, head)
    self._head[id] = self._with(head, DEFAULTED)
    self._debt[id] = outstanding | (interest << 96) | (block.timestamp << 192)
    self.lent -= outstanding
    log ILoanDesk.Defaulted(id=id, outstanding=outstanding, interest=interest)


@reentrant
@view
@external
def terms(id: uint256) -> ILoanDesk.Loan:
    head: uint256 = self._head[id]
    bill: uint256 = self._bill[id]
    debt: uint256 = self._debt[id]
    return ILoanDesk.Loan(
        borrower=convert(head & ADDRESS_MASK, address),
        status=self._status(head),
        level=(head >> 168) & 255,
        months=(head >> 176) & RATE_MASK,
        risk=head >> 208,
        yearly_bps=(head >> 192) & RATE_MASK,
        principal=bill & AMOUNT_MASK,
        until=bill >> 96,
        outstanding=debt & AMOUNT_MASK,
        interest=(debt >> 96) & AMOUNT_MASK,
        since=debt >> 192,
        reasons=self._reasons[id],
    )


@reentrant
@view
@external
def owed(id: uint256) -> uint256:
    return (self._debt[id] & AMOUNT_MASK) + self._interest(id, self._head[id])


@reentrant
@view
@external
def price(logit: int256) -> (uint256, uint256):
    risk: uint256 = pricing._risk(logit, POLICY.nat)
    return risk, pricing._yearly_bps(risk, POLICY.curve)


@reentrant
@view
@external
def policy() -> ILoanDesk.Policy:
    return POLICY


@internal
def _decide(id: uint256, head: uint256, answer: Bytes[66]):
    """
    @dev The model has one logit, of which more means more risk; decision 1 is that of its own threshold. An answer
         of another shape is none to lend on. This must not revert: the money kept would stay kept.
    """
    risk: uint256 = PPM
    rate: uint256 = 0
    if len(answer) == 6:
        risk = pricing._risk(convert(convert(slice(answer, 0, 4), int32), int256), POLICY.nat)
        if slice(answer, 4, 2) == x"0000":
            rate = pricing._yearly_bps(risk, POLICY.curve)
    principal: uint256 = self._bill[id]
    if rate == 0:
        self._head[id] = self._with(head, DECLINED) | (risk << 208)
        self.held -= principal
        self.free += principal
        log ILoanDesk.Declined(id=id, risk=risk)
        return
    accept_by: uint256 = block.timestamp + POLICY.offer_seconds
    self._head[id] = self._with(head, OFFERED) | (rate << 192) | (risk << 208)
    self._bill[id] = principal | (accept_by << 96)
    log ILoanDesk.Offered(id=id, risk=risk, yearly_bps=rate, accept_by=accept_by)


@view
@internal
def _interest(id: uint256, head: uint256) -> uint256:
    """
    @notice Interest due now: what was due when the debt last changed and, while the loan runs, what grew since.
    @dev Bounded by what a word keeps, so that no loan is ever too late to be paid.
    """
    debt: uint256 = self._debt[id]
    due: uint256 = (debt >> 96) & AMOUNT_MASK
    if self._status(head) != LENT:
        return due
    grown: uint256 = (debt & AMOUNT_MASK) * ((head >> 192) & RATE_MASK) * (block.timestamp - (debt >> 192))
    return min(due + (grown + 10_000 * YEAR - 1) // (10_000 * YEAR), AMOUNT_MASK)


@view
@internal
def _signer_of(
    applicant: address, input: bytes32, amount: uint256, months: uint256, expires: uint256, signature: Bytes[65]
) -> address:
    if len(signature) != 65:
        return empty(address)
    struct_hash: bytes32 = keccak256(abi_encode(APPLICATION_TYPE, applicant, input, amount, months, expires))
    return eip712._signer(
        eip712._digest(NAME_HASH, VERSION_HASH, struct_hash),
        convert(slice(signature, 64, 1), uint256),
        extract32(signature, 0, output_type=uint256),
        extract32(signature, 32, output_type=uint256),
    )


@internal
def _pull(account: address, amount: uint256):
    assert extcall TOKEN.transferFrom(account, self, amount), "desk: the token refused to take"


@internal
def _push(account: address, amount: uint256):
    assert extcall TOKEN.transfer(account, amount), "desk: the token refused to pay"


@view
@internal
def _head_in(id: uint256, status: uint256) -> uint256:
    head: uint256 = self._head[id]
    assert self._status(head) == status, "desk: not in the status for this"
    return head


@pure
@internal
def _status(head: uint256) -> uint256:
    return (head >> STATUS_SHIFT) & 255


@pure
@internal
def _with(head: uint256, status: uint256) -> uint256:
    return (head & ~convert(255 << STATUS_SHIFT, uint256)) | (status << STATUS_SHIFT)
