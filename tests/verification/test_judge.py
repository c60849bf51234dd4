"""The judge agrees with its rules for every cell, convicts each lie, and no honest trace."""

from dataclasses import replace

import numpy as np
import pytest
from court import (
    SALT,
    build_court,
    off_by_one,
    random_forest,
    random_input,
    random_net,
    with_payload,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from counterpoise.inference import Forest, Layer, Leaf, Net, Split, Tree
from counterpoise.verification.cells import asserted_of, first_false, open_cell
from counterpoise.verification.judge_rules import Kind, judge

QUICK = settings(
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def court():
    return build_court()


def ruling(court, cell):
    """What the contract says of a cell; the rules must say the same."""
    found = court.judge.call("judge", cell.values())
    wanted = judge(cell)
    assert found == (wanted.model, wanted.trace_root, wanted.is_false)
    return wanted


def cells_of(model, trace):
    """Every cell that a trace has, by kind and row."""
    asserted = asserted_of(trace)
    kinds = [(Kind.LENGTH, place) for place in range(len(trace.payloads))] + [(Kind.DECISION, 0)]
    if isinstance(model, Net):
        kinds += [(Kind.NEURON, row) for row in range(model.rows)]
    else:
        kinds += [(Kind.TREE, tree) for tree in range(len(model.trees))]
        kinds += [(Kind.SUM, output) for output in range(model.outputs)]
    return [open_cell(model, asserted, *one) for one in kinds]


def lies(trace):
    """The trace with each byte of each computed leaf off by one, in turn."""
    for place in range(1, len(trace.payloads)):
        for at in range(len(trace.payloads[place])):
            yield place, with_payload(trace, place, off_by_one(at))


MODELS = {
    "logistic": random_net(1, 33, 1),
    "net": random_net(2, 9, 5, 3),
    "deep": random_net(3, 4, 3, 3, 2, 1, threshold=-7),
    "forest": random_forest(4),
    "stumps": random_forest(5, inputs=2, trees=1, outputs=1, depth=1),
}


@pytest.mark.parametrize("name", MODELS)
def test_no_cell_of_an_honest_trace_is_false(court, name):
    model = MODELS[name]
    trace = model.trace(random_input(7, model), SALT)
    for cell in cells_of(model, trace):
        found = ruling(court, cell)
        assert not found.is_false, cell.kind
        assert (found.model, found.trace_root) == (model.id, trace.root)


@pytest.mark.parametrize("name", MODELS)
def test_each_byte_that_is_off_by_one_makes_the_first_false_cell(court, name):
    model = MODELS[name]
    truth = model.trace(random_input(8, model), SALT)
    for number, (_, lie) in enumerate(lies(truth)):
        cell = first_false(model, truth, asserted_of(lie))
        assert judge(cell).is_false
        if number % 5 == 0:
            assert ruling(court, cell).is_false
    assert first_false(model, truth, asserted_of(truth)) is None


@pytest.mark.parametrize("width", [1, 24, 31, 32, 33, 63, 64, 65, 1024, 2047, 2048])
def test_rows_of_any_width_are_summed_to_the_bit(court, width):
    net = random_net(width, width, 2, 1, worst=True, shift=14)
    for values in (bytes(width), b"\xff" * width, random_input(width, net)):
        trace = net.trace(values, SALT)
        cell = open_cell(net, asserted_of(trace), Kind.NEURON, 1)
        assert not ruling(court, cell).is_false
        lie = with_payload(trace, 1, off_by_one(1))
        assert ruling(court, open_cell(net, asserted_of(lie), Kind.NEURON, 1)).is_false


def one_neuron(accumulator, shift, lo, hi, zero_point=0):
    """The byte that a neuron makes of an accumulator."""
    layers = (
        Layer(np.zeros((1, 1), np.int64), np.array([accumulator]), 0, shift, lo, hi),
        Layer(np.ones((1, 1), np.int64), np.array([0]), zero_point),
    )
    return Net(layers)


EDGES = [-(2**31) + 16_321, 2**31 - 16_321]
EDGES += [
    sign * (128 * k + near) for sign in (1, -1) for k in (0, 1, 3) for near in (-65, -64, -63)
]


@pytest.mark.parametrize("accumulator", EDGES)
@pytest.mark.parametrize(("shift", "lo", "hi", "point"), [(7, -128, 127, 128), (0, 0, 255, 0)])
def test_the_rounding_edges_are_those_of_the_specification(
    court, accumulator, shift, lo, hi, point
):
    net = one_neuron(accumulator, shift, lo, hi, point)
    trace = net.trace(b"\x00", SALT)
    wanted = min(hi, max(lo, (accumulator + (1 << shift >> 1)) >> shift)) + point
    assert trace.payloads[1] == bytes([wanted])
    assert not ruling(court, open_cell(net, asserted_of(trace), Kind.NEURON, 0)).is_false
    for lie in (wanted + 1, wanted - 1):
        if 0 <= lie <= 255:
            false = with_payload(trace, 1, lambda _, lie=lie: bytes([lie]))
            assert ruling(court, open_cell(net, asserted_of(false), Kind.NEURON, 0)).is_false


def decided(logits, threshold=0):
    """A net whose logits are its biases, whatever the input."""
    weights = np.zeros((len(logits), 1), np.int64)
    return Net((Layer(weights, np.array(logits)),), threshold)


@pytest.mark.parametrize(
    ("logits", "threshold", "wanted"),
    [
        ([5, 5, 5], 0, 0),
        ([-3, 4, 4], 0, 1),
        ([-(2**31) + 16_321, -9, -10], 0, 1),
        ([7], 7, 0),
        ([8], 7, 1),
        ([-8], -7, 0),
        ([-7], -8, 1),
    ],
)
def test_ties_go_to_the_lowest_index_and_a_threshold_must_be_passed(
    court, logits, threshold, wanted
):
    net = decided(logits, threshold)
    trace = net.trace(b"\x01", SALT)
    assert trace.answer[-1] == wanted
    for decision in range(3):
        said = with_payload(trace, 1, lambda a, d=decision: a[:-1] + bytes([d]))
        cell = open_cell(net, asserted_of(said), Kind.DECISION, 0)
        assert ruling(court, cell).is_false == (decision != wanted)


def test_an_input_at_the_threshold_goes_left(court):
    stump = Tree((Split(0, 99, 1, 2), Leaf(-5), Leaf(7)))
    forest = Forest((stump,), (1,), inputs=1)
    for value, said in ((99, -5), (100, 7), (0, -5), (255, 7)):
        trace = forest.trace(bytes([value]), SALT)
        assert trace.payloads[1] == said.to_bytes(4, "big", signed=True)
        assert not ruling(court, open_cell(forest, asserted_of(trace), Kind.TREE, 0)).is_false
        other = (2 - said).to_bytes(4, "big", signed=True)
        lie = with_payload(trace, 1, lambda _, other=other: other)
        assert ruling(court, open_cell(forest, asserted_of(lie), Kind.TREE, 0)).is_false


@settings(QUICK, max_examples=25)
@given(st.data())
def test_judge_rules_and_reference_agree_on_any_net(court, data):
    widths = data.draw(st.lists(st.integers(1, 70), min_size=2, max_size=4))
    widths[-1] = min(widths[-1], 16)
    shift = data.draw(st.integers(0, 20))
    net = random_net(data.draw(st.integers(0, 2**32)), *widths, shift=shift)
    trace = net.trace(data.draw(st.binary(min_size=widths[0], max_size=widths[0])), SALT)
    row = data.draw(st.integers(0, net.rows - 1))
    number, neuron = net.place(row)
    at = neuron if number < len(net.layers) - 1 else 4 * neuron + data.draw(st.integers(0, 3))
    flip = data.draw(st.integers(0, 255))
    said = with_payload(trace, number + 1, lambda p: p[:at] + bytes([p[at] ^ flip]) + p[at + 1 :])
    cell = open_cell(net, asserted_of(said), Kind.NEURON, row)
    assert ruling(court, cell).is_false == (flip != 0)


@settings(QUICK, max_examples=15)
@given(st.data())
def test_judge_rules_and_reference_agree_on_any_forest(court, data):
    sizes = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 4)))
    inputs, trees, outputs = sizes
    forest = random_forest(data.draw(st.integers(0, 2**32)), inputs, trees, outputs, depth=5)
    trace = forest.trace(data.draw(st.binary(min_size=inputs, max_size=inputs)), SALT)
    tree = data.draw(st.integers(0, trees - 1))
    said = with_payload(trace, 1, off_by_one(4 * tree + data.draw(st.integers(0, 3))))
    assert ruling(court, open_cell(forest, asserted_of(said), Kind.TREE, tree)).is_false
    assert not ruling(court, open_cell(forest, asserted_of(trace), Kind.TREE, tree)).is_false
    output = tree % outputs
    summed = open_cell(forest, asserted_of(said), Kind.SUM, output)
    assert ruling(court, summed).is_false, "a sum that does not follow from what trees said"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: p + b"\0"])
