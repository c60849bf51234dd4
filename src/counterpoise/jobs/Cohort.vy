# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Cohorts: stakes and cumulative claims of federated jobs
@license Apache-2.0
@notice The provider of an escrowed job that many work on. Members stake when they join; when the job is paid, each
     draws its own part of the pot by a proof against one root, once for all rounds.
@dev Three words a job and one word a member:
     terms   rounds contract (160 bits), stake (96)
     purse   owed to members (96), spare for the sponsor (96), expiry (40), last round (16), state (8)
     root    of the tree over keccak(keccak(abi.encode(chain id, this, job, round, account, due)))
     member  drawn (112), stake (112), joined (8); never empty again, so that no claim pays for a fresh slot
@custom:trust The rounds contract of a job, named by its sponsor, chooses who is paid out of that job's pot and which
     of its members is slashed: join only under a contract you have checked. It cannot touch another job's tokens.
@custom:stop Nobody can stop it. Stakes come back when the job has ended or expired, whoever is silent.
"""

from ethereum.ercs import IERC20

from counterpoise.jobs import ICohort
from counterpoise.jobs import IJobs

implements: ICohort

interface IAuthorized:
    def receiveWithAuthorization(
        payer: address,
        to: address,
        amount: uint256,
        valid_after: uint256,
        valid_before: uint256,
        nonce: bytes32,
        v: uint8,
        r: bytes32,
        s: bytes32,
    ): nonpayable

# The stages of a job, as IJobs.Job.status counts them.
FUNDED: constant(uint256) = 1
COMPLETED: constant(uint256) = 3
# The states of a purse.
GATHERING: constant(uint256) = 1
DELIVERED: constant(uint256) = 2
PAID: constant(uint256) = 3

PERMIT: constant(bytes4) = method_id(
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", output_type=bytes4
)
MAX_DEPTH: constant(uint256) = 32
ADDRESS_MASK: constant(uint256) = 2**160 - 1
AMOUNT_MASK: constant(uint256) = 2**96 - 1
EXPIRY_MASK: constant(uint256) = 2**40 - 1
ROUND_MASK: constant(uint256) = 2**16 - 1
MEMBER_MASK: constant(uint256) = 2**112 - 1
JOINED: constant(uint256) = 1 << 224

JOBS: immutable(IJobs)
TOKEN: immutable(IERC20)

_terms: HashMap[uint256, uint256]
_purse: HashMap[uint256, uint256]
_root: HashMap[uint256, bytes32]
_member: HashMap[uint256, HashMap[address, uint256]]


@deploy
def __init__(token: address, jobs: address):
    assert staticcall IJobs(jobs).paymentToken() == token, "cohort: jobs pays in another token"
    TOKEN = IERC20(token)
    JOBS = IJobs(jobs)


@external
def open(job: uint256, stake: uint256, rounds: address):
    """
    @notice Let members join a funded job; its client only, once.
    @param stake What each member stakes, in base units of the token; may be zero.
    @param rounds The evaluator of the job, which alone delivers and slashes.
    """
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert msg.sender == found.client, "cohort: not the sponsor"
    assert found.provider == self, "cohort: not the provider of the job"
    assert found.evaluator == rounds, "cohort: not the evaluator of the job"
    assert rounds.is_contract, "cohort: the evaluator is no contract"
    assert found.hook == empty(address), "cohort: the job has a hook"
    assert found.status == FUNDED, "cohort: the job is not funded"
    assert block.timestamp < found.expiredAt, "cohort: the job has expired"
    assert self._purse[job] == 0, "cohort: already open"
    assert stake <= AMOUNT_MASK, "cohort: stake above 2**96"
    self._terms[job] = convert(rounds, uint256) | (stake << 160)
    self._purse[job] = self._purse_word(0, 0, found.expiredAt, 0, GATHERING)
    log ICohort.CohortOpened(job=job, sponsor=msg.sender, rounds=rounds, stake=stake, expires=found.expiredAt)


@external
def join(job: uint256, dataset: bytes32):
    """
    @notice Join a job with its stake, which this contract was approved to take.
    @param dataset Digest of the member's dataset statement.
    """
    self._take(msg.sender, self._enter(job, msg.sender, dataset))


@external
def join_with_permit(job: uint256, dataset: bytes32, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Join with an EIP-2612 permit for exactly the stake, instead of an approval before.
    @dev A permit that somebody else has sent already fails here; the allowance it left is used then.
    """
    stake: uint256 = self._enter(job, msg.sender, dataset)
    # slither-disable-next-line unchecked-raw without an allowance the transfer below is refused
    used: bool = raw_call(
        TOKEN.address,
        abi_encode(msg.sender, self, stake, deadline, v, r, s, method_id=PERMIT),
        revert_on_failure=False,
    )
    self._take(msg.sender, stake)


