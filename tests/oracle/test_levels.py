"""Nodes at the other levels: one proposes and others watch; or the chain runs the model."""

import pytest
from oracle_village import FEE, HOUR, MODEL, small_net

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.oracle import Policy, Stage, open_node, verify_answers
from counterpoise.oracle.serving import ZkKeys
from counterpoise.provenance import Verdict
from counterpoise.verification import (
    DirectClient,
    Level,
    Request,
    Status,
    ZkClient,
    fetch_verdict,
    make_development_srs,
    make_key,
)

VALUES = (10, 200, 3, 4)
TRUE = MODEL.answer(bytes(VALUES))
BOND = 10 * TOKEN
OTHER = small_net(7)


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


@pytest.mark.slow
def test_a_node_proves_in_zero_knowledge_what_a_contract_asked(village, tmp_path):
    """Asked, proven, checked on the chain, fulfilled and paid; another model's key proves none."""
    pytest.importorskip("ezkl", reason="needs the extra zk")
    if "ZkProofs" not in village.network.charter.contracts:
        pytest.skip("the network has no verifier of proofs")
    client, srs = ZkClient(village.network.contract("ZkProofs")), tmp_path / "srs"
    for size in (10, 11):
        make_development_srs(srs, size)
    keys = [make_key(net, tmp_path / f"key-{i}", srs) for i, net in enumerate((MODEL, OTHER))]
    client.pin(village.account("operator"), keys[0])
    id_, told = village.ask(VALUES, level=2), []
    terms = Policy(courtesy_seconds=0, draw_at=0)
    given = {"levels": [Level.ZK], "clock": lambda: 0, "say": told.append, "policy": terms}
    place = (village.network, village.account("nina"))
    other = open_node(*place, tmp_path / "other", zk_keys=[tmp_path / "key-1"], **given)
    village.turn(other, times=2)
    other.close()
    assert village.oracle.request_of(id_).stage is Stage.OPEN
    assert any("no proving key of model" in line for line in told)
    node = open_node(*place, tmp_path / "own", zk_keys=[tmp_path / "key-0"], **given)
    before = village.balance(village.account("nina"))
    village.turn(node, times=2)
    node.close()
    found = village.oracle.answer_of(id_)
    assert (found.level, found.answer) == (2, MODEL.answer(bytes(VALUES)))
    assert village.balance(village.account("nina")) == before + FEE
    assert client.pin_of(MODEL.id).development
    report = Verdict()
    assert verify_answers(village.network, report) == 1
    report.raise_if_false()
