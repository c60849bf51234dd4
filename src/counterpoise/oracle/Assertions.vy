# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Bonded assertions
@license Apache-2.0
@notice Whoever asserts something posts a bond. Undisputed, it is true when its liveness is over. Disputed, by a bond as
     high, an evaluator decides and the loser's bond pays the winner, the evaluator's providers, and a burnt share.
@dev A disputed assertion is an open question of this asker, its id the question's number:
     ASSERT_TRUTH  model = the identifier, input = the id: is it true? A decision other than 0 says yes.
     MODEL_ANSWER  model and input as the claim names them: it is true if the answer is the claimed one, byte for byte.
     Two words an assertion, more where the defaults do not do:
     head  asserter (160 bits), time (40), expiry (40), settled (1), true (1), of a model's answer (1)
     bond  disputer (160), bond (96)
     case  caller if not the asserter (160), time of the dispute (40)
@custom:trust The arbiter decides disputed assertions alone. An asserter may name another arbiter for its own
     assertion: look at it before you dispute or rely on one. Nobody owns this contract.
@custom:stop Nobody can stop it. If the arbiter is silent beyond its time, it is not true, and both bonds go back.
"""

from ethereum.ercs import IERC20

from counterpoise.jobs import ICreditToken
from counterpoise.oracle import IAssertions
from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator

implements: IAssertions
implements: IAsker

UNANSWERED: constant(uint256) = 0  # as IEvaluator.Verdict.status counts
FINAL: constant(uint256) = 3
FAILED: constant(uint256) = 4

MAX_CLAIM: constant(uint256) = 4096
CALLBACK_GAS: constant(uint256) = 500_000
RESERVE: constant(uint256) = 20_000  # gas for the call itself and for what follows it
ASSERT_TRUTH: constant(bytes32) = 0x4153534552545f54525554480000000000000000000000000000000000000000
MODEL_ANSWER: constant(bytes32) = 0x4d4f44454c5f414e535745520000000000000000000000000000000000000000

ADDRESS_MASK: constant(uint256) = 2**160 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
BOND_MASK: constant(uint256) = 2**96 - 1
SETTLED: constant(uint256) = 1 << 240
AGREED: constant(uint256) = 1 << 241
OF_MODEL: constant(uint256) = 1 << 242

defaultIdentifier: public(constant(bytes32)) = ASSERT_TRUTH
burnedBondPercentage: public(constant(uint256)) = 5 * 10**17  # of a lost bond, 10**18 is all; half of it pays the arbiter
defaultCurrency: public(immutable(address))
defaultLiveness: public(immutable(uint64))
arbiter: public(immutable(address))
arbitration_seconds: public(immutable(uint256))
patience: public(immutable(uint256))
MINIMUM_BOND: immutable(uint256)

credit: reentrant(public(HashMap[address, uint256]))
_head: HashMap[bytes32, uint256]
_bond: HashMap[bytes32, uint256]
_case: HashMap[bytes32, uint256]
_recipient: HashMap[bytes32, address]
_manager: HashMap[bytes32, address]
_domain: HashMap[bytes32, bytes32]
_claimed: HashMap[bytes32, bytes32[3]]


@deploy
def __init__(
    token: address, arbiter_: address, minimum_bond: uint256, liveness: uint64, arbitration: uint256, patience_: uint256
):
    """
    @param token As for the oracle: it moves exactly what it is told to and calls nobody.
    @param arbitration Seconds after a dispute in which an answer may be proposed to the arbiter.
    @param patience_ Seconds after that until the dispute ends without a ruling.
    """
    assert token.is_contract, "assertions: the token is no contract"
    assert arbiter_.is_contract, "assertions: the arbiter is no contract"
    assert minimum_bond <= BOND_MASK, "assertions: minimum bond above 2**96"
    assert arbitration <= 2**32 and patience_ <= 2**32, "assertions: arbitration out of range"
    defaultCurrency = token
    defaultLiveness = liveness
    arbiter = arbiter_
    arbitration_seconds = arbitration
    patience = patience_
    MINIMUM_BOND = minimum_bond


@reentrant
@external
def assertTruth(
    claim: Bytes[MAX_CLAIM],
    asserter: address,
    callbackRecipient: address,
    escalationManager: address,
    liveness: uint64,
    currency: address,
    bond: uint256,
    identifier: bytes32,
    domainId: bytes32,
) -> bytes32:
    return self._assert(
        claim, asserter, callbackRecipient, escalationManager, liveness, currency, bond, identifier, domainId
    )


@reentrant
@external
def assertTruthWithDefaults(claim: Bytes[MAX_CLAIM], asserter: address) -> bytes32:
    nobody: address = empty(address)
    return self._assert(
        claim, asserter, nobody, nobody, defaultLiveness, defaultCurrency, MINIMUM_BOND, ASSERT_TRUTH, empty(bytes32)
    )


@external
def disputeAssertion(assertionId: bytes32, disputer: address):
    head: uint256 = self._existing(assertionId)
    word: uint256 = self._bond[assertionId]
    assert disputer != empty(address), "assertions: no disputer"
    assert word & ADDRESS_MASK == 0, "assertions: already disputed"
    assert block.timestamp < (head >> 200) & TIME_MASK, "assertions: expired"
    self._bond[assertionId] = word | convert(disputer, uint256)
    self._case[assertionId] |= block.timestamp << 160
    log IAssertions.AssertionDisputed(assertionId=assertionId, caller=msg.sender, disputer=disputer)
    self._pull(word >> 160)
    self._call(assertionId, abi_encode(assertionId, method_id=method_id("assertionDisputedCallback(bytes32)")))


@external
def settleAssertion(assertionId: bytes32):
    self._settle(assertionId)


@external
def settleAndGetAssertionResult(assertionId: bytes32) -> bool:
    if self._head[assertionId] & SETTLED == 0:
        self._settle(assertionId)
    return self._head[assertionId] & AGREED != 0


@external
def withdraw(account: address) -> uint256:
    amount: uint256 = self.credit[account]
    assert amount > 0, "assertions: nothing earned"
    self.credit[account] = 0
    log IAssertions.Withdrawn(account=account, amount=amount)
    self._push(account, amount)
    return amount


@reentrant
@view
@external
def question(id: uint256) -> IAsker.Question:
    """
    @notice A disputed assertion, as evaluators read it; zeros if none is open under the id.
    """
    key: bytes32 = convert(id, bytes32)
    head: uint256 = self._head[key]
    if self._bond[key] & ADDRESS_MASK == 0 or head & SETTLED != 0:
        return empty(IAsker.Question)
    of_model: bool = head & OF_MODEL != 0
    return IAsker.Question(
        model=self._claimed[key][0] if of_model else ASSERT_TRUTH,
        input=self._claimed[key][1] if of_model else key,
        evaluator=self._arbiter_of(key),
        deadline=(self._case[key] >> 160) + arbitration_seconds,
    )


@reentrant
@view
@external
def getAssertion(assertionId: bytes32) -> IAssertions.Assertion:
    head: uint256 = self._head[assertionId]
    if head == 0:
        return empty(IAssertions.Assertion)
    caller: uint256 = self._case[assertionId] & ADDRESS_MASK
    manager: address = self._manager[assertionId]
    return IAssertions.Assertion(
        escalationManagerSettings=IAssertions.EscalationManagerSettings(
            arbitrateViaEscalationManager=manager != empty(address),
            discardOracle=False,
            validateDisputers=False,
            assertingCaller=convert(caller if caller != 0 else head & ADDRESS_MASK, address),
            escalationManager=manager,
        ),
        asserter=convert(head & ADDRESS_MASK, address),
        assertionTime=convert((head >> 160) & TIME_MASK, uint64),
        settled=head & SETTLED != 0,
        currency=defaultCurrency,
        expirationTime=convert((head >> 200) & TIME_MASK, uint64),
        settlementResolution=head & AGREED != 0,
        domainId=self._domain[assertionId],
        identifier=MODEL_ANSWER if head & OF_MODEL != 0 else ASSERT_TRUTH,
        bond=self._bond[assertionId] >> 160,
        callbackRecipient=self._recipient[assertionId],
        disputer=convert(self._bond[assertionId] & ADDRESS_MASK, address),
    )


@reentrant
@view
@external
def getAssertionResult(assertionId: bytes32) -> bool:
    assert self._head[assertionId] & SETTLED != 0, "assertions: not settled"
    return self._head[assertionId] & AGREED != 0


@reentrant
@view
@external
def getMinimumBond(currency: address) -> uint256:
    return MINIMUM_BOND if currency == defaultCurrency else 0


@internal
def _assert(
    claim: Bytes[MAX_CLAIM],
    asserter: address,
    recipient: address,
    manager: address,
    liveness: uint64,
    currency: address,
    bond: uint256,
    identifier: bytes32,
    domain: bytes32,
) -> bytes32:
    assert asserter != empty(address), "assertions: no asserter"
    assert currency == defaultCurrency, "assertions: unsupported currency"
    assert bond >= MINIMUM_BOND and bond <= BOND_MASK, "assertions: bond out of range"
    assert identifier in [ASSERT_TRUTH, MODEL_ANSWER], "assertions: unsupported identifier"
    expiry: uint256 = block.timestamp + convert(liveness, uint256)
    assert expiry <= TIME_MASK, "assertions: liveness too long"
    id: bytes32 = keccak256(
        abi_encode(claim, bond, block.timestamp, liveness, currency, recipient, manager, identifier, msg.sender)
    )
    assert self._head[id] == 0, "assertions: already asserted"
    head: uint256 = convert(asserter, uint256) | (block.timestamp << 160) | (expiry << 200)
    if identifier == MODEL_ANSWER:
        head |= OF_MODEL
        self._keep_claim(id, claim)
    self._head[id] = head
    self._bond[id] = bond << 160
    if asserter != msg.sender:
        self._case[id] = convert(msg.sender, uint256)
    self._keep_choices(id, recipient, manager, domain)
    log IAssertions.AssertionMade(
        assertionId=id,
        domainId=domain,
        claim=claim,
        asserter=asserter,
        callbackRecipient=recipient,
        escalationManager=manager,
        caller=msg.sender,
        expirationTime=convert(expiry, uint64),
        currency=currency,
        bond=bond,
        identifier=identifier,
    )
    self._pull(bond)
    return id


@internal
def _keep_claim(id: bytes32, claim: Bytes[MAX_CLAIM]):
    assert 64 < len(claim) and len(claim) <= 130, "assertions: no claim of an answer"
    self._claimed[id][0] = extract32(claim, 0)
    self._claimed[id][1] = extract32(claim, 32)
    self._claimed[id][2] = keccak256(slice(claim, 64, len(claim) - 64))


@internal
def _keep_choices(id: bytes32, recipient: address, manager: address, domain: bytes32):
    if recipient != empty(address):
        self._recipient[id] = recipient
    if manager != empty(address):
        assert manager.is_contract, "assertions: the manager is no contract"
        self._manager[id] = manager
    if domain != empty(bytes32):
        self._domain[id] = domain


@internal
def _settle(id: bytes32):
    head: uint256 = self._existing(id)
    assert head & SETTLED == 0, "assertions: already settled"
    word: uint256 = self._bond[id]
    disputed: bool = word & ADDRESS_MASK != 0
    asserter: address = convert(head & ADDRESS_MASK, address)
    disputer: address = convert(word & ADDRESS_MASK, address)
    winner: address = asserter
    verdict: IEvaluator.Verdict = empty(IEvaluator.Verdict)
    truth: bool = True
    if disputed:
        verdict = self._ruling(id)
        truth = self._says_true(id, head, verdict)
        winner = empty(address)  # both have their own bond back, unless there is a ruling
        if verdict.status == FINAL:
            winner = asserter if truth else disputer
    else:
        assert block.timestamp >= (head >> 200) & TIME_MASK, "assertions: not yet expired"
    self._head[id] = head | SETTLED | (AGREED if truth else 0)
    log IAssertions.AssertionSettled(
        assertionId=id, bondRecipient=winner, disputed=disputed, settlementResolution=truth, settleCaller=msg.sender
    )
    self._pay(word >> 160, winner, asserter, disputer, verdict.providers)
    self._call(id, abi_encode(id, truth, method_id=method_id("assertionResolvedCallback(bytes32,bool)")))


@view
@internal
def _ruling(id: bytes32) -> IEvaluator.Verdict:
    """
    @notice The final verdict on a disputed assertion; an empty one if there will be none.
    """
    deadline: uint256 = (self._case[id] >> 160) + arbitration_seconds
    if block.timestamp > deadline + patience:
        return empty(IEvaluator.Verdict)
    verdict: IEvaluator.Verdict = staticcall IEvaluator(self._arbiter_of(id)).verdict(self, convert(id, uint256))
    if verdict.status == FAILED or (verdict.status == UNANSWERED and block.timestamp > deadline):
        return empty(IEvaluator.Verdict)
    assert verdict.status == FINAL, "assertions: the arbiter has not ruled"
    return verdict


@view
@internal
def _says_true(id: bytes32, head: uint256, verdict: IEvaluator.Verdict) -> bool:
    size: uint256 = len(verdict.answer)
    if verdict.status != FINAL or size < 2:
        return False
    if head & OF_MODEL != 0:
        return keccak256(verdict.answer) == self._claimed[id][2]
    return slice(verdict.answer, size - 2, 2) != b"\x00\x00"


@internal
def _pay(bond: uint256, winner: address, asserter: address, disputer: address, providers: DynArray[address, 16]):
    """
    @notice Undisputed, or without a ruling: each has its own bond back. Else the winner has both, less half of one:
         of that half, one half is burnt and the other credited to those who did the arbiter's work.
    """
    if winner == empty(address):
        self._push(disputer, bond)
    if winner == empty(address) or disputer == empty(address):
        self._push(asserter, bond)
        return
    fee: uint256 = bond * burnedBondPercentage // 10**18
    burnt: uint256 = fee
    if len(providers) > 0:
        part: uint256 = (fee - fee // 2) // len(providers)
        for provider: address in providers:
            self.credit[provider] += part
        burnt -= part * len(providers)
    if burnt > 0:
        extcall ICreditToken(defaultCurrency).burn(burnt)
    self._push(winner, 2 * bond - fee)


@internal
def _call(id: bytes32, message: Bytes[68]):
    """
    @dev A call gets at most 63/64 of what is left. Less than the cap would let whoever settles starve the recipient.
         Nothing of what it returns is copied, and its failure is noted, not passed on.
    """
    recipient: address = self._recipient[id]
    if recipient == empty(address):
        return
    assert msg.gas >= CALLBACK_GAS + CALLBACK_GAS // 63 + RESERVE, "assertions: too little gas for the callback"
    passed: bool = raw_call(recipient, message, gas=CALLBACK_GAS, revert_on_failure=False)
    log IAssertions.Called(assertionId=id, recipient=recipient, passed=passed)


@internal
def _pull(amount: uint256):
    if amount > 0:
        # slither-disable-next-line reentrancy-unlocked the last step; a callback may assert again
        assert extcall IERC20(defaultCurrency).transferFrom(msg.sender, self, amount), "assertions: no bond given"


@internal
def _push(to: address, amount: uint256):
    if amount > 0:
        assert extcall IERC20(defaultCurrency).transfer(to, amount), "assertions: the token refused to pay"


@view
@internal
def _existing(id: bytes32) -> uint256:
    head: uint256 = self._head[id]
    assert head != 0, "assertions: no such assertion"
    return head


@view
@internal
def _arbiter_of(id: bytes32) -> address:
    manager: address = self._manager[id]
    return manager if manager != empty(address) else arbiter
