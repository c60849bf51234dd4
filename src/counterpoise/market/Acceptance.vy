# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Acceptance: escrowed jobs that the client's silence decides
@license Apache-2.0
@notice The evaluator of jobs whose work no model can run again. The client accepts, and the provider is paid; or says
     nothing through its window, and anyone has the provider paid; or objects with a bond. Then the provider defends its
     work with a bond as high, or is not paid; and of what was defended an arbiter decides, at the loser's cost.
@dev It is evaluator and hook of its jobs (ERC-8183): with `fund` the client brings the terms, by `submit` it learns what
     was delivered and when. To arbiters it is an asker; a question's id is the job's.
     Three words a job: arbiter (160 bits) and bond (96); its course, as `lib/course` packs it; the deliverable.
@custom:trust The client names the arbiter, which alone decides what was objected to and defended. If it is silent the
     client is refunded: who provides looks at the terms before it works. Whoever is silent in its own window loses.
@custom:stop Nobody can stop it. Each stage ends by time and by anyone; work is taken only if every stage after it ends
     before the job expires, so no refund can outrun a conclusion. What expired all the same gives its bonds back here.
"""

from counterpoise.jobs import ICreditToken
from counterpoise.jobs import IJobs
from counterpoise.market import IAcceptance
from counterpoise.market.lib import course
from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator
from ethereum.ercs import IERC20

implements: IAcceptance
implements: IAsker

# As IJobs.Job.status counts.
FUNDED: constant(uint256) = 1
SUBMITTED: constant(uint256) = 2
# As IEvaluator.Verdict.status counts.
UNANSWERED: constant(uint256) = 0
FINAL: constant(uint256) = 3
FAILED: constant(uint256) = 4
# Where a case stands.
AGREED: constant(uint256) = 1
DELIVERED: constant(uint256) = 2
OBJECTED: constant(uint256) = 3
DEFENDED: constant(uint256) = 4
CONCLUDED: constant(uint256) = 5
# What ended it.
ACCEPTED: constant(uint256) = 1
SILENCE: constant(uint256) = 2
CONCEDED: constant(uint256) = 3
NOTHING_DELIVERED: constant(uint256) = 4
UNDEFENDED: constant(uint256) = 5
RULED: constant(uint256) = 6
NO_RULING: constant(uint256) = 7

FUND: constant(bytes4) = method_id("fund(uint256,uint256,bytes)", output_type=bytes4)
SUBMIT: constant(bytes4) = method_id("submit(uint256,bytes32,bytes)", output_type=bytes4)
ACCEPT_WORK: constant(bytes32) = 0x4143434550545f574f524b000000000000000000000000000000000000000000

PPM: constant(uint256) = 1_000_000
BOND_PPM: constant(uint256) = 100_000  # of the budget, where the client names no terms
FEE_PPM: constant(uint256) = 500_000  # of a lost bond; half of it pays the arbiter, half is burnt
ADDRESS_MASK: constant(uint256) = 2**160 - 1
BOND_MASK: constant(uint256) = 2**96 - 1
MAX_SECONDS: constant(uint256) = 2**32
ENCODED: constant(uint256) = 192  # bytes of abi.encode(terms)

JOBS: immutable(IJobs)
TOKEN: immutable(IERC20)
USUAL: immutable(IAcceptance.Terms)

credit: reentrant(public(HashMap[address, uint256]))
_stake: HashMap[uint256, uint256]
_word: HashMap[uint256, uint256]
_deliverable: HashMap[uint256, bytes32]


@deploy
def __init__(jobs_: address, usual: IAcceptance.Terms):
    """
    @param usual What holds for a client that brings no terms. `bond` is the least one of any terms; the usual one is a
         tenth of the budget where that is more. The windows are seconds: in which the client may object, the provider
         defend, an answer be proposed to the arbiter; and how long after that its ruling is waited for.
    """
    assert jobs_.is_contract, "acceptance: the escrow is no contract"
    assert usual.arbiter.is_contract, "acceptance: the usual arbiter is no contract"
    assert 0 < usual.bond and usual.bond <= BOND_MASK, "acceptance: bond out of range"
    assert course._seconds(usual) <= MAX_SECONDS, "acceptance: the usual windows are too long"
    JOBS = IJobs(jobs_)
    TOKEN = IERC20(staticcall IJobs(jobs_).paymentToken())
    USUAL = usual


@reentrant
@external
def beforeAction(jobId: uint256, selector: bytes4, data: Bytes[1120]):
    """
    @notice Keep the terms that the client funds by, and what the provider submits; the escrow only.
    @param data Of `fund`: nothing for the usual terms, or abi.encode(terms).
    @dev Open to reentry: the escrow calls it while a case is concluded. It then keeps nothing.
    """
    assert msg.sender == JOBS.address, "acceptance: not the escrow"
    if selector == FUND:
        self._agree(jobId, data)
    elif selector == SUBMIT:
        word: uint256 = self._word[jobId]
        assert block.timestamp <= course._latest(word), "acceptance: too late to be judged before the expiry"
        deliverable: bytes32 = extract32(data, 0)
        self._word[jobId] = course._at(word, DELIVERED)
        self._deliverable[jobId] = deliverable
        log IAcceptance.Delivered(job=jobId, deliverable=deliverable)


@reentrant
@external
def afterAction(jobId: uint256, selector: bytes4, data: Bytes[1120]):
    """
    @notice Nothing is due after a step.
    """
    assert msg.sender == JOBS.address, "acceptance: not the escrow after"


@external
def accept(job: uint256):
    """
    @notice The client takes the work, and the provider is paid. After an objection too, as long as nobody defended.
    """
    assert course._stage(self._word[job]) in [DELIVERED, OBJECTED], "acceptance: nothing to accept"
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert msg.sender == found.client, "acceptance: not the client to accept"
    self._end(job, found, ACCEPTED, True, empty(bytes32))


@external
def concede(job: uint256):
    """
    @notice The provider gives up its pay, and the client is refunded at once; as long as it has not defended.
    """
    assert course._stage(self._word[job]) in [AGREED, DELIVERED, OBJECTED], "acceptance: nothing to concede"
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert msg.sender == found.provider, "acceptance: not the provider to concede"
    self._end(job, found, CONCEDED, False, empty(bytes32))


@external
def object(job: uint256, grounds: bytes32):
    """
    @notice The client says, with a bond, that the work is not what was agreed.
    @param grounds Digest of why, for the provider and the arbiter to read.
    """
    word: uint256 = self._word[job]
    assert course._stage(word) == DELIVERED, "acceptance: nothing to object to"
    assert msg.sender == (staticcall JOBS.getJob(job)).client, "acceptance: not the client to object"
    assert block.timestamp < course._since(word) + course._window(word), "acceptance: the window is over"
    self._word[job] = course._at(word, OBJECTED)
    log IAcceptance.Objected(job=job, grounds=grounds)
    self._pull(self._stake[job] >> 160)


@external
def defend(job: uint256, grounds: bytes32):
    """
    @notice The provider says, with a bond as high, that it is; the question goes to the arbiter.
    """
    word: uint256 = self._word[job]
    assert course._stage(word) == OBJECTED, "acceptance: nothing to defend"
    assert msg.sender == (staticcall JOBS.getJob(job)).provider, "acceptance: not the provider to defend"
    assert block.timestamp < course._since(word) + course._defence(word), "acceptance: the time to defend is over"
    self._word[job] = course._at(word, DEFENDED)
    log IAcceptance.Defended(job=job, grounds=grounds)
    self._pull(self._stake[job] >> 160)


@external
def conclude(job: uint256):
    """
    @notice End a case whose time has come; anyone.
    @dev Paid: the client was silent, or the arbiter finds for the provider. Refunded: nothing was delivered in time, the
         provider did not defend, the arbiter finds for the client or has not ruled in time.
    """
    word: uint256 = self._word[job]
    stage: uint256 = course._stage(word)
    since: uint256 = course._since(word)
    found: IJobs.Job = staticcall JOBS.getJob(job)
    if stage == AGREED:
        assert block.timestamp > course._latest(word), "acceptance: work may still be submitted"
        self._end(job, found, NOTHING_DELIVERED, False, empty(bytes32))
    elif stage == DELIVERED:
        assert block.timestamp >= since + course._window(word), "acceptance: the client may still object"
        self._end(job, found, SILENCE, True, empty(bytes32))
    elif stage == OBJECTED:
        assert block.timestamp >= since + course._defence(word), "acceptance: the provider may still defend"
        self._end(job, found, UNDEFENDED, False, empty(bytes32))
    else:
        assert stage == DEFENDED, "acceptance: nothing to conclude"
        self._rule(job, found)


@external
def withdraw(account: address) -> uint256:
    """
    @notice Pay those who did an arbiter's work what they earned. Anyone may call; only `account` is paid.
    """
    amount: uint256 = self.credit[account]
    assert amount > 0, "acceptance: nothing earned"
    self.credit[account] = 0
    log IAcceptance.Withdrawn(account=account, amount=amount)
    self._push(account, amount)
    return amount


@reentrant
@view
@external
def question(id: uint256) -> IAsker.Question:
    """
    @notice Is the work what was agreed? A decision other than 0 says yes. Zeros unless a defended case is open.
    @dev The input names parties and work, so that after a reorganisation no ruling serves another case.
    """
    if course._stage(self._word[id]) != DEFENDED:
        return empty(IAsker.Question)
    found: IJobs.Job = staticcall JOBS.getJob(id)
    return IAsker.Question(
        model=ACCEPT_WORK,
        input=keccak256(abi_encode(JOBS.address, id, found.client, found.provider, self._deliverable[id])),
        evaluator=convert(self._stake[id] & ADDRESS_MASK, address),
        deadline=self._deadline(id),
    )


@reentrant
@view
@external
def case(job: uint256) -> IAcceptance.Case:
    """
    @notice What was agreed and where it stands; zeros if nothing was.
    """
    word: uint256 = self._word[job]
    stake: uint256 = self._stake[job]
    return IAcceptance.Case(
        terms=IAcceptance.Terms(
            arbiter=convert(stake & ADDRESS_MASK, address),
            bond=stake >> 160,
            window=course._window(word),
            defence=course._defence(word),
            arbitration=course._arbitration(word),
            patience=course._patience(word),
        ),
        stage=course._stage(word),
        since=course._since(word),
        latest=course._latest(word),
        deliverable=self._deliverable[job],
    )


@reentrant
@view
@external
def usual_terms(budget: uint256) -> IAcceptance.Terms:
    """
    @notice What holds for a job of this budget if its client brings no terms.
    """
    return self._usual(budget)


@reentrant
@view
@external
def jobs() -> address:
    """
    @notice The escrow whose jobs it decides.
    """
    return JOBS.address


@internal
def _agree(job: uint256, data: Bytes[1120]):
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert found.evaluator == self, "acceptance: not the evaluator of the job"
    terms: IAcceptance.Terms = empty(IAcceptance.Terms)
    if len(data) == 0:
        terms = self._usual(found.budget)
    else:
        assert len(data) == ENCODED, "acceptance: no terms"
        terms = abi_decode(data, IAcceptance.Terms)
        assert terms.bond <= max(found.budget, USUAL.bond), "acceptance: bond above the budget"
        assert USUAL.bond <= terms.bond, "acceptance: bond below the least"
    assert terms.arbiter.is_contract, "acceptance: the arbiter is no contract"
    word: uint256 = course._packed(terms, found.expiredAt)
    # slither-disable-next-line missing-bound,unsafe-math bonds are bounded by the budget, and that by 2**96, just above
    self._stake[job] = convert(terms.arbiter, uint256) | (terms.bond << 160)
    self._word[job] = course._at(word, AGREED)
    log IAcceptance.Agreed(job=job, terms=terms, latest=course._latest(word))


@internal
def _rule(job: uint256, found: IJobs.Job):
    """
    @notice End a defended case. The winner has both bonds less half of one: that half is divided between a burnt share
         and those who did the arbiter's work. Without a ruling each has its own bond back.
    """
    stake: uint256 = self._stake[job]
    bond: uint256 = stake >> 160
    verdict: IEvaluator.Verdict = self._ruling(job, convert(stake & ADDRESS_MASK, address))
    if verdict.status != FINAL:
        self._end(job, found, NO_RULING, False, empty(bytes32))
        self._push(found.client, bond)
        self._push(found.provider, bond)
        return
    size: uint256 = len(verdict.answer)
    good: bool = size >= 2 and slice(verdict.answer, size - 2, 2) != b"\x00\x00"
    fee: uint256 = bond * FEE_PPM // PPM
    burnt: uint256 = fee
    if len(verdict.providers) > 0:
        part: uint256 = (fee - fee // 2) // len(verdict.providers)
        burnt -= part * len(verdict.providers)
        for account: address in verdict.providers:
            self.credit[account] += part
    self._end(job, found, RULED, good, verdict.evidence)
    if burnt > 0:
        extcall ICreditToken(TOKEN.address).burn(burnt)
    self._push(found.provider if good else found.client, 2 * bond - fee)


@view
@internal
def _ruling(job: uint256, arbiter: address) -> IEvaluator.Verdict:
    """
    @notice The arbiter's final verdict; an empty one if there will be none.
    """
    deadline: uint256 = self._deadline(job)
    if block.timestamp > deadline + course._patience(self._word[job]):
        return empty(IEvaluator.Verdict)
    verdict: IEvaluator.Verdict = staticcall IEvaluator(arbiter).verdict(self, job)
    if verdict.status == FAILED or (verdict.status == UNANSWERED and block.timestamp > deadline):
        return empty(IEvaluator.Verdict)
    assert verdict.status == FINAL, "acceptance: the arbiter has not ruled"
    return verdict


@internal
def _end(job: uint256, found: IJobs.Job, outcome: uint256, good: bool, evidence: bytes32):
    """
    @notice Close a case and have the escrow pay or refund; not if it was refunded by time already. An objection's bond
         goes back, if nobody defended: of the two bonds of a defence `_rule` decides.
    """
    objected: bool = course._stage(self._word[job]) == OBJECTED
    paid: bool = good and found.status == SUBMITTED
    self._word[job] = course._at(self._word[job], CONCLUDED)
    log IAcceptance.Concluded(job=job, outcome=outcome, paid=paid, evidence=evidence)
    if paid:
        extcall JOBS.complete(job, evidence, b"")
    elif found.status in [FUNDED, SUBMITTED]:
        extcall JOBS.reject(job, evidence, b"")
    if objected:
        self._push(found.client, self._stake[job] >> 160)


@internal
def _pull(amount: uint256):
    assert extcall TOKEN.transferFrom(msg.sender, self, amount), "acceptance: no bond given"


@internal
def _push(to: address, amount: uint256):
    assert extcall TOKEN.transfer(to, amount), "acceptance: the token refused to pay"


@view
@internal
def _usual(budget: uint256) -> IAcceptance.Terms:
    terms: IAcceptance.Terms = USUAL
    terms.bond = max(USUAL.bond, budget * BOND_PPM // PPM)
    return terms


@view
@internal
def _deadline(job: uint256) -> uint256:
    """
    @notice The last second in which an answer may be proposed to the arbiter of a defended case.
    """
    word: uint256 = self._word[job]
    return course._since(word) + course._arbitration(word)
