"""A ward's question goes to the oracle, its answer on record, and its fee is never lost."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "oracle"))

from oracle_world import (
    ANSWER,
    COMMITMENT,
    DAY,
    EVIDENCE,
    FEE,
    NET,
    build_world,
    refused,
)

from counterpoise.chain import deploy
from counterpoise.inference import parse_answer
from counterpoise.verification import Status

LEVEL = 1


@pytest.fixture(scope="module")
def settled():
    world = build_world()
    opinion = deploy(world.chain, world.minter, "SecondOpinion", world.oracle.address, NET.id)
    return world, opinion


@pytest.fixture
def ward(settled):
    world, opinion = settled
    place = world.chain.snapshot()
    world.token.transact(world.client, "approve", opinion.address, FEE)
    yield world, opinion
    world.chain.revert(place)


def ask(world, opinion):
    terms = (COMMITMENT, LEVEL, FEE, world.now + DAY, bytes(32))
    opinion.transact(world.client, "ask", *terms)
    (asked,) = opinion.events("Asked")
    return asked.args["id"]


def told(world, opinion):
    id_ = ask(world, opinion)
    world.tell(id_)
    world.oracle.fulfil(world.stranger, id_)
    return id_


def test_an_answer_is_put_on_record(ward):
    world, opinion = ward
    before = world.balance(world.client)
    id_ = told(world, opinion)
    logits, decision = parse_answer(ANSWER)
    found = opinion.call("opinion", id_)
    assert found == (world.client.address, FEE, True, bool(decision), logits[0])
    (event,) = opinion.events("Told")
    assert event.args == {"id": id_, "diseased": bool(decision), "logit": logits[0]}
    assert before - world.balance(world.client) == FEE
    assert world.oracle.credit(world.ann.address) == FEE


@pytest.mark.parametrize("logit", [-(2**31), -1, 0, 2**31 - 1])
def test_logits_of_either_sign_are_read_as_they_were_given(ward, logit):
    world, opinion = ward
    id_ = ask(world, opinion)
    answer = logit.to_bytes(4, "big", signed=True) + int(logit > 0).to_bytes(2, "big")
    world.tell(id_, answer=answer)
    world.oracle.fulfil(world.stranger, id_)
    assert opinion.call("opinion", id_)[2:] == (True, logit > 0, logit)


def test_only_the_oracle_tells(ward):
    world, opinion = ward
    id_ = ask(world, opinion)
    with refused("opinion: not the oracle"):
        opinion.transact(world.stranger, "on_answer", id_, ANSWER)


def test_an_answer_that_nobody_asked_for_is_not_taken(ward):
    world, opinion = ward
    id_ = world.ask(callback=opinion.address, callback_gas=100_000)
    world.tell(id_)
    world.oracle.fulfil(world.stranger, id_)
    assert opinion.events("Told") == []
    assert opinion.call("opinion", id_)[0] == bytes(20)


def test_an_answer_of_another_shape_is_not_taken(ward):
    world, opinion = ward
    id_ = ask(world, opinion)
    world.tell(id_, answer=ANSWER[:4] + ANSWER)
    world.oracle.fulfil(world.stranger, id_)
    assert not opinion.call("opinion", id_)[2]


def test_the_fee_of_a_question_without_an_answer_goes_back(ward):
    world, opinion = ward
    before, id_ = world.balance(world.client), ask(world, opinion)
    with refused("opinion: not refunded by the oracle"):
        opinion.transact(world.stranger, "reclaim", id_)
    world.warp_to(world.now + 9 * DAY)
    world.oracle.cancel(world.stranger, id_)
    opinion.transact(world.stranger, "reclaim", id_)
    assert world.balance(world.client) == before
    (event,) = opinion.events("Reclaimed")
    assert event.args == {"id": id_, "ward": world.client.address, "amount": FEE}
    with refused("opinion: nothing to reclaim"):
        opinion.transact(world.stranger, "reclaim", id_)


def test_a_question_that_was_answered_is_not_reclaimed(ward):
    world, opinion = ward
    id_ = told(world, opinion)
    with refused("opinion: not refunded by the oracle"):
        opinion.transact(world.stranger, "reclaim", id_)


def test_without_a_fee_nothing_is_asked(ward):
    world, opinion = ward
    world.token.transact(world.client, "approve", opinion.address, 0)
    with refused("token: insufficient allowance"):
        ask(world, opinion)
    assert world.oracle.contract.call("request_count") == 0


def test_the_evidence_of_an_answer_stays_with_the_oracle(ward):
    world, opinion = ward
    told(world, opinion)
    (fulfilled,) = world.oracle.contract.events("Fulfilled")
    assert fulfilled.args["evidence"] == EVIDENCE
    assert Status(world.levels[LEVEL].call("verdict", world.oracle.address, 1)[0]) is Status.FINAL
