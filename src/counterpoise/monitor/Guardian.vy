# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Guardian
@license Apache-2.0
@notice Bonded reporters may pause a contract that consented, for a bounded time, with the digest of an alert. The pause
     ends by itself, or by a veto. If the evaluator whom the target named finds the alert false, the bond is the target's;
     if true, the reporter has it back and a bounty from the target's deposit; if silent, only back.
@dev Tokens held are deposits, bonds and bounties of open cases, and credits. Paused seconds drain a bucket that fills up
     again evenly: most `most_per_period` at once, and that many more in each further period.
@custom:trust A target trusts its evaluator with reporters' bonds and its bounties, and its veto role with ending a pause.
     A reporter trusts the evaluator with its bond. Nobody can pause a target beyond its own terms.
@custom:stop A target leaves; the veto role ends its pauses. Nobody can stop this contract; credits stay withdrawable.
"""

from ethereum.ercs import IERC20

from counterpoise.monitor import IGuardian

implements: IGuardian

WRONG: constant(uint256) = 0  # outcomes of `Ruled`
RIGHT: constant(uint256) = 1
LAPSED: constant(uint256) = 2

LEAVE_DELAY: public(constant(uint256)) = 604_800
LONGEST: constant(uint256) = 2_592_000  # seconds of any term: thirty days
MOST: constant(uint256) = 2**96  # base units of any bond or bounty

TOKEN: immutable(IERC20)

cases: public(uint256)
open_cases: public(HashMap[address, uint256])
deposit_of: public(HashMap[address, uint256])
credit: public(HashMap[address, uint256])
is_used: public(HashMap[address, HashMap[bytes32, bool]])
_terms: HashMap[address, IGuardian.Terms]
_leaves: HashMap[address, uint256]
_until: HashMap[address, uint256]
_drained: HashMap[address, uint256]  # paused seconds in the bucket, as of `_drained_at`
_drained_at: HashMap[address, uint256]
_case: HashMap[uint256, IGuardian.Case]


@deploy
def __init__(token: address):
    """
    @param token In which bonds and bounties are paid: one that neither charges for transfers nor calls back.
    """
    assert token.is_contract, "guardian: the token is no contract"
    TOKEN = IERC20(token)


@external
def consent(terms: IGuardian.Terms):
    assert self.open_cases[msg.sender] == 0, "guardian: a case is open"
    assert 0 < terms.max_pause and terms.max_pause <= terms.most_per_period, "guardian: longest pause out of range"
    assert terms.most_per_period < terms.period and terms.period <= LONGEST, "guardian: period out of range"
    assert 0 < terms.cooldown and terms.cooldown <= LONGEST, "guardian: cooldown out of range"
    assert 0 < terms.ruling_seconds and terms.ruling_seconds <= LONGEST, "guardian: time to rule out of range"
    assert 0 < terms.bond and terms.bond < MOST, "guardian: bond out of range"
    assert terms.bounty < MOST, "guardian: bounty too large"
    assert terms.evaluator not in [empty(address), msg.sender], "guardian: no evaluator of its own"
    assert block.timestamp >= self._until[msg.sender], "guardian: paused now"
    self._terms[msg.sender] = terms
    self._leaves[msg.sender] = 0
    log IGuardian.Consented(target=msg.sender, terms=terms)


@external
def leave():
    self._check_consent(msg.sender)
    assert self._leaves[msg.sender] == 0, "guardian: leaving already"
    self._leaves[msg.sender] = block.timestamp + LEAVE_DELAY
    log IGuardian.Leaving(target=msg.sender, time=block.timestamp + LEAVE_DELAY)


@external
def deposit(target: address, amount: uint256):
    self._check_consent(target)
    self.deposit_of[target] += amount
    log IGuardian.Deposited(target=target, payer=msg.sender, amount=amount)
    assert extcall TOKEN.transferFrom(msg.sender, self, amount, default_return_value=True), "guardian: deposit refused"


@external
def reclaim():
    assert not self._is_consenting(msg.sender), "guardian: leave first"
    assert self.open_cases[msg.sender] == 0, "guardian: a case is still open"
    amount: uint256 = self.deposit_of[msg.sender]
    assert amount > 0, "guardian: no deposit"
    self.deposit_of[msg.sender] = 0
    self.credit[msg.sender] += amount
    log IGuardian.Reclaimed(target=msg.sender, amount=amount)


@external
def pause(target: address, digest: bytes32, seconds: uint256) -> uint256:
    self._check_consent(target)
    terms: IGuardian.Terms = self._terms[target]
    assert msg.sender != target, "guardian: a target does not report itself"
    assert 0 < seconds and seconds <= terms.max_pause, "guardian: longer than consented"
    assert not self.is_used[target][digest], "guardian: the alert was used before"
    assert block.timestamp >= self._until[target] + terms.cooldown, "guardian: paused or cooling down"
    drained: uint256 = self._drained_now(target, terms)
    assert drained + seconds <= terms.most_per_period, "guardian: paused too much of late"
    self.is_used[target][digest] = True
    self._drained[target] = drained + seconds
    self._drained_at[target] = block.timestamp
    self._until[target] = block.timestamp + seconds
    self.cases += 1
    self.open_cases[target] += 1
    bounty: uint256 = min(terms.bounty, self.deposit_of[target])
    self.deposit_of[target] -= bounty
    self._case[self.cases] = IGuardian.Case(
        target=target,
        reporter=msg.sender,
        digest=digest,
        started=block.timestamp,
        rule_by=block.timestamp + terms.ruling_seconds,
        bond=terms.bond,
        bounty=bounty,
        evaluator=terms.evaluator,
    )
    log IGuardian.Paused(
        case_id=self.cases,
        target=target,
        reporter=msg.sender,
        digest=digest,
        until=block.timestamp + seconds,
        bond=terms.bond,
        bounty=bounty,
    )
    assert extcall TOKEN.transferFrom(msg.sender, self, terms.bond, default_return_value=True), "guardian: no bond"
    return self.cases


@external
def veto(target: address):
    terms: IGuardian.Terms = self._terms[target]
    assert msg.sender == terms.veto, "guardian: not the veto role"
    until: uint256 = self._until[target]
    assert block.timestamp < until, "guardian: not paused"
    # What was not used of the pause goes back to the bucket.
    self._drained[target] = self._drained_now(target, terms) - min(
        until - block.timestamp, self._drained_now(target, terms)
    )
    self._drained_at[target] = block.timestamp
    self._until[target] = block.timestamp
    log IGuardian.Vetoed(target=target, time=block.timestamp)


@external
def rule(case_id: uint256, is_true: bool):
    found: IGuardian.Case = self._open_case(case_id)
    assert msg.sender == found.evaluator, "guardian: not the evaluator"
    assert block.timestamp <= found.rule_by, "guardian: too late to rule"
    if is_true:
        self._close(case_id, found, RIGHT, found.reporter, found.bond + found.bounty, 0)
    else:
        self._close(case_id, found, WRONG, found.target, found.bond, found.bounty)


@external
def lapse(case_id: uint256):
    found: IGuardian.Case = self._open_case(case_id)
    assert block.timestamp > found.rule_by, "guardian: there is still time to rule"
    self._close(case_id, found, LAPSED, found.reporter, found.bond, found.bounty)


@external
def withdraw(account: address) -> uint256:
    amount: uint256 = self.credit[account]
    assert amount > 0, "guardian: nothing to withdraw"
    self.credit[account] = 0
    log IGuardian.Withdrawn(account=account, amount=amount)
    assert extcall TOKEN.transfer(account, amount, default_return_value=True), "guardian: transfer refused"
    return amount


@view
@external
def paused_until(target: address) -> uint256:
    return self._until[target]


@view
@external
def terms_of(target: address) -> IGuardian.Terms:
    return self._terms[target] if self._is_consenting(target) else empty(IGuardian.Terms)


@view
@external
def case(case_id: uint256) -> IGuardian.Case:
    return self._case[case_id]


@view
@internal
def _is_consenting(target: address) -> bool:
    leaves: uint256 = self._leaves[target]
    return self._terms[target].bond > 0 and (leaves == 0 or block.timestamp < leaves)


@view
@internal
def _check_consent(target: address):
    assert self._is_consenting(target), "guardian: no consent"


@view
@internal
def _drained_now(target: address, terms: IGuardian.Terms) -> uint256:
    """
    @notice Paused seconds that still weigh; they fade by `most_per_period` a period.
    """
    faded: uint256 = (block.timestamp - self._drained_at[target]) * terms.most_per_period // terms.period
    return self._drained[target] - min(faded, self._drained[target])


@view
@internal
def _open_case(case_id: uint256) -> IGuardian.Case:
    found: IGuardian.Case = self._case[case_id]
    assert found.bond > 0, "guardian: no such case open"
    return found


@internal
def _close(
    case_id: uint256, found: IGuardian.Case, outcome: uint256, winner: address, credited: uint256, returned: uint256
):
    self._case[case_id] = empty(IGuardian.Case)
    self.open_cases[found.target] -= 1
    self.credit[winner] += credited
    self.deposit_of[found.target] += returned
    log IGuardian.Ruled(case_id=case_id, target=found.target, reporter=found.reporter, outcome=outcome)
