"""The oracle's contract: every step, every refusal, every event."""

import re
from pathlib import Path

import pytest
from oracle_world import (
    ANSWER,
    COMMITMENT,
    DAY,
    EVIDENCE,
    FEE,
    NET,
    PATIENCE,
    refused,
)

from counterpoise.chain import deploy
from counterpoise.chain.compiled import contract_path
from counterpoise.core.units import TOKEN
from counterpoise.inference import answer_bytes
from counterpoise.oracle import NO_ANSWER, Answer, Stage, share
from counterpoise.oracle.rules import MAX_CALLBACK_GAS, MAX_FEE, MAX_TIME
from counterpoise.verification import Status

NOBODY = bytes(20)
REFERENCE = b"\x0f" * 32


def events(world, receipt):
    return [(e.name, e.args) for e in world.oracle.contract.events_in(receipt)]


def test_a_request_takes_the_fee_and_is_spelled_out_in_the_log(world):
    before, deadline = world.balance(world.client), world.now + DAY
    world.token.transact(world.client, "approve", world.oracle.address, FEE)
    receipt = world.oracle.contract.transact(
        world.client, "request", NET.id, COMMITMENT, 2, NOBODY, 7, FEE, deadline, REFERENCE
    )
    args = {"id": 1, "client": world.client.address, "model": NET.id, "input": COMMITMENT}
    args |= {"level": 2, "callback": NOBODY, "callback_gas": 7, "fee": FEE}
    args |= {"deadline": deadline, "reference": REFERENCE}
    assert events(world, receipt) == [("Requested", args)]
    assert world.balance(world.client) == before - FEE
    assert world.balance(world.oracle) == FEE
    ask = world.oracle.request_of(1)
    assert ask.stage is Stage.OPEN and ask.client == world.client.address
    assert (ask.level, ask.model, ask.input) == (2, NET.id, COMMITMENT)
    assert (ask.callback, ask.callback_gas, ask.fee, ask.deadline) == (NOBODY, 7, FEE, deadline)


def test_evaluators_read_an_open_request_and_nothing_of_others(world):
    id_ = world.ask(level=2)
    deadline = world.oracle.request_of(id_).deadline
    wanted = (NET.id, COMMITMENT, world.levels[2].address, deadline)
    assert world.oracle.contract.call("question", id_) == wanted
    nothing = (bytes(32), bytes(32), NOBODY, 0)
    assert world.oracle.contract.call("question", id_ + 1) == nothing
    world.tell(id_)
    world.oracle.fulfil(world.stranger, id_)
    assert world.oracle.contract.call("question", id_) == nothing


def test_the_oracle_says_what_it_was_made_with(world):
    call = world.oracle.contract.call
    assert call("token") == world.token.address
    assert call("models") == world.models.address
    assert world.oracle.patience == PATIENCE
    found = [world.oracle.evaluator_of(level) for level in range(5)]
    assert found == [*(one.address for one in world.levels), NOBODY]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"level": 4}, "no such level"),
        ({"deadline": -1}, "the deadline is past"),
        ({"deadline": MAX_TIME + 1}, "deadline above 2**40"),
        ({"fee": MAX_FEE + 1}, "fee above 2**96"),
        ({"callback_gas": MAX_CALLBACK_GAS + 1}, "callback gas above a million"),
        ({"callback": b"\x09" * 20}, "the callback is no contract"),
        ({"model": b"\x09" * 32}, "unknown model"),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_a_request_on_unsound_terms_is_refused(world, changes, reason, batch):
    if changes.get("deadline") == -1:
        changes = {"deadline": world.now - 1}
    order = world.order(**changes)
    values = (order.level, order.callback, order.callback_gas, order.fee, order.deadline)
    with refused(f"oracle: {reason}"):
        if batch:
            arguments = (order.model, [COMMITMENT], *values, [])
            world.oracle.contract.transact(world.client, "request_batch", *arguments)
        else:
            arguments = (order.model, COMMITMENT, *values, bytes(32))
            world.oracle.contract.transact(world.client, "request", *arguments)


def test_a_request_in_the_second_of_its_deadline_is_taken(world):
    world.token.transact(world.client, "approve", world.oracle.address, FEE)
    values = (1, NOBODY, 0, FEE, world.now, bytes(32))
    world.oracle.contract.transact(world.client, "request", NET.id, COMMITMENT, *values)
    assert world.oracle.count() == 1


