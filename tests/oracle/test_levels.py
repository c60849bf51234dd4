"""Nodes at the other levels: one proposes and others watch; or the chain runs the model."""

import pytest
from oracle_village import FEE, HOUR, MODEL, small_net

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.oracle import Stage
from counterpoise.oracle.serving import ZkKeys
from counterpoise.verification import DirectClient, Level, Request, Status, fetch_verdict

VALUES = (10, 200, 3, 4)
TRUE = MODEL.answer(bytes(VALUES))
BOND = 10 * TOKEN


@pytest.fixture
def said():
    return {}


@pytest.fixture
def nodes(village, tmp_path, said):
    made = []
    for name in ("nina", "olaf"):
        said[name] = []
        made.append(village.node(tmp_path, name, [Level.OPTIMISTIC], said=said[name]))
    yield made
    for node in made:
        node.close()


def verdict(village, id_):
    return fetch_verdict(village.optimistic.contract, village.oracle.address, id_)


def lie(village, id_):
    """Propose an answer of a model with other weights, by one who has nothing to fear."""
    trace = small_net(7).trace(bytes(VALUES), sha256(bytes(VALUES)))
    liar = village.account("liar")
    if not village.optimistic.is_admitted(MODEL.id):
        village.optimistic.admit(liar, MODEL.id)
    village.optimistic.propose(liar, village.oracle.address, id_, MODEL.id, trace, publish=True)


def test_one_of_two_nodes_proposes_and_losing_the_race_is_quiet(village, nodes, said):
    id_ = village.ask(level=1)
    village.turn(*nodes, times=2)
    assert verdict(village, id_).providers == (nodes[0].account.address,)
    assert said == {name: [f"request {id_}: proposed"] for name in said}
    village.pass_time(HOUR + 1)
    village.turn(*nodes, times=2)
    answer = village.oracle.answer_of(id_)
    assert (answer.stage, answer.answer, answer.level) == (Stage.ANSWERED, TRUE, 1)
    assert village.balance(nodes[0].account) == village.balance(nodes[1].account) + FEE
    assert not any("refused" in line for lines in said.values() for line in lines)


def test_the_other_brings_the_verdict_in_when_the_first_is_gone(village, nodes):
    id_ = village.ask(level=1)
    village.turn(nodes[0])
    village.pass_time(HOUR + 1)
    village.turn(nodes[1], times=2)
    assert village.oracle.request_of(id_).stage is Stage.ANSWERED
    assert village.oracle.credit(nodes[0].account.address) == FEE


def test_a_false_answer_is_convicted_and_the_true_one_takes_its_place(village, nodes, said):
    id_ = village.ask(level=1)
    lie(village, id_)
    assert verdict(village, id_).answer != TRUE
    before = village.balance(nodes[0].account)
    village.turn(*nodes, times=3)
    found_ = verdict(village, id_)
    assert (found_.status, found_.answer) == (Status.PROPOSED, TRUE)
    assert any("disputed" in line for line in said["nina"])
    village.pass_time(HOUR + 1)
    village.turn(*nodes, times=2)
    assert village.oracle.answer_of(id_).answer == TRUE
    assert village.balance(nodes[0].account) > before  # a part of the liar's bond, and the fee
    assert village.balance(village.account("liar")) == 1000 * TOKEN - BOND


def test_a_true_answer_of_another_is_left_in_peace(village, nodes):
    id_ = village.ask(level=1)
    village.turn(nodes[0])
    before = verdict(village, id_)
    for _ in range(3):
        village.turn(nodes[1])
    assert verdict(village, id_) == before
    assert not village.optimistic.contract.events("Convicted")


def test_bonds_that_come_back_are_drawn(village, nodes):
    before = village.balance(nodes[0].account)
    village.ask(level=1)
    village.turn(*nodes)
    assert village.balance(nodes[0].account) < before
    village.pass_time(HOUR + 1)
    village.turn(*nodes, times=2)
    assert village.balance(nodes[0].account) == before + FEE


def test_the_chain_runs_the_model_at_once(village, tmp_path):
    DirectClient(village.network.contract("Direct")).load(village.account("operator"), MODEL)
    node = village.node(tmp_path, "nina", [Level.DIRECT])
    id_ = village.ask(level=3)
    village.turn(node, times=2)
    answer = village.oracle.answer_of(id_)
    assert (answer.level, answer.answer) == (3, TRUE)
    node.close()


def test_a_model_that_was_not_loaded_is_told_and_stops_nothing(village, tmp_path):
    told = []
    node = village.node(tmp_path, "nina", [Level.DIRECT, Level.OPTIMISTIC], said=told)
    direct, bonded = village.ask(level=3), village.ask(level=1)
    village.turn(node, times=2)
    assert verdict(village, bonded).status is Status.PROPOSED
    assert village.oracle.request_of(direct).stage is Stage.OPEN
    assert sum(f"request {direct}" in line for line in told) == 1
    node.close()


def test_a_model_without_a_proving_key_is_not_proven_in_zero_knowledge():
    prover = ZkKeys(None, [])
    request = Request(bytes(20), 1, MODEL.id, bytes(32), bytes(VALUES), 2**40)
    with pytest.raises(InputError, match="no proving key of model"):
        prover.prove(MODEL, request)
