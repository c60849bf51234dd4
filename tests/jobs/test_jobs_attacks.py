"""What hooks and tokens try on the escrow, and why they get nothing."""

import pytest

from counterpoise.chain import deploy
from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.jobs import NOBODY, Status

DAY, HOUR = 86_400, 3_600
POT = 50 * TOKEN
HOOK_GAS = 200_000
RECORD, REFUSE_BEFORE, REFUSE_AFTER, BURN, CALL, READ = 0, 1, 2, 3, 4, 7


def funded(w, hook=NOBODY):
    job = w.jobs.create(
        w.sponsor,
        provider=w.provider.address,
        evaluator=w.evaluator.address,
        expires=w.now + DAY,
        hook=hook,
    )
    w.jobs.set_budget(w.sponsor, job, POT)
    w.jobs.fund(w.sponsor, job, POT)
    return job


def steps(w):
    """Every step that a hook sees, in an order that works, with its main argument."""
    word = b"\x07" * 32
    return {
        "setProvider(uint256,address,bytes)": lambda j: w.jobs.set_provider(
            w.sponsor, j, w.provider.address, b"bid"
        ),
        "setBudget(uint256,uint256,bytes)": lambda j: w.jobs.set_budget(w.sponsor, j, POT, b"bid"),
        "fund(uint256,uint256,bytes)": lambda j: w.jobs.fund(w.sponsor, j, POT, b"bid"),
        "submit(uint256,bytes32,bytes)": lambda j: w.jobs.submit(w.provider, j, word, b"bid"),
        "complete(uint256,bytes32,bytes)": lambda j: w.jobs.complete(w.evaluator, j, word, b"bid"),
    }


def reject(w):
    return lambda j: w.jobs.reject(w.evaluator, j, b"\x07" * 32, b"bid")


def expected_data(signature, w):
    tail = b"\x40".rjust(32, b"\0") + b"\x03".rjust(32, b"\0") + b"bid".ljust(32, b"\0")
    if signature.startswith("fund"):
        return b"bid"
    if signature.startswith("setProvider"):
        return w.provider.address.rjust(32, b"\0") + tail
    return (POT.to_bytes(32, "big") if "Budget" in signature else b"\x07" * 32) + tail


@pytest.fixture
def hook(world, odd):
    return deploy(world.chain, world.stranger, odd("TestHook"))


def with_code(world, code):
    """A hook made of raw code."""
    address = keccak(code)[12:]
    world.chain.set_code(address, code)
    return address


@pytest.mark.parametrize("rejecting", [False, True])
def test_a_hook_sees_each_step_before_and_after_with_the_data_of_the_standard(
    world, hook, rejecting
):
    job = world.jobs.create(
        world.sponsor,
        evaluator=world.evaluator.address,
        expires=world.now + DAY,
        hook=hook.address,
    )
    walk = steps(world)
    if rejecting:
        walk.popitem()
        walk["reject(uint256,bytes32,bytes)"] = reject(world)
    for signature, step in walk.items():
        seen = [tuple(e.args.values()) for e in hook.events_in(step(job))]
        data = expected_data(signature, world)
        selector = keccak(signature.encode())[:4]
        assert seen == [(False, job, selector, data), (True, job, selector, data)], signature


def test_the_interface_of_hooks_has_the_selectors_of_the_standard():
    assert keccak(b"beforeAction(uint256,bytes4,bytes)")[:4].hex() == "dc08fb1d"
    assert keccak(b"afterAction(uint256,bytes4,bytes)")[:4].hex() == "a3fe4783"


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        (REFUSE_BEFORE, "the hook refused before"),
        (REFUSE_AFTER, "the hook refused after"),
        (BURN, "the hook refused before"),
    ],
)
def test_a_hook_that_refuses_blocks_every_step_but_the_refund(world, refused, hook, mood, reason):
    job = funded(world, hook.address)
    before = world.balance(world.sponsor)
    hook.transact(world.stranger, "set_mood", mood)
    for step in (steps(world)["submit(uint256,bytes32,bytes)"], reject(world)):
        with refused(f"jobs: {reason}"):
            step(job)
    world.warp_to(world.jobs.job(job).expires)
    world.jobs.claim_refund(world.stranger, job)
    assert world.balance(world.sponsor) == before + POT


