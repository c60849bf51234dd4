"""Bonded answers: what each step demands, pays and says; every refusal and every event."""

import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from court import (
    BOND,
    DEMAND_BOND,
    LIVENESS,
    REVEAL,
    SALT,
    build_court,
    off_by_one,
    random_forest,
    random_input,
    random_net,
    with_payload,
)

from counterpoise.chain import artifact_of, deploy
from counterpoise.chain.compiled import contract_path
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.inference import Trace
from counterpoise.verification.cells import asserted_of, first_false, open_cell
from counterpoise.verification.judge_rules import Kind, claim_of

NET = random_net(2, 9, 5, 4, 3)
VALUES = random_input(7, NET)
TRUTH = NET.trace(VALUES, SALT)
LIE = with_payload(TRUTH, 2, off_by_one(0))
FALSE_CELL = first_false(NET, TRUTH, asserted_of(LIE))
HALF = BOND // 2


@pytest.fixture(scope="session")
def one_court():
    made = build_court()
    made.publish(NET)
    return made


@pytest.fixture
def court(one_court):
    place = one_court.chain.snapshot()
    yield one_court
    one_court.chain.revert(place)


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == f"optimistic: {reason}"


def asked(court, trace=TRUTH, *, published=False, **changes):
    """A question with a proposal before it."""
    request = court.ask(NET, VALUES, **changes)
    court.propose(request, trace, published=published)
    return request


def claim(trace, model=NET):
    return claim_of(model.id, trace.root)


def said(court, receipt):
    return {event.name: event.args for event in court.optimistic.events_in(receipt)}


def reveal(court, request, leaf, trace=TRUTH, who=None, payload=None, model=NET):
    payload = payload or (trace.payloads[leaf] if leaf else trace.salt + trace.payloads[0])
    rest = (model.id, leaf, payload, list(trace.opening(leaf)))
    return court.call(who or court.provider, "reveal", request, *rest)


def test_an_answer_that_nobody_disputes_is_final_after_the_window(court):
    before = court.balance(court.provider)
    request = court.ask(NET, VALUES)
    receipt = court.propose(request, TRUTH)
    time = court.chain.block().time
    told = said(court, receipt)
    place = {"asker": request.asker, "id": request.id}
    assert told["Proposed"] == place | {
        "provider": court.provider.address,
        "answer": TRUTH.answer,
        "evidence": claim(TRUTH),
    }
    assert told["Traced"] == place | {
        "model": NET.id,
        "input": TRUTH.commitment,
        "hidden": TRUTH.leaves[1:-1],
        "trace": (),
    }
    assert court.proposal(request) == (
        court.provider.address, claim(TRUTH), time, time + LIVENESS, 4, 0, 0, False
    )  # fmt: skip
    verdict = court.optimistic.call("verdict", request.asker, request.id)
    assert verdict == (1, (court.provider.address,), TRUTH.answer, claim(TRUTH), time)
    assert before - court.balance(court.provider) == BOND == court.balance(court.optimistic)
    court.warp_to(time + LIVENESS - 1)
    with refused("the window is open"):
        court.call(court.stranger, "settle", request)
    receipt = court.call(court.stranger, "settle", request)
    assert said(court, receipt)["Settled"] == place | {"status": 3, "answer": TRUTH.answer}
    verdict = court.optimistic.call("verdict", request.asker, request.id)
    assert verdict == (
        3, (court.provider.address,), TRUTH.answer, claim(TRUTH), court.chain.block().time
    )  # fmt: skip
    receipt = court.optimistic.transact(court.provider, "withdraw")
    wanted = {"account": court.provider.address, "amount": BOND}
    assert said(court, receipt)["Withdrawn"] == wanted
    assert court.balance(court.provider) == before and court.balance(court.optimistic) == 0


def test_a_published_trace_is_told_whole_and_makes_the_same_claim(court):
    request = court.ask(NET, VALUES)
    told = said(court, court.propose(request, TRUTH, published=True))
    assert told["Traced"]["trace"] == TRUTH.payloads[1:-1]
    assert told["Traced"]["hidden"] == TRUTH.leaves[1:-1]
    assert court.proposal(request)[1] == claim(TRUTH)


