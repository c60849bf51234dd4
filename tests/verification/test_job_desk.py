"""Escrowed jobs that a level of proof decides: posed, submitted, concluded, paid or refunded."""

from dataclasses import replace

import pytest
from committee import CONTRACTS, FALSE, NAMES, SALT, TRUE, build, refused, small_net

from counterpoise.chain import artifact_of, deploy
from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.inference import input_commitment
from counterpoise.jobs import JobsClient, Status
from counterpoise.verification import JobDeskClient, JobTerms, Request
from counterpoise.verification import Status as Standing

PAY, VALUES = 5 * TOKEN, b"\x0a\x02"
ANSWER = bytes.fromhex("000000100001")
DAY = 86_400


@pytest.fixture(scope="session")
def one_office():
    five = build()
    jobs = JobsClient(deploy(five.chain, five.minter, "Jobs", five.token.address))
    five.members["client"] = five.newcomer("client")
    five.members["provider"] = five.newcomer("provider")
    five.desk = JobDeskClient.deploy(five.chain, five.minter, jobs.address)
    five.told = deploy(five.chain, five.minter, artifact_of(CONTRACTS / "AnyVerdict.vy"))
    return five


@pytest.fixture
def office(one_office):
    place = one_office.chain.snapshot()
    yield one_office
    one_office.chain.revert(place)


def terms(office, evaluator=None):
    return JobTerms(
        provider=office.provider.address,
        budget=PAY,
        model=small_net().id,
        input=input_commitment(SALT, VALUES),
        evaluator=evaluator or office.told.address,
        deadline=office.now + 3600,
        expires=office.now + DAY,
    )


def say(office, status, answer=TRUE):
    office.told.transact(office.minter, "say", status, answer)


def outcome(office, job):
    return office.desk.jobs.job(job).status, office.balance(office.provider)


def test_a_whole_job_is_decided_by_the_committee(office):
    offer = terms(office, office.quorum.address)
    job = office.desk.ask(office.client, offer)
    net = small_net()
    request = Request(office.desk.address, job, net.id, SALT, VALUES, offer.deadline)
    prover = office.prover()
    evidence = prover.prove(net, request)
    office.desk.deliver(office.provider, job, evidence.answer)
    votes = [prover.sign(office.members[name], request, evidence) for name in NAMES[:3]]
    assert prover.attest(office.ann, request, evidence, votes) == Standing.FINAL
    before = office.balance(office.provider)
    receipt = office.desk.conclude(office.ann, job)
    assert outcome(office, job) == (Status.COMPLETED, before + PAY)
    (told,) = office.desk.contract.events_in(receipt)
    assert told.args["answer"] == ANSWER and told.args["paid"]
    assert told.args["reason"] == office.quorum.verdict(office.desk.address, job).evidence


def test_a_round_of_commits_and_reveals_decides_a_job_too(office):
    offer = terms(office, office.quorum.address)
    job = office.desk.ask(office.client, offer)
    request = Request(office.desk.address, job, small_net().id, SALT, VALUES, offer.deadline)
    office.desk.deliver(office.provider, job, FALSE)
    office.play(request, [(office.members[name], ANSWER) for name in NAMES[:3]])
    before = office.balance(office.client)
    office.desk.conclude(office.minter, job)
    assert office.desk.jobs.job(job).status == Status.REJECTED, "it submitted another answer"
    assert office.balance(office.client) == before + PAY


@pytest.mark.parametrize(("answer", "end"), [(TRUE, "COMPLETED"), (FALSE, "REJECTED")])
def test_only_the_proven_answer_is_paid(office, answer, end):
    job = office.desk.ask(office.client, terms(office))
    office.desk.deliver(office.provider, job, answer)
    say(office, 3)
    office.desk.conclude(office.minter, job)
    assert office.desk.jobs.job(job).status == Status[end]
    with refused("desk: already concluded"):
        office.desk.conclude(office.minter, job)
    assert office.desk.contract.call("question", job) == (bytes(32), bytes(32), bytes(20), 0)


