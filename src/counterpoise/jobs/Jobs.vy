# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Jobs in escrow (ERC-8183)
@license Apache-2.0
@notice A client escrows a budget, a provider submits work, an evaluator alone says whether it is paid.
@dev A job is three storage words, four with a hook:
     head   client (160 bits), expiry (40), status (8), hooked (8)
     terms  provider (160), budget (96)
     then the evaluator, and the hook. The description lives in the log of its creation.
     The token is fixed at deployment. Payment is pushed, as the standard asks.
@custom:trust The evaluator of a job decides alone about that job's budget. A hook, chosen by the client, can
     block every step of its own job but the refund. Nobody can touch another job; there is no owner and no fee.
@custom:stop Nobody can stop it. A job that stalls is refunded to its client after its expiry, by anyone.
"""

from ethereum.ercs import IERC20

from counterpoise.jobs import IJobs

implements: IJobs

OPEN: constant(uint256) = 0
FUNDED: constant(uint256) = 1
SUBMITTED: constant(uint256) = 2
COMPLETED: constant(uint256) = 3
REJECTED: constant(uint256) = 4
EXPIRED: constant(uint256) = 5

GRACE: constant(uint256) = 3600  # seconds after expiry in which only the evaluator may end a submitted job
HOOK_GAS: constant(uint256) = 200_000  # for each of the two calls of a hook
PARAMS: constant(uint256) = 1024  # bytes of optParams
HOOK_DATA: constant(uint256) = 1120  # abi.encode(one word, optParams)

SET_PROVIDER: constant(bytes4) = method_id("setProvider(uint256,address,bytes)", output_type=bytes4)
SET_BUDGET: constant(bytes4) = method_id("setBudget(uint256,uint256,bytes)", output_type=bytes4)
FUND: constant(bytes4) = method_id("fund(uint256,uint256,bytes)", output_type=bytes4)
SUBMIT: constant(bytes4) = method_id("submit(uint256,bytes32,bytes)", output_type=bytes4)
COMPLETE: constant(bytes4) = method_id("complete(uint256,bytes32,bytes)", output_type=bytes4)
REJECT: constant(bytes4) = method_id("reject(uint256,bytes32,bytes)", output_type=bytes4)

ADDRESS_MASK: constant(uint256) = 2**160 - 1
EXPIRY_MASK: constant(uint256) = 2**40 - 1
BUDGET_MASK: constant(uint256) = 2**96 - 1
STATUS_SHIFT: constant(uint256) = 200
HOOKED: constant(uint256) = 1 << 208

TOKEN: immutable(IERC20)

_count: uint256
_head: HashMap[uint256, uint256]
_terms: HashMap[uint256, uint256]
_evaluator: HashMap[uint256, address]
_hook: HashMap[uint256, address]


@deploy
def __init__(token: address):
    assert token.is_contract, "jobs: the token is no contract"
    TOKEN = IERC20(token)


@external
def createJob(
    provider: address, evaluator: address, expiredAt: uint256, description: String[512], hook: address
) -> uint256:
    """
    @notice Open a job; the caller is its client.
    @param provider Who will do the work; zero to choose with `setProvider`.
    @param evaluator Who decides; may be the client, never the provider.
    @param expiredAt Unix time after which the client can be refunded.
    @param description A brief or the digest of one; kept in the log only.
    @param hook A contract called around each step but the refund; zero for none.
    @return The id of the job, counted from 1.
    """
    return self._create(provider, evaluator, expiredAt, description, hook, OPEN, 0)


@external
def createAndFund(
    provider: address, evaluator: address, expiredAt: uint256, description: String[512], budget: uint256
) -> uint256:
    """
    @notice Open a job without a hook and fund it, in one transaction.
    """
    assert provider != empty(address), "jobs: no provider to fund"
    job_id: uint256 = self._create(provider, evaluator, expiredAt, description, empty(address), FUNDED, budget)
    self._check_budget(budget)
    log IJobs.BudgetSet(jobId=job_id, amount=budget)
    self._escrow(job_id, budget)
    return job_id


@external
def setProvider(jobId: uint256, provider: address, optParams: Bytes[PARAMS]):
    """
    @notice Name the provider of a job that was opened without one.
    """
    head: uint256 = self._head_in(jobId, OPEN)
    self._check_client(head)
    terms: uint256 = self._terms[jobId]
    assert terms & ADDRESS_MASK == 0, "jobs: provider already set"
    assert provider != empty(address), "jobs: provider is zero"
    self._check_parties(msg.sender, provider, self._evaluator[jobId])
    if head & HOOKED != 0:
        self._before(jobId, SET_PROVIDER, abi_encode(provider, optParams))
    self._terms[jobId] = terms | convert(provider, uint256)
    log IJobs.ProviderSet(jobId=jobId, provider=provider)
    if head & HOOKED != 0:
        self._after(jobId, SET_PROVIDER, abi_encode(provider, optParams))


@external
def setBudget(jobId: uint256, amount: uint256, optParams: Bytes[PARAMS]):
    """
    @notice Set or change the price of an open job, in base units of the token; client or provider.
    """
    head: uint256 = self._head_in(jobId, OPEN)
    terms: uint256 = self._terms[jobId]
    caller: uint256 = convert(msg.sender, uint256)
    assert caller in [head & ADDRESS_MASK, terms & ADDRESS_MASK], "jobs: not the client or the provider"
    assert amount <= BUDGET_MASK, "jobs: budget above 2**96"
    if head & HOOKED != 0:
        self._before(jobId, SET_BUDGET, abi_encode(amount, optParams))
    self._terms[jobId] = (terms & ADDRESS_MASK) | (amount << 160)
    log IJobs.BudgetSet(jobId=jobId, amount=amount)
    if head & HOOKED != 0:
        self._after(jobId, SET_BUDGET, abi_encode(amount, optParams))


@external
def fund(jobId: uint256, expectedBudget: uint256, optParams: Bytes[PARAMS]):
    """
    @notice Move the budget from the client into escrow.
    @param expectedBudget What the client agreed to; another budget set in between is refused.
    """
    head: uint256 = self._head_in(jobId, OPEN)
    self._check_client(head)
    self._check_time(head)
    terms: uint256 = self._terms[jobId]
    assert terms & ADDRESS_MASK != 0, "jobs: no provider yet"
    assert terms >> 160 == expectedBudget, "jobs: budget is not the expected one"
    self._check_budget(expectedBudget)
    if head & HOOKED != 0:
        self._before(jobId, FUND, optParams)
    self._head[jobId] = self._with_status(head, FUNDED)
    self._escrow(jobId, expectedBudget)
    if head & HOOKED != 0:
        self._after(jobId, FUND, optParams)


@external
def submit(jobId: uint256, deliverable: bytes32, optParams: Bytes[PARAMS]):
    """
    @notice Say that the work is done; the provider, before the expiry.
    @param deliverable Digest of the work.
    """
    head: uint256 = self._head_in(jobId, FUNDED)
    self._check_time(head)
    assert convert(msg.sender, uint256) == self._terms[jobId] & ADDRESS_MASK, "jobs: not the provider"
    if head & HOOKED != 0:
        self._before(jobId, SUBMIT, abi_encode(deliverable, optParams))
    self._head[jobId] = self._with_status(head, SUBMITTED)
    log IJobs.JobSubmitted(jobId=jobId, provider=msg.sender, deliverable=deliverable)
    if head & HOOKED != 0:
        self._after(jobId, SUBMIT, abi_encode(deliverable, optParams))


@external
def complete(jobId: uint256, reason: bytes32, optParams: Bytes[PARAMS]):
    """
    @notice Accept submitted work and pay its provider; the evaluator, until a refund was claimed.
    @param reason Digest of the evidence, or zero.
    """
    head: uint256 = self._head_in(jobId, SUBMITTED)
    self._check_evaluator(jobId)
    if head & HOOKED != 0:
        self._before(jobId, COMPLETE, abi_encode(reason, optParams))
    self._head[jobId] = self._with_status(head, COMPLETED)
    terms: uint256 = self._terms[jobId]
    provider: address = convert(terms & ADDRESS_MASK, address)
    log IJobs.JobCompleted(jobId=jobId, evaluator=msg.sender, reason=reason)
    log IJobs.PaymentReleased(jobId=jobId, provider=provider, amount=terms >> 160)
    self._pay(provider, terms >> 160)
    if head & HOOKED != 0:
        self._after(jobId, COMPLETE, abi_encode(reason, optParams))


@external
def reject(jobId: uint256, reason: bytes32, optParams: Bytes[PARAMS]):
    """
    @notice End a job without payment: the client while it is open, the evaluator once it is funded.
    @param reason Digest of the evidence, or zero.
    """
    head: uint256 = self._existing(jobId)
    status: uint256 = self._status(head)
    assert status <= SUBMITTED, "jobs: already ended"
    if status == OPEN:
        self._check_client(head)
    else:
        self._check_evaluator(jobId)
    if head & HOOKED != 0:
        self._before(jobId, REJECT, abi_encode(reason, optParams))
    self._head[jobId] = self._with_status(head, REJECTED)
    log IJobs.JobRejected(jobId=jobId, rejector=msg.sender, reason=reason)
    if status != OPEN:
        self._refund(jobId, head)
    if head & HOOKED != 0:
        self._after(jobId, REJECT, abi_encode(reason, optParams))


@external
def claimRefund(jobId: uint256):
    """
    @notice Give the escrow of an expired job back to its client; anyone, and no hook can block it.
    @dev Submitted work keeps the evaluator one hour more, so that nobody can refund it at the stroke of expiry.
    """
    head: uint256 = self._existing(jobId)
    status: uint256 = self._status(head)
    assert status in [FUNDED, SUBMITTED], "jobs: nothing in escrow"
    end: uint256 = (head >> 160) & EXPIRY_MASK
    if status == SUBMITTED:
        end += GRACE
    assert block.timestamp >= end, "jobs: not yet expired"
    self._head[jobId] = self._with_status(head, EXPIRED)
    log IJobs.JobExpired(jobId=jobId)
    self._refund(jobId, head)


@reentrant
@view
@external
def getJob(jobId: uint256) -> IJobs.Job:
    """
    @notice Everything that is stored about a job; hooks may read it in their calls.
    """
    head: uint256 = self._existing(jobId)
    terms: uint256 = self._terms[jobId]
    return IJobs.Job(
        client=convert(head & ADDRESS_MASK, address),
        provider=convert(terms & ADDRESS_MASK, address),
        evaluator=self._evaluator[jobId],
        hook=self._hook[jobId],
        budget=terms >> 160,
        expiredAt=(head >> 160) & EXPIRY_MASK,
        status=self._status(head),
    )


@reentrant
@view
@external
def jobCounter() -> uint256:
    return self._count


@reentrant
@view
@external
def paymentToken() -> address:
    return TOKEN.address


@internal
def _create(
    provider: address,
    evaluator: address,
    expired_at: uint256,
    description: String[512],
    hook: address,
    status: uint256,
    budget: uint256,
) -> uint256:
    assert evaluator != empty(address), "jobs: evaluator is zero"
    assert expired_at > block.timestamp, "jobs: expiry is not in the future"
    assert expired_at <= EXPIRY_MASK, "jobs: expiry above 2**40"
    self._check_parties(msg.sender, provider, evaluator)
    job_id: uint256 = self._count + 1
    self._count = job_id
    head: uint256 = convert(msg.sender, uint256) | (expired_at << 160) | (status << STATUS_SHIFT)
    if hook != empty(address):
        assert hook.is_contract, "jobs: the hook is no contract"
        self._hook[job_id] = hook
        head |= HOOKED
    self._head[job_id] = head
    self._terms[job_id] = convert(provider, uint256) | (budget << 160)
    self._evaluator[job_id] = evaluator
    log IJobs.JobCreated(
        jobId=job_id, client=msg.sender, provider=provider, evaluator=evaluator, expiredAt=expired_at, hook=hook
    )
    log IJobs.JobDescribed(jobId=job_id, description=description)
    return job_id


@internal
def _escrow(job_id: uint256, budget: uint256):
    log IJobs.JobFunded(jobId=job_id, client=msg.sender, amount=budget)
    before: uint256 = staticcall TOKEN.balanceOf(self)
    taken: bool = extcall TOKEN.transferFrom(msg.sender, self, budget, default_return_value=True)
    assert taken, "jobs: the token refused to fund"
    # A token that keeps a fee would leave the escrow of another job to pay this one.
    assert staticcall TOKEN.balanceOf(self) == before + budget, "jobs: the token kept a fee"


@internal
def _refund(job_id: uint256, head: uint256):
    client: address = convert(head & ADDRESS_MASK, address)
    budget: uint256 = self._terms[job_id] >> 160
    log IJobs.Refunded(jobId=job_id, client=client, amount=budget)
    self._pay(client, budget)


@internal
def _pay(to: address, amount: uint256):
    paid: bool = extcall TOKEN.transfer(to, amount, default_return_value=True)
    assert paid, "jobs: the token refused to pay"


@internal
def _before(job_id: uint256, selector: bytes4, data: Bytes[HOOK_DATA]):
    # slither-disable-next-line reentrancy-state ERC-8183 calls before the step; whatever writes is locked
    passed: bool = raw_call(
        self._hook[job_id],
        abi_encode(job_id, selector, data, method_id=method_id("beforeAction(uint256,bytes4,bytes)")),
        gas=HOOK_GAS,
        revert_on_failure=False,
    )
    assert passed, "jobs: the hook refused before"


@internal
def _after(job_id: uint256, selector: bytes4, data: Bytes[HOOK_DATA]):
    passed: bool = raw_call(
        self._hook[job_id],
        abi_encode(job_id, selector, data, method_id=method_id("afterAction(uint256,bytes4,bytes)")),
        gas=HOOK_GAS,
        revert_on_failure=False,
    )
    assert passed, "jobs: the hook refused after"


@view
@internal
def _existing(job_id: uint256) -> uint256:
    head: uint256 = self._head[job_id]
    assert head != 0, "jobs: no such job"
    return head


@view
@internal
def _head_in(job_id: uint256, status: uint256) -> uint256:
    head: uint256 = self._existing(job_id)
    assert self._status(head) == status, "jobs: not in the status for this"
    return head


@view
@internal
def _check_client(head: uint256):
    assert convert(msg.sender, uint256) == head & ADDRESS_MASK, "jobs: not the client"


@view
@internal
def _check_evaluator(job_id: uint256):
    assert msg.sender == self._evaluator[job_id], "jobs: not the evaluator"


@view
@internal
def _check_time(head: uint256):
    assert block.timestamp < (head >> 160) & EXPIRY_MASK, "jobs: expired"


@pure
@internal
def _check_budget(budget: uint256):
    assert budget != 0, "jobs: budget is zero"
    assert budget <= BUDGET_MASK, "jobs: budget above 2**96 funded"


@pure
@internal
def _check_parties(client: address, provider: address, evaluator: address):
    assert provider != client, "jobs: the provider is the client"
    assert provider != evaluator, "jobs: the provider is the evaluator"


@pure
@internal
def _status(head: uint256) -> uint256:
    return (head >> STATUS_SHIFT) & 255


@pure
@internal
def _with_status(head: uint256, status: uint256) -> uint256:
    return (head & ~convert(255 << STATUS_SHIFT, uint256)) | (status << STATUS_SHIFT)