def test_a_level_without_an_evaluator_is_not_offered(world):
    made = (world.token.address, world.models.address, [NOBODY] * 4, PATIENCE)
    bare = deploy(world.chain, world.minter, "Oracle", *made)
    with refused("oracle: the level is not offered"):
        values = (0, NOBODY, 0, 0, world.now + 5, bytes(32))
        bare.transact(world.client, "request", NET.id, COMMITMENT, *values)


def test_an_oracle_is_not_made_of_nonsense(world):
    levels = [one.address for one in world.levels]
    token, models, away = world.token.address, world.models.address, b"\x09" * 20
    for values, reason in (
        ((away, models, levels, 1), "the token is no contract"),
        ((token, away, levels, 1), "the registry is no contract"),
        ((token, models, levels, MAX_TIME + 1), "patience above 2**40"),
        ((token, models, levels[::-1], 1), "an evaluator of another level"),
    ):
        with refused(f"oracle: {reason}"):
            deploy(world.chain, world.minter, "Oracle", *values)


def test_a_batch_is_one_question_for_each_input(world):
    commitments = [bytes([i]) * 32 for i in range(1, 6)]
    references = [bytes([i + 100]) * 32 for i in range(1, 6)]
    first = world.ask()
    ids = world.oracle.request_batch(world.client, world.order(), commitments, references)
    assert ids == list(range(first + 1, first + 6))
    assert [world.oracle.request_of(i).input for i in ids] == commitments
    requested = world.oracle.contract.events("Requested")[1:]
    assert [e.args["reference"] for e in requested] == references
    assert world.balance(world.oracle) == 6 * FEE
    assert world.ask() == ids[-1] + 1


def test_a_batch_needs_inputs_and_all_or_no_references(world):
    values = (1, NOBODY, 0, 0, world.now + DAY)
    for inputs, references, reason in (
        ([], [], "no inputs"),
        ([COMMITMENT] * 2, [REFERENCE], "not a reference for each input"),
    ):
        with refused(f"oracle: {reason}"):
            arguments = (NET.id, inputs, *values, references)
            world.oracle.contract.transact(world.client, "request_batch", *arguments)


def test_a_final_verdict_is_stored_paid_and_logged(world):
    id_ = world.ask(level=1)
    when = world.now
    world.tell(id_, providers=("ann", "bob", "cleo"), time=when)
    receipt = world.oracle.fulfil(world.stranger, id_)
    providers = tuple(world.roles[name].address for name in ("ann", "bob", "cleo"))
    args = {"id": id_, "level": 1, "answer": ANSWER, "evidence": EVIDENCE, "time": when}
    assert events(world, receipt) == [("Fulfilled", args | {"providers": providers})]
    assert world.oracle.answer_of(id_) == Answer(id_, Stage.ANSWERED, 1, when, ANSWER)
    assert {p: world.oracle.credit(p) for p in providers} == share(FEE, providers)
    assert world.oracle.fulfilments()[0].providers == providers


@pytest.mark.parametrize("outputs", range(1, 17))
def test_an_answer_of_any_length_comes_back_as_it_went_in(world, outputs):
    answer = answer_bytes([-(2**31) + 77 * i for i in range(outputs)], 2**16 - outputs)
    id_ = world.ask(fee=0)
    world.tell(id_, answer=answer)
    world.oracle.fulfil(world.stranger, id_)
    assert world.oracle.answer_of(id_).answer == answer
    assert world.oracle.latest(NET.id, COMMITMENT).answer == answer


def test_a_fee_that_does_not_divide_leaves_its_rest_to_the_first(world):
    id_ = world.ask(fee=11)
    world.tell(id_, providers=("ann", "bob", "ann", "cleo"))
    world.oracle.fulfil(world.stranger, id_)
    found = [world.oracle.credit(one.address) for one in (world.ann, world.bob, world.cleo)]
    assert found == [5 + 2, 2, 2]