@external
def join_with_authorization(
    account: address,
    job: uint256,
    dataset: bytes32,
    salt: bytes32,
    valid_before: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Bring an account into a job by its EIP-3009 authorization; anyone may send it and pay the gas.
    @dev The nonce of the authorization is `join_nonce`, so that it serves for this job and this dataset alone.
    """
    stake: uint256 = self._enter(job, account, dataset)
    assert stake != 0, "cohort: nothing to authorize"
    before: uint256 = staticcall TOKEN.balanceOf(self)
    extcall IAuthorized(TOKEN.address).receiveWithAuthorization(
        account, self, stake, 0, valid_before, self._join_nonce(job, dataset, salt), v, r, s
    )
    assert staticcall TOKEN.balanceOf(self) == before + stake, "cohort: authorized stake is short"


@external
def slash(job: uint256, account: address, amount: uint256, reason: bytes32):
    """
    @notice Take from a member's stake for a fault that can be proven; the rounds contract of the job alone.
    @dev What is taken goes to the spare of the job. A low contribution is no fault and is never slashed.
    @param reason Digest of the evidence.
    """
    self._check_rounds(job)
    purse: uint256 = self._purse[job]
    assert self._state(purse) == GATHERING, "cohort: too late to slash"
    assert block.timestamp < self._expiry(purse), "cohort: slashed after the expiry"
    word: uint256 = self._member[job][account]
    stake: uint256 = (word >> 112) & MEMBER_MASK
    assert amount <= stake, "cohort: more than the stake"
    assert amount != 0, "cohort: nothing to slash"
    self._member[job][account] = JOINED | ((stake - amount) << 112) | (word & MEMBER_MASK)
    spare: uint256 = ((purse >> 96) & AMOUNT_MASK) + amount
    self._purse[job] = self._purse_word(0, spare, self._expiry(purse), 0, GATHERING)
    log ICohort.Slashed(job=job, account=account, amount=amount, reason=reason)


@external
def deliver(job: uint256, round: uint256, model: bytes32, pay_root: bytes32, pay_total: uint256):
    """
    @notice Submit the work of the cohort to escrow and fix what each member is due; the rounds contract alone.
    @dev Nothing can be claimed before `settle` has seen the escrow paid out.
    @param round The last round that counts; named by every leaf.
    @param model Digest of the model, the deliverable of the job.
    @param pay_total The sum of what the leaves are due, at most the budget.
    """
    self._check_rounds(job)
    purse: uint256 = self._purse[job]
    assert self._state(purse) == GATHERING, "cohort: already delivered"
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert pay_total <= found.budget, "cohort: more than the budget"
    assert round <= ROUND_MASK, "cohort: round above 2**16"
    self._root[job] = pay_root
    spare: uint256 = (purse >> 96) & AMOUNT_MASK
    self._purse[job] = self._purse_word(pay_total, spare, self._expiry(purse), round, DELIVERED)
    log ICohort.Delivered(job=job, round=round, model=model, pay_root=pay_root, pay_total=pay_total)
    extcall JOBS.submit(job, model, b"")


@external
def settle(job: uint256):
    """
    @notice Open the claims of a job once its escrow was paid to this contract; anyone.
    @dev Without this step an evaluator could deliver, never complete, and draw on other jobs' tokens.
    """
    purse: uint256 = self._purse[job]
    assert self._state(purse) == DELIVERED, "cohort: nothing to settle"
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert found.status == COMPLETED, "cohort: the job is not paid"
    owed: uint256 = purse & AMOUNT_MASK
    spare: uint256 = ((purse >> 96) & AMOUNT_MASK) + found.budget - owed
    self._purse[job] = self._purse_word(owed, spare, self._expiry(purse), (purse >> 232) & ROUND_MASK, PAID)
    log ICohort.Settled(job=job, owed=owed, spare=spare)


@external
def claim(job: uint256, account: address, due: uint256, proof: DynArray[bytes32, MAX_DEPTH]):
    """
    @notice Pay a member what it has not drawn of its due. Anyone may call; only the member is paid.
    @param due The member's total over all rounds, in base units, as the root commits to it.
    """
    # Written out, since each internal call would add 50 to 800 gas to the one call that every member makes.
    purse: uint256 = self._purse[job]
    assert purse >> 248 == PAID, "cohort: nothing to claim yet"
    node: bytes32 = keccak256(keccak256(abi_encode(chain.id, self, job, (purse >> 232) & ROUND_MASK, account, due)))
    for sibling: bytes32 in proof:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(abi_encode(node, sibling))
        else:
            node = keccak256(abi_encode(sibling, node))
    assert node == self._root[job], "cohort: not in the root"
    word: uint256 = self._member[job][account]
    assert word & JOINED != 0, "cohort: claim by no member"
    assert due > word & MEMBER_MASK, "cohort: nothing due"
    amount: uint256 = unsafe_sub(due, word & MEMBER_MASK)
    assert amount <= purse & AMOUNT_MASK, "cohort: more than is owed"
    self._member[job][account] = unsafe_add(word, amount)
    self._purse[job] = unsafe_sub(purse, amount)
    log ICohort.Claimed(job=job, account=account, amount=amount)
    assert extcall TOKEN.transfer(account, amount, default_return_value=True), "cohort: the token refused the claim"


@external
def withdraw(job: uint256, account: address):
    """
    @notice Give a member's stake back once the job has ended or expired. Anyone may call; only the member is paid.
    """
    self._check_over(job)
    word: uint256 = self._member[job][account]
    stake: uint256 = (word >> 112) & MEMBER_MASK
    assert stake != 0, "cohort: no stake"
    self._member[job][account] = word - (stake << 112)
    log ICohort.StakeReturned(job=job, account=account, amount=stake)
    self._pay(account, stake)


@external
def refund(job: uint256):
    """
    @notice Give the sponsor what no member is due: the unallotted part of the pot, and slashed stakes.
    """
    self._check_over(job)
    purse: uint256 = self._purse[job]
    spare: uint256 = (purse >> 96) & AMOUNT_MASK
    assert spare != 0, "cohort: nothing left over"
    found: IJobs.Job = staticcall JOBS.getJob(job)
    self._purse[job] = purse - (spare << 96)
    log ICohort.RemainderReturned(job=job, sponsor=found.client, amount=spare)
    self._pay(found.client, spare)


@view
@external
def terms(job: uint256) -> ICohort.Terms:
    """
    @notice What a member agrees to: the rounds contract, the stake, the expiry; zeros if the job is not open.
    """
    word: uint256 = self._terms[job]
    return ICohort.Terms(
        rounds=convert(word & ADDRESS_MASK, address), stake=word >> 160, expires=self._expiry(self._purse[job])
    )


@view
@external
def purse(job: uint256) -> ICohort.Purse:
    """
    @notice What the job owes its members and its sponsor. States: 1 gathering, 2 delivered, 3 paid.
    """
    word: uint256 = self._purse[job]
    round: uint256 = (word >> 232) & ROUND_MASK
    spare: uint256 = (word >> 96) & AMOUNT_MASK
    return ICohort.Purse(state=self._state(word), round=round, owed=word & AMOUNT_MASK, spare=spare)


@view
@external
def pay_root(job: uint256) -> bytes32:
    """
    @notice The root of the claims of a delivered job; zero before.
    """
    return self._root[job]


@view
@external
def member(job: uint256, account: address) -> ICohort.Member:
    """
    @notice Whether an account has joined, what it has at stake, what it has drawn.
    """
    word: uint256 = self._member[job][account]
    stake: uint256 = (word >> 112) & MEMBER_MASK
    return ICohort.Member(joined=word & JOINED != 0, stake=stake, drawn=word & MEMBER_MASK)


@view
@external
def leaf(job: uint256, round: uint256, account: address, due: uint256) -> bytes32:
    """
    @notice The leaf of a claim, for tools that build the tree.
    """
    return keccak256(keccak256(abi_encode(chain.id, self, job, round, account, due)))


@view
@external
def join_nonce(job: uint256, dataset: bytes32, salt: bytes32) -> bytes32:
    """
    @notice The EIP-3009 nonce under which an account authorizes its stake for this job and dataset.
    """
    return self._join_nonce(job, dataset, salt)


@view
@external
def jobs() -> address:
    return JOBS.address


@internal
def _enter(job: uint256, account: address, dataset: bytes32) -> uint256:
    terms: uint256 = self._terms[job]
    assert terms != 0, "cohort: not open"
    purse: uint256 = self._purse[job]
    assert self._state(purse) == GATHERING, "cohort: too late to join"
    assert block.timestamp < self._expiry(purse), "cohort: joined after the expiry"
    assert self._member[job][account] == 0, "cohort: already joined"
    stake: uint256 = terms >> 160
    self._member[job][account] = JOINED | (stake << 112)
    log ICohort.Joined(job=job, account=account, dataset=dataset, stake=stake)
    return stake


@internal
def _take(account: address, stake: uint256):
    if stake == 0:
        return
    before: uint256 = staticcall TOKEN.balanceOf(self)
    taken: bool = extcall TOKEN.transferFrom(account, self, stake, default_return_value=True)
    assert taken, "cohort: the token refused the stake"
    assert staticcall TOKEN.balanceOf(self) == before + stake, "cohort: the token kept a fee"


@internal
def _pay(to: address, amount: uint256):
    paid: bool = extcall TOKEN.transfer(to, amount, default_return_value=True)
    assert paid, "cohort: the token refused to pay"


@view
@internal
def _check_rounds(job: uint256):
    assert convert(msg.sender, uint256) == self._terms[job] & ADDRESS_MASK, "cohort: not the rounds contract"


@view
@internal
def _check_over(job: uint256):
    purse: uint256 = self._purse[job]
    assert purse != 0, "cohort: never opened"
    if self._state(purse) == PAID or block.timestamp >= self._expiry(purse):
        return
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert found.status > COMPLETED, "cohort: the job is not over"


@view
@internal
def _join_nonce(job: uint256, dataset: bytes32, salt: bytes32) -> bytes32:
    return keccak256(abi_encode(chain.id, self, job, dataset, salt))


@pure
@internal
def _state(purse: uint256) -> uint256:
    return purse >> 248


@pure
@internal
def _expiry(purse: uint256) -> uint256:
    return (purse >> 192) & EXPIRY_MASK


@pure
@internal
def _purse_word(owed: uint256, spare: uint256, expiry: uint256, round: uint256, state: uint256) -> uint256:
    assert spare <= AMOUNT_MASK, "cohort: spare above 2**96"
    return owed | (spare << 96) | (expiry << 192) | (round << 232) | (state << 248)