def test_a_vector_that_is_too_short_or_too_long_is_false_by_its_length(court, place, change):
    net = MODELS["net"]
    trace = with_payload(net.trace(random_input(1, net), SALT), place, change)
    assert ruling(court, open_cell(net, asserted_of(trace), Kind.LENGTH, place)).is_false


def test_the_largest_forest_is_judged(court):
    forest = random_forest(1, inputs=3, trees=512, outputs=1, depth=1)
    trace = forest.trace(b"\1\2\3", SALT)
    assert not ruling(court, open_cell(forest, asserted_of(trace), Kind.SUM, 0)).is_false
    assert not ruling(court, open_cell(forest, asserted_of(trace), Kind.TREE, 511)).is_false
    assert court.judge.call("shape", forest.header) == (3, 1)


def test_the_shape_of_a_model_is_what_its_trace_has(court):
    for model in MODELS.values():
        trace = model.trace(random_input(1, model), SALT)
        outputs = (len(trace.answer) - 2) // 4
        assert court.judge.call("shape", model.header) == (len(trace.payloads), outputs)


def test_the_model_named_follows_from_header_and_row_root(court):
    net = MODELS["net"]
    trace = net.trace(random_input(1, net), SALT)
    cell = open_cell(net, asserted_of(trace), Kind.DECISION, 0)
    assert ruling(court, replace(cell, row_root=b"r" * 32)).model != net.id