def test_a_false_cell_takes_the_bond_in_one_transaction(court):
    request = asked(court, LIE)
    receipt = court.call(court.challenger, "convict", request, FALSE_CELL.values())
    assert said(court, receipt)["Convicted"] == {
        "asker": request.asker,
        "id": request.id,
        "provider": court.provider.address,
        "challenger": court.challenger.address,
        "kind": Kind.NEURON,
        "row": FALSE_CELL.row,
        "reward": HALF,
        "burnt": BOND - HALF,
    }
    assert court.status(request) == 0 and court.proposal(request)[0] == bytes(20)
    assert court.due(court.challenger) == HALF and court.due(court.provider) == 0
    supply = court.token.call("totalSupply")
    receipt = court.optimistic.transact(court.stranger, "burn")
    assert said(court, receipt)["Withdrawn"] == {"account": bytes(20), "amount": BOND - HALF}
    assert supply - court.token.call("totalSupply") == BOND - HALF
    assert court.balance(court.optimistic) == HALF
    with refused("nothing to burn"):
        court.optimistic.transact(court.stranger, "burn")


def test_after_a_conviction_another_provider_answers_before_the_deadline(court):
    request = asked(court, LIE)
    court.call(court.challenger, "convict", request, FALSE_CELL.values())
    court.propose(request, TRUTH, who=court.stranger)
    assert court.status(request) == 1
    with refused("not the trace in dispute"):
        court.call(court.challenger, "convict", request, FALSE_CELL.values())
    court.warp_to(court.proposal(request)[3])
    court.call(court.stranger, "settle", request)
    verdict = court.optimistic.call("verdict", request.asker, request.id)
    assert verdict[:3] == (3, (court.stranger.address,), TRUTH.answer)


def test_who_convicts_himself_loses_what_is_burnt(court):
    before = court.balance(court.provider)
    request = asked(court, LIE)
    court.call(court.provider, "convict", request, FALSE_CELL.values())
    court.optimistic.transact(court.provider, "withdraw")
    assert before - court.balance(court.provider) == BOND - HALF


@pytest.mark.parametrize("kind", list(Kind)[1:])
def test_an_honest_answer_cannot_be_convicted_by_any_cell(court, kind):
    model = NET if kind in (Kind.NEURON, Kind.DECISION, Kind.LENGTH) else random_forest(4)
    court.publish(model)
    values = random_input(1, model)
    trace = model.trace(values, SALT)
    request = court.ask(model, values)
    court.propose(request, trace)
    cell = open_cell(model, asserted_of(trace), kind, 0)
    with refused("the cell is right"):
        court.call(court.challenger, "convict", request, cell.values())


def test_a_true_cell_of_another_trace_or_another_models_rows_convict_nobody(court):
    request = asked(court)
    with refused("not the trace in dispute"):
        court.call(court.challenger, "convict", request, FALSE_CELL.values())
    twin = random_net(3, 9, 5, 4, 3)
    other = open_cell(twin, asserted_of(TRUTH), Kind.NEURON, 6)
    assert other.header[:12] == NET.header[:12]
    with refused("not the trace in dispute"):
        court.call(court.challenger, "convict", request, other.values())


def test_an_asker_that_changes_its_question_cannot_hurt_who_answered(court):
    request = asked(court)
    court.questions.transact(court.minter, "close", request.id)
    court.warp_to(court.proposal(request)[3])
    court.call(court.stranger, "settle", request)
    assert court.status(request) == 3


def test_a_demand_is_answered_by_a_reveal_and_its_bond_goes_to_the_provider(court):
    request = asked(court)
    before = court.balance(court.challenger)
    receipt = court.call(court.challenger, "demand", request, claim(TRUTH), 1)
    deadline = court.chain.block().time + REVEAL
    place = {"asker": request.asker, "id": request.id}
    assert said(court, receipt)["Demanded"] == place | {
        "leaf": 1, "demander": court.challenger.address, "deadline": deadline
    }  # fmt: skip
    found = court.optimistic.call("demanded", request.asker, request.id, 1)
    assert found == (court.challenger.address, deadline)
    assert court.status(request) == 2 and before - court.balance(court.challenger) == DEMAND_BOND
    court.warp_to(deadline - 1)
    told = said(court, reveal(court, request, 1))
    assert told["Revealed"] == place | {"leaf": 1, "payload": TRUTH.payloads[1]}
    assert court.status(request) == 1 and court.due(court.provider) == DEMAND_BOND
    with refused("already demanded"):
        court.call(court.challenger, "demand", request, claim(TRUTH), 1)


