"""A forest of integers: byte thresholds, 32-bit leaves, one sum an output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.inference.commitments import ROW, Committed
from counterpoise.inference.header import FOREST, Header
from counterpoise.inference.trace import Answers, Bytes, Trace, checked_rows, decide, one_row
from counterpoise.inference.tree import LIMIT, Leaf, Split, Tree


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """The nodes of all trees in one row, so that all walk at once; a leaf leads to itself."""

    roots: npt.NDArray[np.intp]
    feature: npt.NDArray[np.intp]
    threshold: npt.NDArray[np.int16]
    children: npt.NDArray[np.intp]
    value: npt.NDArray[np.int64]
    depth: int


@dataclass(frozen=True, eq=False)
class Forest(Committed):
    """A decision tree, a random forest or gradient-boosted trees, in integers.

    Parameters
    ----------
    trees :
        Tree t adds to logit ``t % len(biases)``.
    biases :
        One for each output.
    inputs :
        Features, one byte each.
    threshold :
        With one output: decision 1 is a logit above it.

    Raises
    ------
    InputError :
        A tree asks for a feature that there is not, or a logit can overflow 32 bits.

    Examples
    --------
    >>> stump = Tree((Split(0, 99, 1, 2), Leaf(-5), Leaf(7)))
    >>> Forest((stump,), (1,), inputs=1).run(np.array([[99], [100]], np.uint8)).logits.tolist()
    [[-4], [8]]
    """

    trees: tuple[Tree, ...]
    biases: tuple[int, ...]
    inputs: int
    threshold: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "trees", tuple(self.trees))
        object.__setattr__(self, "biases", tuple(int(bias) for bias in self.biases))
        _ = self.shape
        for number, tree in enumerate(self.trees):
            asked = max((n.feature for n in tree.nodes if isinstance(n, Split)), default=0)
            if asked >= self.inputs:
                raise InputError(f"tree {number} asks for feature {asked} of {self.inputs}")
        if self.largest_sum >= LIMIT:
            raise InputError(
                f"a logit can reach {self.largest_sum}, beyond 32 bits",
                hint="the sum of each output's largest leaves and its bias is to be below 2**31",
            )

    @cached_property
    def shape(self) -> Header:
        """The header, read."""
        return Header(FOREST, self.threshold, self.inputs, len(self.biases), trees=len(self.trees))

    @cached_property
    def largest_sum(self) -> int:
        """The largest sum of magnitudes that a logit can meet, whatever enters; see `Runner`."""
        largest = [abs(bias) for bias in self.biases]
        for number, tree in enumerate(self.trees):
            largest[number % self.outputs] += max(abs(value) for value in tree.values)
        return max(largest)

    def row(self, index: int) -> bytes:
        """Give a row as it is hashed: a tree's nodes, or after the last tree the biases."""
        if not 0 <= index < self.rows:
            raise InputError(f"there are {self.rows} rows, numbered from 0")
        if index == len(self.trees):
            biases = b"".join(bias.to_bytes(4, "big", signed=True) for bias in self.biases)
            return ROW + b"\x01" + bytes(6) + biases
        return ROW + b"\x00" + index.to_bytes(2, "big") + bytes(4) + self.trees[index].to_bytes()

    @cached_property
    def lanes(self) -> Lanes:
        """The nodes of all trees, laid out for `values`."""
        roots = np.cumsum([0, *(len(tree.nodes) for tree in self.trees[:-1])])
        nodes = [
            (at, at, 0, 0, node.value) if isinstance(node, Leaf)
            else (root + node.left, root + node.right, node.feature, node.threshold, 0)
            for root, tree in zip(roots, self.trees, strict=True)
            for at, node in enumerate(tree.nodes, int(root))
        ]  # fmt: skip
        left, right, feature, threshold, value = np.array(nodes, dtype=np.int64).T
        return Lanes(
            roots.astype(np.intp),
            feature.astype(np.intp),
            threshold.astype(np.int16),
            np.stack([left, right], axis=1).reshape(-1).astype(np.intp),
            value.copy(),
            max(tree.depth for tree in self.trees),
        )

    def values(self, rows: Bytes) -> npt.NDArray[np.int64]:
        """Give what each tree says of each row: shape (n, trees)."""
        lanes = self.lanes
        features = checked_rows(rows, self.inputs).reshape(-1)
        starts = np.arange(len(rows))[:, None] * self.inputs
        place = np.broadcast_to(lanes.roots, (len(rows), len(self.trees)))
        for _ in range(lanes.depth):
            right = features[starts + lanes.feature[place]] > lanes.threshold[place]
            place = lanes.children[2 * place + right]
        return np.asarray(lanes.value[place])

    def run(self, rows: Bytes) -> Answers:
        """Answer rows of bytes, (n, inputs) uint8, in plain int64: the reference."""
        return self.sum_up(self.values(rows))

    def sum_up(self, values: npt.NDArray[np.int64]) -> Answers:
        """Give the answers from what each tree says: shape (n, trees)."""
        logits = np.tile(np.array(self.biases, dtype=np.int64), (len(values), 1))
        for output in range(self.outputs):
            logits[:, output] += values[:, output :: self.outputs].sum(axis=1)
        return decide(logits, self.threshold)

    def answer(self, values: bytes | Bytes) -> bytes:
        """Answer one input, in the bytes the chain takes."""
        return next(iter(self.run(one_row(values, self.inputs))))

    def trace(self, values: bytes | Bytes, salt: bytes) -> Trace:
        """Answer one input and keep what each tree said."""
        row = one_row(values, self.inputs)
        said = self.values(row)
        answer = next(iter(self.sum_up(said)))
        return Trace(salt, (row.tobytes(), said.astype(">i4").tobytes(), answer))