def test_a_hook_that_burns_its_gas_costs_no_more_than_the_cap(world, refused, hook):
    job = funded(world, hook.address)
    hook.transact(world.stranger, "set_mood", BURN)
    number = world.chain.block().number
    with refused("jobs: the hook refused before"):
        world.jobs.submit(world.provider, job, bytes(32))
    assert world.chain.block(number + 1).gas_used < HOOK_GAS + 60_000


def attempts(w, job):
    encode = w.jobs.contract.encode
    return {
        "setProvider": encode("setProvider", job, w.stranger.address, b""),
        "setBudget": encode("setBudget", job, 1, b""),
        "fund": encode("fund", job, POT, b""),
        "submit": encode("submit", job, bytes(32), b""),
        "complete": encode("complete", job, bytes(32), b""),
        "reject": encode("reject", job, bytes(32), b""),
        "claimRefund": encode("claimRefund", job),
        "createJob": encode("createJob", NOBODY, w.stranger.address, w.now + DAY, "mine", NOBODY),
        "createAndFund": encode(
            "createAndFund", w.provider.address, w.stranger.address, w.now + DAY, "mine", 1
        ),
    }


@pytest.mark.parametrize(
    "call",
    [
        "setProvider",
        "setBudget",
        "fund",
        "submit",
        "complete",
        "reject",
        "claimRefund",
        "createJob",
        "createAndFund",
    ],
)
def test_a_hook_cannot_reenter_any_step(world, hook, call):
    # The hook is evaluator too, and another job could be refunded: only the lock stands in its way.
    expired = funded(world)
    job = world.jobs.create(
        world.sponsor,
        provider=world.provider.address,
        evaluator=hook.address,
        expires=world.now + 2 * DAY,
        hook=hook.address,
    )
    world.jobs.set_budget(world.sponsor, job, POT)
    world.jobs.fund(world.sponsor, job, POT)
    world.warp_to(world.jobs.job(expired).expires)
    target = expired if call == "claimRefund" else job
    message = attempts(world, target)[call]
    hook.transact(world.stranger, "set_call", world.jobs.address, message)
    hook.transact(world.stranger, "set_mood", CALL)
    count, held = world.jobs.count(), world.balance(world.jobs)
    world.jobs.submit(world.provider, job, bytes(32))
    assert hook.call("reentered") is False
    assert (world.jobs.count(), world.balance(world.jobs)) == (count, held)
    assert world.jobs.job(expired).status is Status.FUNDED


def test_the_lock_and_nothing_else_stops_the_reentering_refund(world, hook):
    expired = funded(world)
    world.warp_to(world.jobs.job(expired).expires)
    world.jobs.claim_refund(world.stranger, expired)
    assert world.jobs.job(expired).status is Status.EXPIRED


def test_a_hook_may_read_the_escrow_while_it_is_called(world, hook):
    job = funded(world, hook.address)
    hook.transact(world.stranger, "set_mood", READ)
    world.jobs.submit(world.provider, job, bytes(32))
    assert hook.call("saw") == world.jobs.count()


RETURN, REVERT = "f3", "fd"


def memory(size, ending):
    """Code that ends with so many bytes of zeros: PUSH3 size, PUSH0, then the ending."""
    return bytes.fromhex(f"62{size:06x}5f{ending}")


def test_a_hook_that_answers_a_megabyte_runs_out_of_its_own_gas(world, refused):
    address = with_code(world, memory(1_000_000, RETURN))
    job = world.jobs.create(
        world.sponsor,
        provider=world.provider.address,
        evaluator=world.evaluator.address,
        expires=world.now + DAY,
        hook=address,
    )
    number = world.chain.block().number
    with refused("jobs: the hook refused before"):
        world.jobs.set_budget(world.sponsor, job, POT)
    assert world.chain.block(number + 1).gas_used < HOOK_GAS + 60_000


@pytest.mark.parametrize("ending", [RETURN, REVERT])
def test_what_a_hook_answers_is_not_copied(world, refused, ending):
    # About the most that the cap buys; copying it would cost the caller as much again.
    address = with_code(world, memory(250_000, ending))
    job = world.jobs.create(
        world.sponsor,
        provider=world.provider.address,
        evaluator=world.evaluator.address,
        expires=world.now + DAY,
        hook=address,
    )
    number = world.chain.block().number
    if ending == RETURN:
        used = world.jobs.set_budget(world.sponsor, job, POT).gas_used
        one_call = (used - 40_000) // 2
        assert 140_000 < one_call < HOOK_GAS
    else:
        with refused("jobs: the hook refused before"):
            world.jobs.set_budget(world.sponsor, job, POT)
        assert world.chain.block(number + 1).gas_used < HOOK_GAS + 60_000