@pytest.mark.parametrize("leaf", [0, 1, 2])
def test_every_leaf_but_the_answer_can_be_demanded_and_revealed_by_anyone(court, leaf):
    request = asked(court)
    court.call(court.challenger, "demand", request, claim(TRUTH), leaf)
    told = said(court, reveal(court, request, leaf, who=court.stranger))
    wanted = TRUTH.payloads[leaf] if leaf else SALT + VALUES
    assert told["Revealed"]["payload"] == wanted
    with refused("no such leaf to demand"):
        court.call(court.challenger, "demand", request, claim(TRUTH), 3)


def test_the_window_does_not_end_before_a_late_demand_is_answered_and_judged(court):
    request = asked(court)
    proposed = court.proposal(request)[2]
    court.warp_to(proposed + LIVENESS - 1)
    court.call(court.challenger, "demand", request, claim(TRUTH), 2)
    demanded = court.chain.block().time
    with refused("too late to demand"):
        court.call(court.challenger, "demand", request, claim(TRUTH), 1)
    assert court.proposal(request)[3] == demanded + 2 * REVEAL
    court.warp_to(demanded + REVEAL - 1)
    reveal(court, request, 2)
    court.warp_to(demanded + 2 * REVEAL - 1)
    with refused("the window is open"):
        court.call(court.stranger, "settle", request)
    court.call(court.stranger, "settle", request)


def test_a_demand_early_in_the_window_does_not_shorten_it(court):
    request = asked(court)
    proposed = court.proposal(request)[2]
    court.call(court.challenger, "demand", request, claim(TRUTH), 1)
    assert court.proposal(request)[3] == max(proposed + LIVENESS, proposed + 1 + 2 * REVEAL)


def test_a_leaf_that_is_not_revealed_in_time_loses_the_bond_to_who_demanded_it(court):
    request = asked(court, LIE)
    court.call(court.challenger, "demand", request, claim(LIE), 2)
    deadline = court.chain.block().time + REVEAL
    with refused("no open demand"):
        court.call(court.stranger, "forfeit", request, 1)
    court.warp_to(deadline - 1)
    with refused("time to reveal is left"):
        court.call(court.stranger, "forfeit", request, 2)
    with refused("too late to reveal"):
        reveal(court, request, 2, LIE)
    told = said(court, court.call(court.stranger, "forfeit", request, 2))["Convicted"]
    assert (told["kind"], told["row"]) == (Kind.WITHHELD, 2)
    assert told["challenger"] == court.challenger.address
    assert court.due(court.challenger) == HALF + DEMAND_BOND and court.due(court.stranger) == 0
    assert court.status(request) == 0


def test_a_wrong_leaf_is_no_answer_to_a_demand(court):
    request = asked(court, LIE)
    court.call(court.challenger, "demand", request, claim(LIE), 2)
    for payload in (TRUTH.payloads[2], LIE.payloads[2][:-1], LIE.payloads[2] + b"\0"):
        with refused("not the leaf"):
            reveal(court, request, 2, LIE, payload=payload)
    with refused("not demanded"):
        reveal(court, request, 1, LIE)
    with refused("not the leaf"):
        reveal(court, request, 2, LIE, model=random_net(3, 9, 5, 4, 3))
    rest = (NET.id, 2, LIE.payloads[2], list(LIE.opening(2))[1:])
    with refused("path of another length"):
        court.call(court.provider, "reveal", request, *rest)


def test_a_withheld_lie_falls_in_three_transactions(court):
    request = asked(court, LIE)
    gas = court.call(court.challenger, "demand", request, claim(LIE), 2).gas_used
    gas += reveal(court, request, 2, LIE).gas_used
    gas += court.call(court.challenger, "convict", request, FALSE_CELL.values()).gas_used
    assert gas <= 400_000
    assert court.due(court.challenger) == HALF and court.due(court.provider) == DEMAND_BOND


def test_nothing_is_settled_while_a_demand_stands_open_and_both_silent_resolves(court):
    request = asked(court)
    court.call(court.challenger, "demand", request, claim(TRUTH), 1)
    court.warp_to(court.proposal(request)[3] + 1000)
    with refused("a demand stands open"):
        court.call(court.stranger, "settle", request)
    court.call(court.stranger, "forfeit", request, 1)
    assert court.status(request) == 0