def test_a_verdict_dated_in_the_future_counts_from_now(world):
    id_ = world.ask()
    world.tell(id_, time=MAX_TIME)
    world.oracle.fulfil(world.stranger, id_)
    assert world.oracle.answer_of(id_).time == world.chain.block().time


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.FINAL])
def test_only_a_final_verdict_fulfils(world, status):
    id_ = world.ask()
    world.tell(id_, status)
    with refused("oracle: no final verdict yet"):
        world.oracle.fulfil(world.stranger, id_)


def test_a_request_is_fulfilled_once(world):
    id_ = world.answered()
    for step in (world.oracle.fulfil, world.oracle.cancel):
        with refused("oracle: no open request"):
            step(world.stranger, id_)
        with refused("oracle: no open request"):
            step(world.stranger, id_ + 1)


def test_a_verdict_without_an_answer_or_a_provider_is_refused(world):
    id_ = world.ask()
    world.tell(id_, answer=b"")
    with refused("oracle: the verdict has no answer"):
        world.oracle.fulfil(world.stranger, id_)
    world.tell(id_, providers=())
    with refused("oracle: the verdict has no provider"):
        world.oracle.fulfil(world.stranger, id_)


def test_a_batch_fulfils_what_is_ready_and_passes_over_the_rest(world):
    ids = [world.ask(fee=i) for i in range(1, 5)]
    world.tell(ids[0])
    world.tell(ids[2])
    world.tell(ids[3], Status.PROPOSED)
    asked = [ids[2], ids[3], ids[1], ids[0], ids[0], 99]
    assert world.oracle.fulfil_batch(world.stranger, asked) == [ids[2], ids[0]]
    assert world.oracle.credit(world.ann.address) == 1 + 3
    assert world.oracle.fulfil_batch(world.stranger, asked) == []


def test_fees_are_pulled_by_anyone_for_their_owner(world):
    world.answered()
    before = world.balance(world.ann)
    receipt = world.oracle.withdraw(world.stranger, world.ann.address)
    paid = {"account": world.ann.address, "amount": FEE}
    assert events(world, receipt) == [("Withdrawn", paid)]
    assert world.balance(world.ann) == before + FEE
    with refused("oracle: nothing earned"):
        world.oracle.withdraw(world.ann, world.ann.address)


def test_silence_is_refunded_after_the_deadline_and_not_before(world):
    before = world.balance(world.client)
    id_ = world.ask()
    deadline = world.oracle.request_of(id_).deadline
    world.warp_to(deadline)
    with refused("oracle: an answer may still come"):
        world.oracle.cancel(world.stranger, id_)
    assert world.now > deadline
    receipt = world.oracle.cancel(world.stranger, id_)
    refund = {"id": id_, "client": world.client.address, "amount": FEE}
    assert events(world, receipt) == [("Refunded", refund)]
    assert world.balance(world.client) == before
    assert world.oracle.request_of(id_).stage is Stage.REFUNDED
    with refused("told: not my question"):
        world.tell(id_)


def test_a_failed_question_is_refunded_at_once(world):
    id_ = world.ask()
    world.tell(id_, Status.FAILED, providers=())
    world.oracle.cancel(world.stranger, id_)
    assert world.oracle.request_of(id_).stage is Stage.REFUNDED


@pytest.mark.parametrize("status", [Status.PROPOSED, Status.DISPUTED, Status.FINAL])
def test_an_answer_on_its_way_holds_the_refund_back_until_patience_is_over(world, status):
    id_ = world.ask()
    world.tell(id_, status)
    deadline = world.oracle.request_of(id_).deadline
    world.warp_to(deadline + PATIENCE)
    with refused("oracle: an answer may still come"):
        world.oracle.cancel(world.stranger, id_)
    assert world.now == deadline + PATIENCE + 1
    world.oracle.cancel(world.stranger, id_)
    assert world.oracle.request_of(id_).stage is Stage.REFUNDED


def test_an_evaluator_that_answers_nothing_locks_no_fee(world):
    id_ = world.ask()
    world.levels[1].transact(world.stranger, "fall_silent", True)
    world.warp_to(world.oracle.request_of(id_).deadline + PATIENCE + 1)
    world.oracle.cancel(world.stranger, id_)
    assert world.balance(world.oracle) == 0


