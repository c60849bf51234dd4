# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Rounds of federated jobs
@license Apache-2.0
@notice The evaluator of a federated job. Each round is two transactions of the coordinator, whatever the cohort: the
     root of all commitments, then the result. After the last challenge window anyone lets the job be paid.
@dev Three words a job and one word a round:
     plan    coordinator (160 bits), challenge seconds (32), rounds (16), expiry (40)
     watch   judge (160 bits), the one contract that may convict, zero for none; patience in seconds (32)
     course  total due (96), budget (96), time of the last result (40), last round (16), committed (1), finished (1)
     round   keccak of the commitment, then of the result: what the event of the same transaction spells out
@custom:trust The coordinator chooses every result. What it posts can be recomputed by anyone from evidence, and a
     judge, if the sponsor named one at the opening, holds its bond and can throw a false result out during its
     challenge window; with the zero address as judge nobody can. The coordinator cannot exceed the pot, nor pay before the last window.
@custom:stop The coordinator stops posting. When the patience of the job is over, or an hour before the expiry,
     anyone may finish with the rounds that stand; without any, the sponsor is refunded at the expiry.
"""

from counterpoise.federation import IRoundJudge
from counterpoise.federation import IRounds
from counterpoise.jobs import ICohort
from counterpoise.jobs import IJobs

implements: IRounds

FUNDED: constant(uint256) = 1  # as IJobs.Job.status counts
CLOSING: constant(uint256) = 3_600  # seconds before the expiry that every window leaves for finishing
KINDS: constant(uint256) = 2  # what a member may post by itself: 0 commitment, 1 reveal

# The first word of what a round's word hashes.
COMMITMENT: constant(uint256) = 1
RESULT: constant(uint256) = 2

ADDRESS_MASK: constant(uint256) = 2**160 - 1
AMOUNT_MASK: constant(uint256) = 2**96 - 1
TIME_MASK: constant(uint256) = 2**40 - 1
WINDOW_MASK: constant(uint256) = 2**32 - 1
ROUND_MASK: constant(uint256) = 2**16 - 1
COMMITTED: constant(uint256) = 1 << 248
FINISHED: constant(uint256) = 1 << 249

COHORT: immutable(ICohort)
JOBS: immutable(IJobs)

_plan: HashMap[uint256, uint256]
_watch: HashMap[uint256, uint256]
_course: HashMap[uint256, uint256]
_round: HashMap[uint256, HashMap[uint256, bytes32]]


@deploy
def __init__(jobs: address, cohort: address):
    assert staticcall ICohort(cohort).jobs() == jobs, "rounds: the cohort works for other jobs"
    JOBS = IJobs(jobs)
    COHORT = ICohort(cohort)


@external
def open(
    job: uint256,
    coordinator: address,
    rounds: uint256,
    challenge_seconds: uint256,
    task_digest: bytes32,
    judge: address,
    patience_seconds: uint256,
):
    """
    @notice Fix who coordinates a funded job and how; its sponsor only, once.
    @param rounds How many rounds are planned, from 1 to 65,535.
    @param challenge_seconds How long each result can be disputed.
    @param task_digest Digest of the task statement.
    @param judge The contract that may throw results out and slash stakes; zero for none.
    @param patience_seconds How long after a result without the next one anyone may finish.
    """
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert msg.sender == found.client, "rounds: not the sponsor"
    assert found.evaluator == self, "rounds: not the evaluator of the job"
    assert found.provider == COHORT.address, "rounds: not a job of the cohort"
    assert found.status == FUNDED, "rounds: the job is not funded"
    assert self._plan[job] == 0, "rounds: already open"
    assert coordinator != empty(address), "rounds: no coordinator"
    assert judge == empty(address) or judge.is_contract, "rounds: the judge is no contract"
    assert 0 < rounds and rounds <= ROUND_MASK, "rounds: number of rounds out of range"
    assert 0 < challenge_seconds and challenge_seconds <= WINDOW_MASK, "rounds: challenge window out of range"
    assert 0 < patience_seconds and patience_seconds <= WINDOW_MASK, "rounds: patience out of range"
    assert block.timestamp + challenge_seconds + CLOSING <= found.expiredAt, "rounds: expiry too near to open"
    self._plan[job] = (
        convert(coordinator, uint256) | (challenge_seconds << 160) | (rounds << 192) | (found.expiredAt << 208)
    )
    self._course[job] = (found.budget << 96) | (block.timestamp << 192)
    self._watch[job] = convert(judge, uint256) | (patience_seconds << 160)
    log IRounds.Opened(
        job=job,
        coordinator=coordinator,
        judge=judge,
        rounds=rounds,
        challenge_seconds=challenge_seconds,
        patience_seconds=patience_seconds,
        task_digest=task_digest,
    )


@external
def commit(job: uint256, round: uint256, commitments_root: bytes32):
    """
    @notice Begin the next round with the root of its commitments; the coordinator.
    """
    plan: uint256 = self._plan_of_coordinator(job)
    course: uint256 = self._running(job)
    assert round == self._last(course) + 1, "rounds: not the next round to commit"
    assert round <= (plan >> 192) & ROUND_MASK, "rounds: no more rounds planned"
    assert course & COMMITTED == 0, "rounds: already committed"
    self._check_window(plan)
    self._course[job] = course | COMMITTED
    self._round[job][round] = self._commitment_word(job, round, commitments_root, block.timestamp)
    log IRounds.Committed(job=job, round=round, commitments_root=commitments_root, time=block.timestamp)


@external
def result(job: uint256, round: uint256, content: IRounds.Result):
    """
    @notice Post what a committed round came to; the coordinator. Its challenge window opens now. Under a judge, only
         while the coordinator's bond is whole.
    @param content `pay_total` is cumulative over all rounds, as is the tree under `pay_root`; it may fall, for
         nothing is drawn before the last round is final.
    """
    plan: uint256 = self._plan_of_coordinator(job)
    course: uint256 = self._running(job)
    assert round == self._last(course) + 1, "rounds: not the round in progress"
    assert course & COMMITTED != 0, "rounds: not committed"
    self._check_window(plan)
    judge: address = convert(self._watch[job] & ADDRESS_MASK, address)
    if judge != empty(address):
        assert staticcall IRoundJudge(judge).is_bonded(job), "rounds: the coordinator is not bonded"
    total: uint256 = course & AMOUNT_MASK
    budget: uint256 = (course >> 96) & AMOUNT_MASK
    assert content.pay_total <= budget, "rounds: the total due exceeds the budget"
    record: IRounds.Record = IRounds.Record(
        commitment=self._round[job][round], time=block.timestamp, previous_total=total, content=content
    )
    self._course[job] = content.pay_total | (budget << 96) | (block.timestamp << 192) | (round << 232)
    self._round[job][round] = self._result_word(job, round, record)
    log IRounds.ResultPosted(
        job=job,
        round=round,
        commitment=record.commitment,
        time=block.timestamp,
        previous_total=total,
        updates_root=content.updates_root,
        trace_root=content.trace_root,
        scores_digest=content.scores_digest,
        pay_root=content.pay_root,
        pay_total=content.pay_total,
        model_digest=content.model_digest,
        evidence=content.evidence,
    )


@external
def post(job: uint256, round: uint256, kind: uint256, digest: bytes32):
    """
    @notice Put a member's own commitment or reveal on the record, so that a coordinator cannot leave it out unseen.
    @param round The round in progress.
    @param kind 0 for a commitment, 1 for a reveal.
    """
    course: uint256 = self._running(job)
    assert round == self._last(course) + 1, "rounds: not the round to post in"
    assert kind < KINDS, "rounds: unknown kind of post"
    member: ICohort.Member = staticcall COHORT.member(job, msg.sender)
    assert member.joined, "rounds: not a member"
    log IRounds.Posted(job=job, round=round, account=msg.sender, kind=kind, digest=digest)


@external
def rollback(job: uint256, round: uint256, fallen: IRounds.Record, reason: bytes32):
    """
    @notice Throw out a round convicted as false, and with it every later one; the judge, within its window.
    @dev This is where a contract that judges disputes plugs in: it convicts, this rolls back. Earlier rounds and
         their totals stand, and the coordinator may run the fallen rounds again.
    @param fallen The record of the round, as its event spelled it out.
    @param reason Digest of the conviction.
    """
    course: uint256 = self._check_judge(job)
    last: uint256 = self._last(course)
    assert 0 < round and round <= last, "rounds: no such result to roll back"
    assert self._result_word(job, round, fallen) == self._round[job][round], "rounds: not the record that fell"
    window: uint256 = (self._plan[job] >> 160) & WINDOW_MASK
    assert block.timestamp < fallen.time + window, "rounds: the window has closed"
    # The windows of earlier rounds end no later than that of the fallen one, so finishing is not put off.
    self._course[job] = (
        fallen.previous_total
        | (course & (AMOUNT_MASK << 96))
        | (fallen.time << 192)
        | ((round - 1) << 232)
    )
    log IRounds.RolledBack(job=job, round=round, last=last, total=fallen.previous_total, reason=reason)


@external
def convict(job: uint256, account: address, amount: uint256, reason: bytes32):
    """
    @notice Slash a member's stake for a fault that was proven to the judge; the judge only.
    @param reason Digest of the conviction.
    """
    self._check_judge(job)
    log IRounds.Convicted(job=job, account=account, amount=amount, reason=reason)
    extcall COHORT.slash(job, account, amount, reason)


@external
def finish(job: uint256, round: uint256, last: IRounds.Record):
    """
    @notice Let the job be paid by the result of its last round, once that round's window is over. Anyone.
    @dev Early only when the coordinator was silent beyond the job's patience, or in the hour before the expiry.
    @param last The record of the last round, as its event spelled it out.
    """
    plan: uint256 = self._plan[job]
    course: uint256 = self._running(job)
    assert 0 < round and round == self._last(course), "rounds: not the last result"
    word: bytes32 = self._round[job][round]
    assert self._result_word(job, round, last) == word, "rounds: not the record of the last result"
    assert block.timestamp >= last.time + ((plan >> 160) & WINDOW_MASK), "rounds: the window is open"
    assert self._may_finish(job, plan, course), "rounds: more rounds are due"
    self._course[job] = course | FINISHED
    log IRounds.Finished(job=job, round=round, result=word, pay_total=last.content.pay_total)
    extcall COHORT.deliver(job, round, last.content.model_digest, last.content.pay_root, last.content.pay_total)
    extcall JOBS.complete(job, word, b"")
    extcall COHORT.settle(job)


@view
@external
def state(job: uint256) -> IRounds.State:
    """
    @notice Where a job stands; zeros if it was never opened.
    """
    plan: uint256 = self._plan[job]
    course: uint256 = self._course[job]
    watch: uint256 = self._watch[job]
    return IRounds.State(
        coordinator=convert(plan & ADDRESS_MASK, address),
        judge=convert(watch & ADDRESS_MASK, address),
        rounds=(plan >> 192) & ROUND_MASK,
        challenge_seconds=(plan >> 160) & WINDOW_MASK,
        patience_seconds=watch >> 160,
        expires=plan >> 208,
        budget=(course >> 96) & AMOUNT_MASK,
        round=self._last(course),
        committed=course & COMMITTED != 0,
        finished=course & FINISHED != 0,
        time=(course >> 192) & TIME_MASK,
        total=course & AMOUNT_MASK,
    )


@view
@external
def digest_of_round(job: uint256, round: uint256) -> bytes32:
    """
    @notice The word of a round that stands, to check an event against; zero for one that does not or fell.
    """
    course: uint256 = self._course[job]
    last: uint256 = self._last(course)
    if round <= last or (round == last + 1 and course & COMMITTED != 0):
        return self._round[job][round]
    return empty(bytes32)


@view
@external
def cohort() -> address:
    """
    @notice The contract that holds the stakes and pays the members.
    """
    return COHORT.address


@view
@internal
def _plan_of_coordinator(job: uint256) -> uint256:
    plan: uint256 = self._plan[job]
    assert convert(msg.sender, uint256) == plan & ADDRESS_MASK, "rounds: not the coordinator"
    return plan


@view
@internal
def _running(job: uint256) -> uint256:
    course: uint256 = self._course[job]
    assert course != 0, "rounds: never opened"
    assert course & FINISHED == 0, "rounds: already finished"
    return course


@view
@internal
def _check_judge(job: uint256) -> uint256:
    judge: uint256 = self._watch[job] & ADDRESS_MASK
    assert convert(msg.sender, uint256) == judge, "rounds: not the judge"
    return self._running(job)


@view
@internal
def _check_window(plan: uint256):
    window: uint256 = (plan >> 160) & WINDOW_MASK
    assert block.timestamp + window + CLOSING <= plan >> 208, "rounds: expiry too near"


@view
@internal
def _may_finish(job: uint256, plan: uint256, course: uint256) -> bool:
    if self._last(course) == (plan >> 192) & ROUND_MASK or block.timestamp + CLOSING >= plan >> 208:
        return True
    return block.timestamp >= ((course >> 192) & TIME_MASK) + (self._watch[job] >> 160)


@view
@internal
def _commitment_word(job: uint256, round: uint256, root: bytes32, time: uint256) -> bytes32:
    return keccak256(abi_encode(COMMITMENT, chain.id, self, job, round, root, time))


@view
@internal
def _result_word(job: uint256, round: uint256, record: IRounds.Record) -> bytes32:
    return keccak256(abi_encode(RESULT, chain.id, self, job, round, record))


@pure
@internal
def _last(course: uint256) -> uint256:
    return (course >> 232) & ROUND_MASK
