"""Attacks on an honest trace with forged openings, and models that no honest answer comes of."""

import re
from dataclasses import replace

import pytest
from court import SALT, build_court, random_forest, random_input, random_net, with_payload

from counterpoise.chain.compiled import contract_path
from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted
from counterpoise.inference import Forest, Leaf, OrderedTree, Split, Tree
from counterpoise.verification.cells import asserted_of, open_cell
from counterpoise.verification.judge_rules import Kind, judge

NET, FOREST = random_net(2, 33, 40, 5, 3), random_forest(4, trees=5)
TRACE = NET.trace(random_input(7, NET), SALT)
GROWN = FOREST.trace(random_input(7, FOREST), SALT)
OTHER = NET.trace(random_input(8, NET), SALT)
NEURON = open_cell(NET, asserted_of(TRACE), Kind.NEURON, 41)
FIRST = open_cell(NET, asserted_of(TRACE), Kind.NEURON, 3)
DECISION = open_cell(NET, asserted_of(TRACE), Kind.DECISION, 0)
TREE = open_cell(FOREST, asserted_of(GROWN), Kind.TREE, 1)
SUM = open_cell(FOREST, asserted_of(GROWN), Kind.SUM, 1)
CUT = open_cell(NET, asserted_of(with_payload(TRACE, 2, lambda p: p[:-1])), Kind.NEURON, 41)
SHORT = open_cell(NET, asserted_of(with_payload(TRACE, 1, lambda p: p[:-1])), Kind.NEURON, 41)
LONG = open_cell(NET, asserted_of(with_payload(TRACE, 0, lambda p: p + b"\0")), Kind.NEURON, 3)
PADDED = b"\0" * 31


def from_other_trace(cell):
    said = open_cell(NET, asserted_of(OTHER), cell.kind, cell.row)
    return replace(cell, before=said.before, before_path=said.before_path)


def inner_node(cell):
    """The parent of two leaves as if it were one: its path is one shorter."""
    left, right = asserted_of(TRACE).leaves[:2]
    return replace(cell, after=b"\1" + left + right, after_path=cell.after_path[1:])


def inner_node_padded(cell):
    """The same with a path of the right length, which it then has to lead through."""
    left, right = asserted_of(TRACE).leaves[:2]
    return replace(cell, after=b"\1" + left + right)


def inner_row(cell):
    leaves = NET.row_tree.leaves
    return replace(
        cell, weights=b"\1" + leaves[40] + leaves[41], weights_path=cell.weights_path[1:]
    )


def of_other_row(cell, row):
    return replace(cell, weights=NET.row(row), weights_path=NET.row_opening(row))


def of_other_model(cell):
    other = random_net(9, 33, 40, 5, 3)
    return replace(cell, weights=other.row(41), weights_path=other.row_opening(41))


ATTACKS = [
    ("a shortened path", inner_node(NEURON), "path of another length"),
    ("a longer path", replace(NEURON, after_path=(*NEURON.after_path, b"x" * 32)),
     "path of another length"),
    ("an inner node as a leaf", inner_node_padded(NEURON), "not this leaf"),
    ("a shortened path before", replace(NEURON, before_path=NEURON.before_path[1:]),
     "path of another length"),
    ("a leaf of another trace", from_other_trace(NEURON), "leaves of two traces"),
    ("the wrong leaf before", replace(NEURON, before=FIRST.before, before_path=FIRST.before_path),
     "not this leaf"),
    ("the wrong leaf", replace(NEURON, after=FIRST.after, after_path=FIRST.after_path),
     "not this leaf"),
    ("the answer as input", replace(FIRST, before=DECISION.after, before_path=DECISION.after_path),
     "not the input"),
    ("a shortened path of the row", replace(NEURON, weights_path=NEURON.weights_path[1:]),
     "path of the row of another length"),
    ("an inner node as a row", inner_row(NEURON), "path of the row of another length"),
    ("the row of another neuron", of_other_row(NEURON, 42), "not a row of the model"),
    ("the row of another layer", of_other_row(NEURON, 3), "not a row of the model"),
    ("another model's row", of_other_model(NEURON), "not a row of the model"),
    ("a swapped weight", replace(NEURON, weights=NEURON.weights[:-1] + b"\x81"),
     "not a row of the model"),
    ("dirty padding of the row", replace(NEURON, weights=NEURON.weights + PADDED),
     "not a row of the model"),
    ("dirty padding of a leaf", replace(NEURON, after=NEURON.after + PADDED), "not this leaf"),
    ("dirty padding of the leaf before", replace(NEURON, before=NEURON.before + PADDED),
     "not this leaf"),
    ("a leaf that is too short", CUT, "leaf of another length"),
    ("a leaf before that is too short", SHORT, "leaf before of another length"),
    ("an input that is too long", LONG, "leaf before of another length"),
    ("a row beyond the last", replace(NEURON, row=48), "no such row"),
    ("a leaf beyond the last", replace(DECISION, kind=Kind.LENGTH, row=4), "no such leaf"),
    ("a tree of a net", replace(NEURON, kind=Kind.TREE, row=0), "a tree of no forest"),
    ("a sum of a net", replace(NEURON, kind=Kind.SUM, row=0), "a tree of no forest"),
    ("a neuron of a forest", replace(TREE, kind=Kind.NEURON), "a neuron of no net"),
    ("a tree beyond the last", replace(TREE, row=5), "no such tree or output"),
    ("an output beyond the last", replace(SUM, row=3), "no such tree or output"),
    ("no leaf at all", replace(NEURON, after=b"\2\2"), "not this leaf"),
    ("no input at all", replace(FIRST, before=b""), "not the input"),
    ("a leaf as input", replace(NEURON, kind=Kind.LENGTH, row=0), "not the input"),
]  # fmt: skip


