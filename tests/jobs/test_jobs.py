"""The job escrow: every step, every refusal, every event of ERC-8183."""

import re
from pathlib import Path

import pytest

from counterpoise.chain import deploy
from counterpoise.chain.compiled import contract_path
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import TOKEN
from counterpoise.jobs import NOBODY, Job, Status

DAY = 86_400
HOUR = 3_600
POT = 50 * TOKEN
WORK, WHY = b"w" * 32, b"y" * 32


def create(world, **changes):
    terms = {
        "provider": world.provider.address,
        "evaluator": world.evaluator.address,
        "expires": world.now + DAY,
        "description": "label forty scans",
    }
    return world.jobs.create(world.sponsor, **(terms | changes))


def funded(world, **changes):
    job = create(world, **changes)
    world.jobs.set_budget(world.sponsor, job, POT)
    world.jobs.fund(world.sponsor, job, POT)
    return job


def submitted(world, **changes):
    job = funded(world, **changes)
    world.jobs.submit(world.provider, job, WORK)
    return job


def events(world, receipt):
    return [(e.name, *e.args.values()) for e in world.jobs.contract.events_in(receipt)]


def test_a_job_walks_from_open_to_completed_and_pays_its_provider(world):
    expires, before = world.now + DAY, world.balance(world.provider)
    job = create(world, expires=expires)
    parties = (world.sponsor.address, world.provider.address, world.evaluator.address)
    assert world.jobs.job(job) == Job(*parties, NOBODY, 0, expires, Status.OPEN)
    steps = [
        world.jobs.set_budget(world.sponsor, job, POT),
        world.jobs.fund(world.sponsor, job, POT),
        world.jobs.submit(world.provider, job, WORK),
        world.jobs.complete(world.evaluator, job, WHY),
    ]
    assert [event for step in steps for event in events(world, step)] == [
        ("BudgetSet", job, POT),
        ("JobFunded", job, parties[0], POT),
        ("JobSubmitted", job, parties[1], WORK),
        ("JobCompleted", job, parties[2], WHY),
        ("PaymentReleased", job, parties[1], POT),
    ]
    assert world.jobs.job(job) == Job(*parties, NOBODY, POT, expires, Status.COMPLETED)
    assert world.balance(world.provider) == before + POT
    assert world.balance(world.jobs) == 0
    first = world.jobs.history(job)[0]
    assert tuple(first.args.values()) == (job, *parties, expires, NOBODY)


def test_ids_count_from_one_and_the_log_keeps_the_description(world):
    assert [create(world), create(world, description="of the second")] == [1, 2]
    assert world.jobs.count() == 2
    assert world.jobs.description(2) == "of the second"
    with pytest.raises(InputError, match="no job 3"):
        world.jobs.description(3)


def test_the_evaluator_may_be_the_client_as_the_standard_says(world):
    job = funded(world, evaluator=world.sponsor.address)
    world.jobs.submit(world.provider, job, WORK)
    world.jobs.complete(world.sponsor, job)
    assert world.jobs.job(job).status is Status.COMPLETED


def test_a_provider_can_be_chosen_later_and_can_name_the_price(world):
    job = create(world, provider=NOBODY)
    receipt = world.jobs.set_provider(world.sponsor, job, world.provider.address)
    assert events(world, receipt) == [("ProviderSet", job, world.provider.address)]
    world.jobs.set_budget(world.provider, job, POT)
    world.jobs.fund(world.sponsor, job, POT)
    assert world.jobs.job(job).status is Status.FUNDED


def test_one_transaction_can_open_and_fund(world):
    before = world.balance(world.sponsor)
    job = world.jobs.create_and_fund(
        world.sponsor,
        provider=world.provider.address,
        evaluator=world.evaluator.address,
        expires=world.now + DAY,
        budget=POT,
    )
    names = [event.name for event in world.jobs.history(job)]
    assert names == ["JobCreated", "JobDescribed", "BudgetSet", "JobFunded"]
    assert world.balance(world.sponsor) == before - POT
    assert (world.jobs.job(job).status, world.jobs.job(job).budget) == (Status.FUNDED, POT)


def test_a_rejected_job_gives_its_escrow_back(world):
    for make in (funded, submitted):
        before = world.balance(world.sponsor)
        job = make(world)
        receipt = world.jobs.reject(world.evaluator, job, WHY)
        assert events(world, receipt) == [
            ("JobRejected", job, world.evaluator.address, WHY),
            ("Refunded", job, world.sponsor.address, POT),
        ]
        assert world.balance(world.sponsor) == before
        assert world.jobs.job(job).status is Status.REJECTED


def test_the_client_may_reject_while_nothing_is_in_escrow(world):
    job = create(world)
    receipt = world.jobs.reject(world.sponsor, job)
    assert events(world, receipt) == [("JobRejected", job, world.sponsor.address, bytes(32))]


