"""A fast path gives the reference's bits, on every machine, or is left."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import examples_of as examples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.inference import Forest, Layer, Net, Runner
from counterpoise.inference import runner as runners

QUICK = settings(max_examples=25, deadline=None, derandomize=True)
SALT = examples.VECTOR_SALT


def small_leaves(forest):
    """The forest with leaves small enough for sums in binary32."""

    def nodes(tree):
        return tuple(n._replace(value=n.value // 100) if len(n) == 1 else n for n in tree.nodes)

    trees = tuple(dataclasses.replace(tree, nodes=nodes(tree)) for tree in forest.trees)
    return Forest(trees, forest.biases, forest.inputs, forest.threshold)


def assert_same(model, path, rows):
    runner = Runner(model, path)
    assert (runner.path, runner.reason) == (path, "")
    assert list(runner.run(rows)) == list(model.run(rows))
    for row in rows[:3]:
        assert runner.answer(row.tobytes()) == model.answer(row)
        assert runner.trace(row, SALT).payloads == model.trace(row, SALT).payloads


@QUICK
@given(
    examples.seeds,
    st.lists(st.integers(1, 20), min_size=1, max_size=4),
    st.integers(1, 16),
    st.booleans(),
    st.sampled_from(["onnx", "blas", "reference"]),
)
def test_a_net_gives_the_same_bits_on_every_path(seed, widths, outputs, edges, path):
    rng = np.random.default_rng(seed)
    net = examples.random_net(rng, [*widths, outputs], edges=edges)
    rows = rng.integers(0, 256, (40, net.inputs)).astype(np.uint8)
    assert_same(net, path, np.concatenate([rows, examples.edge_rows(net.inputs)]))


@QUICK
@given(examples.seeds, st.integers(1, 9), st.integers(1, 9), st.integers(1, 16))
def test_a_forest_gives_the_same_bits_on_every_path(seed, inputs, trees, outputs):
    rng = np.random.default_rng(seed)
    forest = small_leaves(examples.random_forest(rng, inputs, trees, min(outputs, trees)))
    rows = rng.integers(0, 256, (40, inputs)).astype(np.uint8)
    assert_same(forest, "onnx", np.concatenate([rows, examples.edge_rows(inputs)]))


def test_sums_beyond_24_bits_are_taken_in_64():
    net = Net((Layer(np.full((1, 1100), 64), [2**30]),))
    assert net.largest_sum > 2**24
    rows = np.stack([np.arange(1100) % 256, np.full(1100, 255)]).astype(np.uint8)
    for path in ("onnx", "blas"):
        assert_same(net, path, rows)


def test_a_forest_beyond_24_bits_is_left_to_the_reference():
    forest = examples.vector_forest()
    runner = Runner(forest)
    assert runner.path == "reference" and "2**24" in runner.reason
    assert runner.answer(examples.VECTOR_ROW) == forest.answer(examples.VECTOR_ROW)
    assert Runner(forest, "blas").reason == "a forest has no matrix product"


@pytest.mark.parametrize("what", ["logits", "between"])
def test_a_path_that_differs_in_one_bit_is_left(monkeypatch, what):
    class Wrong(runners.Blas):
        def logits(self, rows):
            found = super().logits(rows).copy()
            found[0, 0] += what == "logits"
            return found

        def between(self, rows):
            found = super().between(rows)
            found[0][-1, -1] ^= what == "between"
            return found

    monkeypatch.setattr(runners, "Blas", Wrong)
    net = examples.vector_net()
    runner = Runner(net, "blas")
    assert runner.path == "reference"
    assert "where the reference gives" in runner.reason
    assert runner.trace(examples.VECTOR_ROW, SALT).root == net.trace(examples.VECTOR_ROW, SALT).root


def test_a_runtime_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    runner = Runner(examples.vector_net())
    assert runner.path == "reference" and "'onnxruntime' is not installed" in runner.reason


def test_an_unknown_path_and_wrong_rows_are_refused():
    with pytest.raises(InputError, match="no path 'gpu'"):
        Runner(examples.vector_net(), "gpu")
    runner = Runner(examples.vector_net())
    with pytest.raises(InputError, match=r"\(n, 3\) uint8"):
        runner.run(np.zeros((2, 2), np.uint8))
    with pytest.raises(InputError, match=r"\(n, 3\) uint8"):
        runner.answer(bytes(4))


ROOTS = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import examples_of as examples, numpy as np
from test_runner import small_leaves
from counterpoise.inference import Runner
rng = np.random.default_rng(11)
models = [
    examples.random_net(rng, [30, 16, 1]),
    examples.random_net(rng, [64, 32, 10], edges=True),
    examples.random_net(rng, [1100, 8, 3], edges=True),
    small_leaves(examples.random_forest(rng, 20, 30, 3)),
]
for path in ("reference", "blas", "onnx"):
    seen = hashlib.sha256()
    for model in models:
        runner = Runner(model, path)
        assert runner.path == path or (path == "blas" and runner.path == "reference")
        for row in rng.__class__(np.random.PCG64(2)).integers(0, 256, (4, model.inputs)):
            seen.update(runner.trace(row.astype(np.uint8), bytes(32)).root)
    print(path, seen.hexdigest())
"""


@pytest.mark.slow
def test_trace_roots_are_the_same_under_every_kernel_number_of_threads_and_path():
    folder = str(Path(__file__).parent)
    found = set()
    for core in ("Haswell", "SkylakeX", "Sandybridge"):
        for threads in ("1", "2"):
            counted = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
            done = subprocess.run(
                [sys.executable, "-c", ROOTS, folder],
                env=os.environ | {"OPENBLAS_CORETYPE": core} | counted,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, done.stderr
            lines = dict(line.split() for line in done.stdout.splitlines())
            assert set(lines) == {"reference", "blas", "onnx"}
            found |= set(lines.values())
    assert len(found) == 1