@pytest.fixture(scope="session")
def court():
    return build_court()


def reason_of(court, name, *args):
    with pytest.raises(Reverted) as caught:
        court.judge.call(name, *args)
    return caught.value.reason


@pytest.mark.parametrize(("name", "cell", "reason"), ATTACKS, ids=[a[0] for a in ATTACKS])
def test_an_honest_trace_cannot_be_attacked_with(court, name, cell, reason):
    assert reason_of(court, "judge", cell.values()) == f"judge: {reason}"
    with pytest.raises(Reverted, match=reason):
        judge(cell)


def test_a_kind_that_there_is_not_is_refused(court):
    values = (6, *DECISION.values()[1:])
    assert reason_of(court, "judge", values) == "judge: no such kind of cell"
    values = (0, *DECISION.values()[1:])
    assert reason_of(court, "judge", values) == "judge: no such kind of cell"


def test_a_header_of_no_kind_is_refused(court):
    header = DECISION.header[:1] + b"\x03" + DECISION.header[2:]
    assert reason_of(court, "shape", header) == "judge: no such kind of model"


@pytest.mark.parametrize(
    "model",
    [random_net(1, 2049, 1), random_net(1, 2, 2049, 1)],
    ids=["inputs", "neurons"],
)
def test_models_that_are_too_wide_are_refused(court, model):
    assert reason_of(court, "shape", model.header) == "judge: too wide to judge"


def test_a_forest_of_too_many_trees_is_refused(court):
    forest = Forest((Tree((Leaf(1),)),) * 513, (0,), inputs=1)
    assert reason_of(court, "shape", forest.header) == "judge: too wide to judge"


def test_every_reason_of_the_judge_is_its_own_and_tested():
    reasons = re.findall(r'"judge: ([^"]+)"', contract_path("Judge").read_text())
    assert len(reasons) == len(set(reasons))
    heard = {reason for _, _, reason in ATTACKS}
    apart = {"no such kind of cell", "no such kind of model", "too wide to judge"}
    assert set(reasons) == heard | apart


def crooked(model, trace, kind, row, index, weights):
    """A cell whose row of the model is not what the specification allows."""
    leaves = [keccak(model.row(i)) for i in range(model.rows)]
    leaves[index] = keccak(weights)
    tree = OrderedTree(leaves)
    cell = open_cell(model, asserted_of(trace), kind, row)
    return replace(cell, weights=weights, weights_path=tree.opening(index), row_root=tree.root)


STUMP = Tree((Split(0, 99, 1, 2), Leaf(-5), Leaf(7)))
ONE = Forest((STUMP, STUMP), (1,), inputs=1)
SAID = ONE.trace(b"\x05", SALT)
HEAD, SPLIT, LEFT = ONE.row(0)[:8], ONE.row(0)[8:16], Leaf(-5).to_bytes()
CROOKED_TREES = {
    "no nodes": HEAD,
    "half a node": ONE.row(0)[:-1],
    "more than 255 nodes": HEAD + LEFT * 256,
    "the marks of another tree": ONE.row(1),
    "a dirty bias": HEAD[:4] + b"\0\0\0\1" + ONE.row(0)[8:],
    "a feature that there is not": HEAD + b"\0\1" + SPLIT[2:] + LEFT * 2,
    "a dirty node": HEAD + SPLIT[:-1] + b"\1" + LEFT * 2,
    "a dirty leaf": HEAD + b"\xff\xff\0\1" + LEFT[4:],
    "a child before its parent": HEAD + Split(0, 99, 0, 2).to_bytes() + LEFT * 2,
    "a child beyond the last": HEAD + Split(0, 99, 3, 2).to_bytes() + LEFT * 2,
}


@pytest.mark.parametrize("name", CROOKED_TREES)
def test_no_answer_of_a_crooked_tree_stands(court, name):
    cell = crooked(ONE, SAID, Kind.TREE, 0, 0, CROOKED_TREES[name])
    assert judge(cell).is_false
    assert court.judge.call("judge", cell.values())[2] is True


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r[:-1],
        lambda r: r + b"\0",
        lambda r: b"\0\0" + r[2:],
        lambda r: r[:7] + b"\1" + r[8:],
    ],
    ids=["short", "long", "marks", "bias"],
)
def test_no_answer_of_a_crooked_row_of_biases_stands(court, change):
    cell = crooked(ONE, SAID, Kind.SUM, 0, 2, change(ONE.row(2)))
    assert judge(cell).is_false
    assert court.judge.call("judge", cell.values())[2] is True


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r[:-1],
        lambda r: r + b"\x80",
        lambda r: r[:1] + b"\1" + r[2:],
        lambda r: r[:3] + b"\1" + r[4:],
    ],
    ids=["short", "long", "layer", "row"],
)
def test_no_answer_of_a_crooked_neuron_stands(court, change):
    cell = crooked(NET, TRACE, Kind.NEURON, 3, 3, change(NET.row(3)))
    assert judge(cell).is_false
    assert court.judge.call("judge", cell.values())[2] is True
