# pragma version ~=0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Job desk: escrowed jobs that a level of proof decides
@license Apache-2.0
@notice The evaluator of a job whose work is a model's answer. The client poses the question with the level that shall
     prove it; the provider submits the hash of the answer; when the level's verdict is final, anyone lets the job be
     paid if the submitted answer is the proven one, and refunded if it is not.
@dev The desk is evaluator and hook of its jobs (ERC-8183): the hook is how it learns what was submitted. To evaluators
     it is an asker like any other; a question's id is the job's.
@custom:trust The client names the evaluator contract, which alone decides; a provider looks at it before it submits,
     and at the time between deadline and expiry: a verdict that comes an hour after the expiry is too late for its pay.
     The desk holds no tokens and has no owner.
@custom:stop Nobody can stop it. A job whose evaluator stays silent is rejected after the deadline, or refunded by the
     escrow after its expiry.
"""

from counterpoise.jobs import IJobs
from counterpoise.verification import IAsker
from counterpoise.verification import IEvaluator
from counterpoise.verification import IJobDesk

implements: IAsker
implements: IJobDesk

# As IJobs.Job.status counts.
FUNDED: constant(uint256) = 1
SUBMITTED: constant(uint256) = 2
# As IEvaluator.Verdict.status counts.
UNANSWERED: constant(uint256) = 0
FINAL: constant(uint256) = 3
FAILED: constant(uint256) = 4

SUBMIT: constant(bytes4) = method_id("submit(uint256,bytes32,bytes)", output_type=bytes4)

JOBS: immutable(IJobs)

_case: HashMap[uint256, IJobDesk.Case]


@deploy
def __init__(jobs_: address):
    assert jobs_.is_contract, "desk: the escrow is no contract"
    JOBS = IJobs(jobs_)


@external
def pose(job: uint256, model: bytes32, input: bytes32, evaluator: address, deadline: uint256):
    """
    @notice Say what a funded job asks; its client only, once.
    @param input Commitment to the input.
    @param evaluator The level of proof: a contract with the face IEvaluator.
    @param deadline The last second in which an answer may be proposed; leave the level its windows before the expiry.
    """
    found: IJobs.Job = staticcall JOBS.getJob(job)
    assert msg.sender == found.client, "desk: not the client"
    assert found.evaluator == self, "desk: not the evaluator of the job"
    assert found.hook == self, "desk: not the hook of the job"
    assert found.status == FUNDED, "desk: the job is not funded"
    assert self._case[job].evaluator == empty(address), "desk: already posed"
    assert evaluator.is_contract, "desk: the evaluator is no contract"
    assert block.timestamp <= deadline, "desk: the deadline is over"
    assert deadline < found.expiredAt, "desk: the deadline is not before the expiry"
    self._case[job] = IJobDesk.Case(
        model=model, input=input, evaluator=evaluator, deadline=deadline, deliverable=empty(bytes32), concluded=False
    )
    log IJobDesk.Posed(job=job, model=model, evaluator=evaluator, input=input, deadline=deadline)


@reentrant
@external
def beforeAction(jobId: uint256, selector: bytes4, data: Bytes[1120]):
    """
    @notice Keep what the provider submits; the escrow only.
    @dev Open to reentry: the escrow calls it while the desk concludes. It then keeps nothing.
    """
    assert msg.sender == JOBS.address, "desk: not the escrow"
    if selector != SUBMIT:
        return
    assert self._case[jobId].evaluator != empty(address), "desk: no question was posed"
    deliverable: bytes32 = extract32(data, 0)
    self._case[jobId].deliverable = deliverable
    log IJobDesk.Delivered(job=jobId, deliverable=deliverable)


@reentrant
@external
def afterAction(jobId: uint256, selector: bytes4, data: Bytes[1120]):
    """
    @notice Nothing is due after a step.
    """
    assert msg.sender == JOBS.address, "desk: not the escrow after"


@external
def conclude(job: uint256):
    """
    @notice Pay or refund a job as its level's verdict says; anyone.
    @dev Paid: the verdict is final and the provider submitted keccak256 of its answer. Refunded: it submitted another,
         the level has failed for good, or the deadline is over without a proposed answer or without a submission.
    """
    case: IJobDesk.Case = self._case[job]
    assert case.evaluator != empty(address), "desk: nothing was posed"
    assert not case.concluded, "desk: already concluded"
    submitted: bool = (staticcall JOBS.getJob(job)).status == SUBMITTED
    found: IEvaluator.Verdict = staticcall IEvaluator(case.evaluator).verdict(self, job)
    late: bool = block.timestamp > case.deadline
    hopeless: bool = found.status == FAILED or (late and (found.status == UNANSWERED or not submitted))
    assert hopeless or (submitted and found.status == FINAL), "desk: not decided yet"
    paid: bool = not hopeless and case.deliverable == keccak256(found.answer)
    self._case[job].concluded = True
    log IJobDesk.Concluded(job=job, paid=paid, reason=found.evidence, answer=found.answer)
    if paid:
        extcall JOBS.complete(job, found.evidence, b"")
    else:
        extcall JOBS.reject(job, found.evidence, b"")


@reentrant
@view
@external
def question(id: uint256) -> IAsker.Question:
    case: IJobDesk.Case = self._case[id]
    if case.concluded:
        return empty(IAsker.Question)
    return IAsker.Question(model=case.model, input=case.input, evaluator=case.evaluator, deadline=case.deadline)


@reentrant
@view
@external
def case(job: uint256) -> IJobDesk.Case:
    """
    @notice What was asked, what was submitted, whether it is concluded; zeros if nothing was posed.
    """
    return self._case[job]


@reentrant
@view
@external
def jobs() -> address:
    """
    @notice The escrow whose jobs it decides.
    """
    return JOBS.address