def test_open_demands_of_others_come_back_when_a_proposal_falls(court):
    request = asked(court, LIE)
    court.call(court.stranger, "demand", request, claim(LIE), 0)
    court.call(court.stranger, "demand", request, claim(LIE), 1)
    court.call(court.challenger, "convict", request, FALSE_CELL.values())
    assert court.due(court.stranger) == 2 * DEMAND_BOND
    court.propose(request, TRUTH)
    assert court.proposal(request)[4:] == (4, 0, 0, False)
    assert court.optimistic.call("demanded", request.asker, request.id, 1) == (bytes(20), 0)


def test_a_bond_is_taken_from_the_balance_here_first(court):
    request = asked(court)
    court.warp_to(court.proposal(request)[3])
    court.call(court.provider, "settle", request)
    before = court.balance(court.provider)
    asked(court)
    assert court.balance(court.provider) == before and court.due(court.provider) == 0
    second = asked(court)
    assert before - court.balance(court.provider) == BOND
    court.call(court.challenger, "demand", second, claim(TRUTH), 1)
    reveal(court, second, 1)
    before = court.balance(court.provider)
    asked(court)
    assert before - court.balance(court.provider) == BOND - DEMAND_BOND


def test_proposals_that_cannot_be_judged_are_refused(court):
    request = asked(court)
    with refused("a proposal stands"):
        court.propose(request, TRUTH, who=court.stranger)
    elsewhere = court.ask(NET, VALUES, evaluator=court.questions.address)
    with refused("not asked here"):
        court.propose(elsewhere, TRUTH)
    over = court.ask(NET, VALUES, life=10)
    court.warp_to(over.deadline + 1)
    with refused("the question is over"):
        court.propose(over, TRUTH)
    last = court.ask(NET, VALUES, life=10)
    court.warp_to(last.deadline)
    court.propose(last, TRUTH)
    fresh = court.ask(NET, VALUES)
    for trace in (
        Trace(SALT, TRUTH.payloads[:-2] + TRUTH.payloads[-1:]),
        Trace(SALT, TRUTH.payloads[:-1] + TRUTH.payloads[-2:]),
    ):
        with refused("wrong number of leaves"):
            court.propose(fresh, trace)
    with refused("answer of another length"):
        court.propose(fresh, with_payload(TRUTH, 3, lambda answer: answer[4:]))
    unknown = random_net(77, 9, 5, 4, 3)
    with refused("the model is not admitted"):
        court.propose(court.ask(unknown, VALUES), unknown.trace(VALUES, SALT))


def test_an_honest_answer_does_not_fall_upon_another_question_of_its_number(court):
    """A reorganisation gives the number to another question: there, the answer would be a lie."""
    request = asked(court)
    fresh = court.ask(NET, VALUES)
    court.chain.reorg(1, keep=False)
    other = court.ask(NET, VALUES[::-1])
    assert other.id == fresh.id != request.id
    for published in (False, True):
        with refused("another question or trace"):
            court.propose(fresh, TRUTH, who=court.stranger, published=published)
    court.propose(other, NET.trace(VALUES[::-1], SALT), who=court.stranger)


def test_models_are_admitted_once_and_only_if_registered_and_judgeable(court):
    with refused("already admitted"):
        court.optimistic.transact(court.stranger, "admit", NET.id)
    with refused("no such model"):
        court.optimistic.transact(court.stranger, "admit", b"?" * 32)
    wide = random_net(1, 2049, 1)
    court.models.register(court.stranger, wide)
    with pytest.raises(Reverted, match="judge: too wide to judge"):
        court.optimistic.transact(court.stranger, "admit", wide.id)
    fresh = random_net(5, 4, 2)
    court.models.register(court.stranger, fresh)
    receipt = court.optimistic.transact(court.stranger, "admit", fresh.id)
    assert said(court, receipt)["Admitted"] == {"model": fresh.id, "leaves": 2, "outputs": 2}


def test_what_is_final_stays_final_and_what_never_was_cannot_be_moved(court):
    request = asked(court, LIE)
    court.warp_to(court.proposal(request)[3])
    court.call(court.stranger, "settle", request)
    never = court.ask(NET, VALUES)
    steps = [
        ("convict", FALSE_CELL.values()),
        ("demand", claim(LIE), 1),
        ("forfeit", 1),
        ("settle",),
    ]
    for name, *rest in steps:
        with refused("already final"):
            court.call(court.challenger, name, request, *rest)
        with refused("no proposal stands"):
            court.call(court.challenger, name, never, *rest)
    with refused("a proposal stands"):
        court.propose(request, TRUTH)