def test_an_expired_job_is_refunded_by_anyone(world):
    before = world.balance(world.sponsor)
    job = funded(world)
    world.warp_to(world.jobs.job(job).expires)
    receipt = world.jobs.claim_refund(world.stranger, job)
    assert events(world, receipt) == [
        ("JobExpired", job),
        ("Refunded", job, world.sponsor.address, POT),
    ]
    assert world.balance(world.sponsor) == before
    assert world.jobs.job(job).status is Status.EXPIRED


def test_work_submitted_a_second_before_expiry_leaves_the_evaluator_an_hour(world, refused):
    job = funded(world)
    expires = world.jobs.job(job).expires
    world.warp_to(expires - 1)
    world.jobs.submit(world.provider, job, WORK)
    world.warp_to(expires + HOUR - 2)
    with refused("jobs: not yet expired"):
        world.jobs.claim_refund(world.sponsor, job)
    world.jobs.complete(world.evaluator, job)
    assert world.jobs.job(job).status is Status.COMPLETED


def test_the_grace_ends_to_the_second(world, refused):
    job = submitted(world)
    world.warp_to(world.jobs.job(job).expires + HOUR - 1)
    with refused("jobs: not yet expired"):
        world.jobs.claim_refund(world.stranger, job)
    world.jobs.claim_refund(world.stranger, job)
    with refused("jobs: not in the status for this"):
        world.jobs.complete(world.evaluator, job)


def test_a_refund_comes_no_second_early(world, refused):
    job = funded(world)
    world.warp_to(world.jobs.job(job).expires - 1)
    with refused("jobs: not yet expired"):
        world.jobs.claim_refund(world.stranger, job)
    world.jobs.claim_refund(world.stranger, job)


def test_nothing_is_submitted_or_funded_at_the_expiry(world, refused):
    job, late = funded(world), create(world)
    world.jobs.set_budget(world.sponsor, late, POT)
    world.warp_to(world.jobs.job(late).expires)
    with refused("jobs: expired"):
        world.jobs.submit(world.provider, job, WORK)
    with refused("jobs: expired"):
        world.jobs.fund(world.sponsor, late, POT)


def test_a_budget_raised_before_the_funding_is_refused(world, refused):
    job = create(world)
    world.jobs.set_budget(world.sponsor, job, POT)
    world.jobs.set_budget(world.provider, job, 2 * POT)
    with refused("jobs: budget is not the expected one"):
        world.jobs.fund(world.sponsor, job, POT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"evaluator": NOBODY}, "evaluator is zero"),
        ({"provider": "sponsor"}, "the provider is the client"),
        ({"provider": "evaluator"}, "the provider is the evaluator"),
        ({"expires": 1_600_000_000}, "expiry is not in the future"),
        ({"expires": 2**40}, "expiry above 2**40"),
        ({"hook": "stranger"}, "the hook is no contract"),
    ],
)
def test_a_job_is_refused_when(world, refused, changes, reason):
    found = {
        key: getattr(world, value).address if isinstance(value, str) else value
        for key, value in changes.items()
    }
    with refused(f"jobs: {reason}"):
        create(world, **found)


def test_an_expiry_must_be_later_than_its_block(world, refused):
    with refused("jobs: expiry is not in the future"):
        create(world, expires=world.now)
    create(world, expires=world.now + 1)


def test_a_provider_is_chosen_once_and_by_the_client(world, refused):
    job = create(world, provider=NOBODY)
    with refused("jobs: not the client"):
        world.jobs.set_provider(world.stranger, job, world.provider.address)
    with refused("jobs: provider is zero"):
        world.jobs.set_provider(world.sponsor, job, NOBODY)
    for role, same in ((world.sponsor, "client"), (world.evaluator, "evaluator")):
        with refused(f"jobs: the provider is the {same}"):
            world.jobs.set_provider(world.sponsor, job, role.address)
    world.jobs.set_provider(world.sponsor, job, world.provider.address)
    with refused("jobs: provider already set"):
        world.jobs.set_provider(world.sponsor, job, world.stranger.address)


def test_funding_needs_a_provider_a_budget_and_the_client(world, refused):
    job = create(world, provider=NOBODY)
    world.jobs.set_budget(world.sponsor, job, POT)
    with refused("jobs: no provider yet"):
        world.jobs.fund(world.sponsor, job, POT)
    world.jobs.set_provider(world.sponsor, job, world.provider.address)
    with refused("jobs: not the client"):
        world.jobs.fund(world.stranger, job, POT)
    world.jobs.set_budget(world.sponsor, job, 0)
    with refused("jobs: budget is zero"):
        world.jobs.fund(world.sponsor, job, 0)
    terms = (world.evaluator.address, world.now + DAY, "", POT)
    with refused("jobs: no provider to fund"):
        world.jobs.contract.transact(world.sponsor, "createAndFund", NOBODY, *terms)