def test_the_latest_answer_is_the_newest_and_says_how_strong_it_is(world):
    assert world.oracle.latest(NET.id, COMMITMENT) == NO_ANSWER
    strong = world.answered(level=3)
    weak = world.answered(level=0)
    assert world.oracle.latest(NET.id, COMMITMENT).id == weak
    found = world.oracle.latest_within(NET.id, COMMITMENT, least_level=1, max_age=DAY)
    assert (found.id, found.level) == (strong, 3)
    assert world.oracle.latest(NET.id, b"\x08" * 32) == NO_ANSWER


def test_an_old_answer_brought_late_does_not_pass_for_new(world):
    old, new = world.ask(), world.ask()
    world.tell(old, time=world.now)
    world.chain.warp(100)
    world.tell(new)
    world.oracle.fulfil_batch(world.stranger, [new, old])
    assert world.oracle.latest(NET.id, COMMITMENT).id == new


def test_an_answer_that_is_too_old_or_too_weak_is_refused(world):
    id_ = world.answered(level=1)
    age = 1000
    world.warp_to(world.oracle.answer_of(id_).time + age + 1)
    within = world.oracle.contract.call
    assert within("latest_within", NET.id, COMMITMENT, 1, age)[0] == id_
    with refused("oracle: no answer so fresh"):
        within("latest_within", NET.id, COMMITMENT, 1, age - 1)
    with refused("oracle: no answer so strong"):
        within("latest_within", NET.id, COMMITMENT, 2, age)
    world.chain.mine()
    with refused("oracle: no answer so fresh"):
        within("latest_within", NET.id, COMMITMENT, 1, age)


def test_a_provider_says_what_it_wants(world):
    assert world.oracle.estimate(world.ann.address, 1, 1000) == 0
    receipt = world.oracle.quote(world.ann, 1, 3 * TOKEN, 10**9)
    quoted = {"provider": world.ann.address, "level": 1, "fee": 3 * TOKEN, "gas_price": 10**9}
    assert events(world, receipt) == [("Quoted", quoted)]
    assert world.oracle.estimate(world.ann.address, 1, 1000) == 3 * TOKEN + 10**12
    assert world.oracle.estimate(world.ann.address, 2, 1000) == 0
    for values, reason in (
        ((4, 0, 0), "no such level to quote for"),
        ((0, MAX_FEE + 1, 0), "quoted fee above 2**96"),
        ((0, 0, 2**128), "gas price above 2**128"),
    ):
        with refused(f"oracle: {reason}"):
            world.oracle.quote(world.ann, *values)


def test_a_token_that_answers_false_moves_nothing(odd_token_world):
    w = odd_token_world
    w.token.transact(w.minter, "set_fault", 2)
    with refused("oracle: the token refused the fee"):
        w.ask()
    w.token.transact(w.minter, "set_fault", 1)
    kept, paid = w.ask(), w.answered()
    with refused("oracle: the token refused to pay"):
        w.oracle.withdraw(w.ann, w.ann.address)
    w.warp_to(w.oracle.request_of(kept).deadline + 1)
    with refused("oracle: the token refused to pay"):
        w.oracle.cancel(w.client, kept)
    w.token.transact(w.minter, "set_fault", 0)
    w.oracle.withdraw(w.ann, w.ann.address)
    w.oracle.cancel(w.client, kept)
    assert w.balance(w.oracle) == 0 and w.oracle.request_of(paid).stage is Stage.ANSWERED


def test_a_fee_that_was_not_approved_is_not_taken(world):
    values = (1, NOBODY, 0, FEE, world.now + DAY, bytes(32))
    with refused("token: insufficient allowance"):
        world.oracle.contract.transact(world.client, "request", NET.id, COMMITMENT, *values)


@pytest.mark.parametrize(
    ("contract", "tests"), [("Oracle", "oracle"), ("Assertions", "assertions")]
)
def test_every_refusal_of_a_contract_is_tested(contract, tests):
    source = contract_path(contract).read_text()
    reasons = re.findall(rf'"({contract.lower()}: [^"]+)"', source)
    assert len(reasons) == len(set(reasons)) > 10
    files = [Path(__file__).parent / f"test_{name}.py" for name in (tests, "callbacks")]
    text = "".join(path.read_text() for path in files)
    untested = {reason for reason in reasons if reason.split(": ")[1] not in text}
    assert untested == set()