def test_a_caller_that_starves_the_hook_undoes_its_own_call(world, hook):
    job, outcomes = funded(world, hook.address), set()
    for gas in range(30_000, 60_000, 1_500):
        place = world.chain.snapshot()
        try:
            receipt = world.jobs.contract.transact(
                world.provider, "submit", job, bytes(32), b"", gas=gas
            )
        except Reverted:
            assert world.jobs.job(job).status is Status.FUNDED
            outcomes.add("undone")
        else:
            assert [e.args["after"] for e in hook.events_in(receipt)] == [False, True]
            outcomes.add("seen twice")
        world.chain.revert(place)
    assert outcomes == {"undone", "seen twice"}


NO_TRANSFER, NO_TRANSFER_FROM, FEE, CALLBACK = 1, 2, 4, 8


def test_a_token_that_answers_false_moves_no_job(odd_token_world, refused):
    w = odd_token_world
    job = w.jobs.create(
        w.sponsor, provider=w.provider.address, evaluator=w.evaluator.address, expires=w.now + DAY
    )
    w.jobs.set_budget(w.sponsor, job, POT)
    w.token.transact(w.minter, "set_fault", NO_TRANSFER_FROM)
    with refused("jobs: the token refused to fund"):
        w.jobs.fund(w.sponsor, job, POT)
    w.token.transact(w.minter, "set_fault", NO_TRANSFER)
    w.jobs.fund(w.sponsor, job, POT)
    w.jobs.submit(w.provider, job, bytes(32))
    for step in (w.jobs.complete, w.jobs.reject):
        with refused("jobs: the token refused to pay"):
            step(w.evaluator, job)
    w.warp_to(w.jobs.job(job).expires + HOUR)
    with refused("jobs: the token refused to pay"):
        w.jobs.claim_refund(w.stranger, job)
    assert w.jobs.job(job).status is Status.SUBMITTED
    w.token.transact(w.minter, "set_fault", 0)
    w.jobs.complete(w.evaluator, job)
    assert w.balance(w.jobs) == 0


def test_a_token_that_keeps_a_fee_is_refused(odd_token_world, refused):
    w = odd_token_world
    w.token.transact(w.minter, "set_fault", FEE)
    with refused("jobs: the token kept a fee"):
        funded(w)
    with refused("jobs: the token kept a fee"):
        w.jobs.create_and_fund(
            w.sponsor,
            provider=w.provider.address,
            evaluator=w.evaluator.address,
            expires=w.now + DAY,
            budget=POT,
        )


def test_a_token_that_answers_nothing_is_taken(silent_token_world):
    w = silent_token_world
    job = funded(w)
    w.jobs.submit(w.provider, job, bytes(32))
    before = w.balance(w.provider)
    w.jobs.complete(w.evaluator, job)
    assert w.balance(w.provider) == before + POT


@pytest.mark.parametrize("call", ["complete", "reject", "claimRefund"])
def test_a_token_that_calls_back_cannot_be_paid_twice(odd_token_world, call):
    w = odd_token_world
    victim, job = funded(w), None
    job = w.jobs.create(
        w.sponsor, provider=w.provider.address, evaluator=w.token.address, expires=w.now + DAY
    )
    w.jobs.set_budget(w.sponsor, job, POT)
    w.jobs.fund(w.sponsor, job, POT)
    w.jobs.submit(w.provider, job, bytes(32))
    w.warp_to(w.jobs.job(job).expires + HOUR)
    message = attempts(w, job)[call]
    w.token.transact(w.minter, "set_call", w.jobs.address, message)
    w.token.transact(w.minter, "set_fault", CALLBACK)
    before = w.balance(w.sponsor)
    w.jobs.claim_refund(w.stranger, job)
    assert w.token.call("call_succeeded") is False
    assert w.balance(w.sponsor) == before + POT
    assert w.balance(w.jobs) == POT
    assert w.jobs.job(victim).status is Status.FUNDED