def test_a_demand_does_not_fall_upon_a_later_proposal(court):
    request = asked(court, LIE)
    court.call(court.challenger, "convict", request, FALSE_CELL.values())
    court.propose(request, TRUTH)
    with refused("another proposal stands"):
        court.call(court.stranger, "demand", request, claim(LIE), 1)


def test_nothing_is_paid_out_twice(court):
    with refused("nothing to withdraw"):
        court.optimistic.transact(court.stranger, "withdraw")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bond": 1}, "no bond"),
        ({"liveness": 0}, "liveness out of range"),
        ({"liveness": 2**32}, "liveness out of range"),
        ({"reveal": 0}, "time to reveal out of range"),
    ],
)
def test_terms_that_make_no_sense_are_refused(change, reason):
    with refused(reason):
        build_court(**change)


def test_a_token_that_refuses_is_heard(court):
    odd = artifact_of(Path(__file__).parents[1] / "jobs" / "contracts" / "OddToken.vy")
    token = deploy(court.chain, court.minter, odd)
    places = (token.address, court.models.address, court.judge.address)
    terms = (BOND, DEMAND_BOND, LIVENESS, REVEAL)
    other = deploy(court.chain, court.minter, "Optimistic", *places, *terms)
    token.transact(court.minter, "mint", court.provider.address, BOND)
    token.transact(court.provider, "approve", other.address, BOND)
    other.transact(court.stranger, "admit", NET.id)
    request = court.ask(NET, VALUES, evaluator=other.address)
    place = (request.asker, request.id)
    propose = (*place, claim_of(NET.id, TRUTH.root), TRUTH.answer, list(TRUTH.leaves[1:-1]))
    token.transact(court.minter, "set_fault", 2)
    with refused("the token refused the bond"):
        other.transact(court.provider, "propose", *propose)
    token.transact(court.minter, "set_fault", 1)
    other.transact(court.provider, "propose", *propose)
    court.warp_to(other.call("proposal", *place)[3])
    other.transact(court.stranger, "settle", *place)
    with refused("the token refused to pay"):
        other.transact(court.provider, "withdraw")
    token.transact(court.minter, "set_fault", 0)
    other.transact(court.provider, "withdraw")
    assert token.call("balanceOf", court.provider.address) == BOND


def test_a_bond_that_was_not_approved_cannot_be_taken(court):
    court.token.transact(court.stranger, "approve", court.optimistic.address, 0)
    with pytest.raises(Reverted, match="token: insufficient allowance"):
        court.propose(court.ask(NET, VALUES), TRUTH, who=court.stranger)


def test_what_was_fixed_can_be_read(court):
    read = [court.optimistic.call(name) for name in ("token", "models", "judge", "bond")]
    wanted = [court.token.address, court.models.address, court.judge.address, BOND]
    assert read == wanted
    names = ("demand_bond", "liveness_seconds", "reveal_seconds", "level")
    assert [court.optimistic.call(name) for name in names] == [DEMAND_BOND, LIVENESS, REVEAL, 1]
    assert DEMAND_BOND == TOKEN


@pytest.mark.parametrize("outputs", [1, 7, 8, 15, 16])
def test_answers_of_every_length_are_kept_to_the_bit_and_cleared(court, outputs):
    net = court.publish(random_net(outputs, 3, outputs))
    truth = net.trace(b"\1\2\3", SALT)
    lie = with_payload(truth, 1, off_by_one(0))
    request = court.ask(net, b"\1\2\3")
    court.propose(request, lie)
    assert court.optimistic.call("verdict", request.asker, request.id)[2] == lie.answer
    cell = first_false(net, truth, asserted_of(lie))
    court.call(court.challenger, "convict", request, cell.values())
    assert court.optimistic.call("verdict", request.asker, request.id)[2] == b""
    court.propose(request, truth)
    assert court.optimistic.call("verdict", request.asker, request.id)[2] == truth.answer


def test_every_reason_of_the_contract_is_its_own_and_tested():
    reasons = re.findall(r'"optimistic: ([^"]+)"', contract_path("Optimistic").read_text())
    assert len(reasons) == len(set(reasons))
    tested = Path(__file__).read_text()
    assert [reason for reason in reasons if f'"{reason}"' not in tested] == []
