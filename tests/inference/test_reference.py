"""The reference agrees with a second one that was written apart, on random and on edge cases."""

import re
from pathlib import Path

import examples_of as examples
import numpy as np
import pytest
import second_reference as second
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.inference import input_commitment, parse_answer

QUICK = settings(max_examples=40, deadline=None, derandomize=True)
PAGE = Path(__file__).parents[2] / "docs" / "explain" / "integer-models.md"
SALT = examples.VECTOR_SALT


def assert_net_agrees(net, rows):
    plain = examples.plain_net(net)
    assert net.id == second.net_id(plain, net.threshold)
    for row, given_answer in zip(rows, net.run(rows), strict=True):
        entering, logits = second.run_net(plain, row.tolist())
        answer = second.answer(logits, net.threshold)
        assert given_answer == answer == net.answer(row)
        trace = net.trace(row, SALT)
        assert trace.payloads == (*map(bytes, entering), answer)
        assert trace.root == second.trace_root(SALT, trace.payloads)


def assert_forest_agrees(forest, rows):
    trees = examples.plain_forest(forest)
    assert forest.id == second.forest_id(trees, forest.biases, forest.inputs, forest.threshold)
    for row, given_answer in zip(rows, forest.run(rows), strict=True):
        said, logits = second.run_forest(trees, forest.biases, row.tolist())
        answer = second.answer(logits, forest.threshold)
        assert given_answer == answer == forest.answer(row.tobytes())
        trace = forest.trace(row, SALT)
        values = b"".join(second.word(value, 4) for value in said)
        assert trace.payloads == (row.tobytes(), values, answer)
        assert trace.root == second.trace_root(SALT, trace.payloads)


@QUICK
@given(
    examples.seeds,
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(1, 16),
    st.booleans(),
    st.integers(-(2**20), 2**20),
)
def test_a_net_is_what_the_second_reference_says(seed, widths, outputs, edges, threshold):
    rng = np.random.default_rng(seed)
    net = examples.random_net(rng, [*widths, outputs], edges=edges, threshold=threshold)
    rows = rng.integers(0, 256, (3, net.inputs)).astype(np.uint8)
    assert_net_agrees(net, np.concatenate([rows, examples.edge_rows(net.inputs)]))


@QUICK
@given(
    examples.seeds,
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 16),
    st.integers(-(2**20), 2**20),
)
def test_a_forest_is_what_the_second_reference_says(seed, inputs, trees, outputs, threshold):
    rng = np.random.default_rng(seed)
    forest = examples.random_forest(rng, inputs, trees, outputs, threshold=threshold)
    rows = rng.integers(0, 256, (5, inputs)).astype(np.uint8)
    assert_forest_agrees(forest, np.concatenate([rows, examples.edge_rows(inputs)]))


def test_the_rounding_is_half_up_on_negative_accumulators_too():
    from counterpoise.inference import Layer, Net

    first = Layer([[1]], [-12], 0, shift=2, lo=-3, hi=3)
    net = Net((first, Layer([[1]], [0], 100)))
    rows = np.arange(0, 25, dtype=np.uint8).reshape(-1, 1)
    wanted = [min(3, max(-3, (v - 12 + 2) // 4)) + 100 for v in range(25)]
    assert net.activations(rows)[1][:, 0].tolist() == wanted
    assert wanted[10] == 100  # -0.5 rounds up to 0, 0.5 up to 1
    assert wanted[14] == 101 and wanted[6] == 99
    assert_net_agrees(net, rows)


def test_ties_go_to_the_lowest_index_and_a_logit_on_the_threshold_is_0():
    from counterpoise.inference import Layer, Net

    tie = Net((Layer([[1], [2], [2]], [5, 0, 0]),))
    assert tie.run(np.array([[4], [5], [6]], np.uint8)).decisions.tolist() == [0, 0, 1]
    edge = Net((Layer([[1]], [0]),), threshold=5)
    assert edge.run(np.array([[4], [5], [6]], np.uint8)).decisions.tolist() == [0, 0, 1]


def test_no_rows_have_no_answers():
    net = examples.vector_net()
    assert len(net.run(np.zeros((0, 3), np.uint8))) == 0


@pytest.mark.parametrize("name", ["net", "forest"])
def test_the_vectors_of_the_specification_hold(name):
    stated = dict(re.findall(rf"^{name} (\w[\w ]*?) +([0-9a-f]+)$", PAGE.read_text(), re.M))
    model = getattr(examples, f"vector_{name}")()
    trace = model.trace(examples.VECTOR_ROW, SALT)
    found = {
        "header": model.header,
        "row 0": model.row(0),
        "last row": model.row(model.rows - 1),
        "row root": model.row_root,
        "id": model.id,
        "input": trace.payloads[0],
        "commitment": input_commitment(SALT, trace.payloads[0]),
        "leaf 1": trace.payloads[1],
        "answer": trace.answer,
        "trace root": trace.root,
    }
    assert stated == {key: value.hex() for key, value in found.items()}
    assert trace.root == second.trace_root(SALT, trace.payloads)
    logits, decision = parse_answer(trace.answer)
    assert decision == second.decide(list(logits), model.threshold)