@pytest.mark.parametrize("status", [0, 1, 2])
def test_what_is_not_decided_is_not_concluded(office, status):
    job = office.desk.ask(office.client, terms(office))
    office.desk.deliver(office.provider, job, TRUE)
    say(office, status)
    with refused("desk: not decided yet"):
        office.desk.conclude(office.minter, job)
    if status:
        office.chain.warp(3700)
        with refused("desk: not decided yet"):
            office.desk.conclude(office.minter, job)


def test_a_job_is_refunded_when_nobody_proposed_an_answer_in_time(office):
    job = office.desk.ask(office.client, terms(office))
    office.desk.deliver(office.provider, job, TRUE)
    office.chain.warp(3600)
    office.desk.conclude(office.minter, job)
    assert office.desk.jobs.job(job).status == Status.REJECTED


def test_a_job_is_refunded_when_nothing_was_submitted_in_time(office):
    job = office.desk.ask(office.client, terms(office))
    say(office, 3)
    with refused("desk: not decided yet"):
        office.desk.conclude(office.minter, job)
    office.chain.warp(3600)
    office.desk.conclude(office.minter, job)
    assert office.desk.jobs.job(job).status == Status.REJECTED


def test_a_level_that_has_failed_for_good_refunds_at_once(office):
    job = office.desk.ask(office.client, terms(office))
    say(office, 4, b"")
    office.desk.conclude(office.minter, job)
    assert office.desk.jobs.job(job).status == Status.REJECTED


def test_an_evaluator_that_breaks_leaves_the_refund_of_the_escrow(office):
    offer = replace(terms(office), evaluator=office.token.address)
    job = office.desk.ask(office.client, offer)
    with pytest.raises(Reverted):
        office.desk.conclude(office.minter, job)
    office.chain.warp(DAY)
    office.desk.jobs.claim_refund(office.minter, job)
    assert office.desk.jobs.job(job).status == Status.EXPIRED


def test_a_question_is_posed_once_by_the_client_of_a_funded_job_of_the_desk(office):
    desk, offer = office.desk, terms(office)
    job = desk.ask(office.client, offer)
    with refused("desk: already posed"):
        desk.pose(office.client, job, offer)
    with refused("desk: not the client"):
        desk.pose(office.provider, job, offer)
    common = {"provider": office.provider.address, "expires": offer.expires}
    unfunded = desk.jobs.create(office.client, evaluator=desk.address, hook=desk.address, **common)
    with refused("desk: the job is not funded"):
        desk.pose(office.client, unfunded, offer)
    elsewhere = desk.jobs.create(office.client, evaluator=office.minter.address, **common)
    with refused("desk: not the evaluator of the job"):
        desk.pose(office.client, elsewhere, offer)
    bare = desk.jobs.create(office.client, evaluator=desk.address, **common)
    with refused("desk: not the hook of the job"):
        desk.pose(office.client, bare, offer)
    desk.jobs.set_budget(office.client, unfunded, PAY)
    desk.jobs.fund(office.client, unfunded, PAY)
    for change, reason in (
        ({"evaluator": office.client.address}, "the evaluator is no contract"),
        ({"deadline": office.now - 2}, "the deadline is over"),
        ({"deadline": offer.expires}, "the deadline is not before the expiry"),
    ):
        with refused(f"desk: {reason}"):
            desk.pose(office.client, unfunded, replace(offer, **change))
    with pytest.raises(Reverted):
        desk.deliver(office.provider, unfunded, TRUE)
    desk.pose(office.client, unfunded, offer)
    desk.deliver(office.provider, unfunded, TRUE)
    assert desk.case(unfunded).deliverable == keccak(TRUE)


def test_nobody_but_the_escrow_tells_the_desk_of_a_step(office):
    job = office.desk.ask(office.client, terms(office))
    submit = keccak(b"submit(uint256,bytes32,bytes)")[:4]
    with refused("desk: not the escrow"):
        office.desk.contract.transact(office.provider, "beforeAction", job, submit, bytes(96))
    with refused("desk: not the escrow after"):
        office.desk.contract.transact(office.provider, "afterAction", job, submit, b"")
    with refused("desk: nothing was posed"):
        office.desk.conclude(office.minter, job + 1)


def test_a_desk_wants_an_escrow(office):
    with refused("desk: the escrow is no contract"):
        JobDeskClient.deploy(office.chain, office.minter, office.client.address)