def test_a_budget_is_set_by_the_client_or_the_provider_alone(world, refused):
    job = create(world)
    with refused("jobs: not the client or the provider"):
        world.jobs.set_budget(world.evaluator, job, POT)
    with refused("jobs: budget above 2**96"):
        world.jobs.set_budget(world.provider, job, 2**96)
    world.jobs.set_budget(world.provider, job, 2**96 - 1)
    assert world.jobs.job(job).budget == 2**96 - 1
    assert world.jobs.job(job).provider == world.provider.address


def test_a_job_is_not_opened_and_funded_with_more_than_a_word_holds(odd_token_world, refused):
    w = odd_token_world
    w.token.transact(w.minter, "mint", w.sponsor.address, 2**97)
    with refused("jobs: budget above 2**96 funded"):
        w.jobs.create_and_fund(
            w.sponsor,
            provider=w.provider.address,
            evaluator=w.evaluator.address,
            expires=w.now + DAY,
            budget=2**96,
        )


def test_only_the_provider_submits_and_only_the_evaluator_decides(world, refused):
    job = funded(world)
    with refused("jobs: not the provider"):
        world.jobs.submit(world.sponsor, job, WORK)
    for caller in (world.sponsor, world.provider, world.stranger):
        with refused("jobs: not the evaluator"):
            world.jobs.reject(caller, job)
    world.jobs.submit(world.provider, job, WORK)
    for caller in (world.sponsor, world.provider, world.stranger):
        with refused("jobs: not the evaluator"):
            world.jobs.complete(caller, job)
    with refused("jobs: not the client"):
        world.jobs.reject(world.evaluator, create(world))


ENDS = {
    "completed": lambda w, j: w.jobs.complete(w.evaluator, j),
    "rejected": lambda w, j: w.jobs.reject(w.evaluator, j),
    "expired": lambda w, j: (
        w.warp_to(w.jobs.job(j).expires + HOUR),
        w.jobs.claim_refund(w.stranger, j),
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_job_ends_once(world, refused, end):
    job = submitted(world)
    ENDS[end](world, job)
    held = world.balance(world.jobs)
    with refused("jobs: not in the status for this"):
        world.jobs.complete(world.evaluator, job)
    with refused("jobs: already ended"):
        world.jobs.reject(world.evaluator, job)
    with refused("jobs: nothing in escrow"):
        world.jobs.claim_refund(world.stranger, job)
    assert world.balance(world.jobs) == held == 0


def test_steps_out_of_order_are_refused(world, refused):
    job = create(world)
    with refused("jobs: nothing in escrow"):
        world.jobs.claim_refund(world.stranger, job)
    with refused("jobs: not in the status for this"):
        world.jobs.submit(world.provider, job, WORK)
    world.jobs.set_budget(world.sponsor, job, POT)
    world.jobs.fund(world.sponsor, job, POT)
    for step in (
        lambda: world.jobs.fund(world.sponsor, job, POT),
        lambda: world.jobs.set_budget(world.sponsor, job, 1),
        lambda: world.jobs.set_provider(world.sponsor, job, world.stranger.address),
        lambda: world.jobs.complete(world.evaluator, job),
    ):
        with refused("jobs: not in the status for this"):
            step()


def test_a_job_that_does_not_exist_is_refused(world, refused):
    with refused("jobs: no such job"):
        world.jobs.job(99)
    with refused("jobs: no such job"):
        world.jobs.claim_refund(world.stranger, 99)


def test_the_client_says_what_is_missing_before_it_sends(world):
    with pytest.raises(InputError, match="512"):
        create(world, description="x" * 513)
    job = create(world)
    with pytest.raises(InputError, match="1024"):
        world.jobs.set_budget(world.sponsor, job, 1, b"x" * 1025)
    with pytest.raises(InputError, match="has 1000 tokens, 2000 are needed"):
        world.jobs.fund(world.sponsor, job, 2000 * TOKEN)


def test_the_escrow_wants_a_token_that_is_a_contract(world, refused):
    with refused("jobs: the token is no contract"):
        deploy(world.chain, world.minter, "Jobs", world.stranger.address)


def test_ether_is_not_taken(world):
    with pytest.raises(Reverted):
        world.jobs.contract.transact(world.stranger, "claimRefund", 1, value=1)


def test_every_reason_of_the_escrow_is_unique_and_tested():
    reasons = re.findall(r'"jobs: ([^"]+)"', contract_path("Jobs").read_text())
    assert len(reasons) == len(set(reasons))
    tests = Path(__file__).parent.glob("test_jobs*.py")
    tested = "".join(path.read_text() for path in tests)
    assert [reason for reason in reasons if reason not in tested] == []
