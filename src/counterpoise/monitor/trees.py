"""Boosted trees, read from LightGBM's dump and walked without it.

The walk gives LightGBM's own raw scores, bit for bit: the same comparisons, and the same leaves
added in the same order. `Bar` is the same sum in integers, for whatever is paid or disputed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError

FORMAT = "counterpoise-trees/1"
LEAF_BITS = 24
NONE, ZERO, NAN = range(3)
_MISSING = {"None": NONE, "Zero": ZERO, "NaN": NAN}
_ARRAYS = (
    ("roots", np.int32),
    ("feature", np.int32),
    ("threshold", np.float64),
    ("left", np.int32),
    ("right", np.int32),
    ("missing", np.int8),
    ("default_left", np.bool_),
    ("value", np.float64),
)
_COVER = ("cover", np.int64)


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Trees of one output in flat arrays; a node with feature -1 is a leaf.

    Parameters
    ----------
    names :
        The columns that the trees expect, in order.
    roots :
        ``(trees,)``, the first node of each tree.
    feature, threshold, left, right, missing, default_left, value :
        ``(nodes,)``. A row goes left where its value is at most the threshold.
    cover :
        ``(nodes,)``, how many rows of the training came to a node: what an explanation weighs by.
    """

    names: tuple[str, ...]
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing: NDArray[np.int8]
    default_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    cover: NDArray[np.int64]

    @classmethod
    def from_dump(cls, dump: dict[str, Any]) -> BoostedTrees:
        """Read ``booster.dump_model()``.

        Raises
        ------
        InputError :
            More than one output a round, linear leaves or a split by category.
        """
        if dump.get("num_tree_per_iteration") != 1 or "tree_info" not in dump:
            raise InputError(
                f"{dump.get('num_tree_per_iteration')} trees a round",
                hint="give the dump_model() of a binary or regression booster",
            )
        nodes: list[tuple[Any, ...]] = []
        roots = [_flatten(tree["tree_structure"], nodes) for tree in dump["tree_info"]]
        columns = zip(*nodes, strict=True)
        given: list[Any] = [np.array(roots, np.int32)]
        given += [np.array(c, t) for c, (_, t) in zip(columns, (*_ARRAYS[1:], _COVER), strict=True)]
        return cls(tuple(dump["feature_names"]), *given)

    def raw_scores(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """LightGBM's raw score of each row, ``(rows,)``; ``rows`` is ``(rows, len(names))``."""
        from counterpoise.monitor.trees_kernel import walk

        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise InputError(f"rows of shape {rows.shape}, not (rows, {len(self.names)})")
        arrays = [getattr(self, name) for name, _ in _ARRAYS]
        found: NDArray[np.float64] = walk(np.ascontiguousarray(rows, np.float64), *arrays)
        return found

    def leaves(self, rows: NDArray[Any]) -> NDArray[np.int32]:
        """The node each row ends in, ``(rows, trees)``."""
        from counterpoise.monitor.trees_kernel import find_leaves

        arrays = [getattr(self, name) for name, _ in _ARRAYS]
        found: NDArray[np.int32] = find_leaves(np.ascontiguousarray(rows, np.float64), *arrays[:-1])
        return found

    @cached_property
    def bar(self) -> Bar:
        """The same trees with leaves in integers."""
        return Bar(self, np.rint(self.value * (1 << LEAF_BITS)).astype(np.int64))

    def to_bytes(self) -> bytes:
        """Canonical JSON; numbers are written so that they come back the same."""
        record: dict[str, Any] = {"format": FORMAT, "names": list(self.names)}
        for name, _ in (*_ARRAYS, _COVER):
            record[name] = getattr(self, name).tolist()
        return json.dumps(record, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> BoostedTrees:
        """Read what `to_bytes` wrote; anything else is an `InputError`."""
        try:
            record = json.loads(data)
            if record["format"] != FORMAT:
                raise InputError(f"trees of format {record['format']!r}, not {FORMAT!r}")
            arrays: list[Any] = [np.array(record[name], kind) for name, kind in (*_ARRAYS, _COVER)]
            trees = cls(tuple(record["names"]), *arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"these bytes are no trees: {error!r}") from error
        trees.check()
        return trees

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what an alert names as its model."""
        return sha256(self.to_bytes())

    def check(self) -> None:
        """Children come after their parent and exist, so that every walk ends."""
        count, inner = len(self.feature), self.feature >= 0
        own = np.arange(count)[inner]
        sides = np.stack([self.left[inner], self.right[inner]])
        lengths = {len(getattr(self, name)) for name, _ in (*_ARRAYS[1:], _COVER)}
        if lengths != {count} or (sides <= own).any() or (sides >= count).any():
            raise InputError("these trees have a child before its parent, or none")
        if (self.feature >= len(self.names)).any() or (self.roots >= count).any():
            raise InputError("these trees name a feature or a node that is not there")


@dataclass(frozen=True, eq=False)
class Bar:
    """A sum of integer leaves, compared with an integer: the same on every machine.

    Parameters
    ----------
    trees :
        The trees; their thresholds are compared with integers, which is exact.
    value :
        ``(nodes,)``, leaves in units of ``2**-24``.
    """

    trees: BoostedTrees
    value: NDArray[np.int64]

    def scores(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The sum of each row's leaves, in units of ``2**-24``."""
        if rows.dtype.kind not in "iu":
            raise InputError(f"rows of {rows.dtype}, integers wanted")
        total: NDArray[np.int64] = self.value[self.trees.leaves(rows)].sum(axis=1)
        return total


def _flatten(node: dict[str, Any], nodes: list[tuple[Any, ...]]) -> int:
    """Append a tree's nodes, parents first; give the place of its root."""
    waiting: list[tuple[dict[str, Any], int, str]] = [(node, -1, "")]
    links: dict[int, dict[str, int]] = {}
    root = len(nodes)
    for number, (current, parent, side) in enumerate(_breadth(waiting), root):
        links[number] = {"left": -1, "right": -1}
        if parent >= 0:
            links[root + parent][side] = number
        nodes.append(_node(current))
    for number, link in links.items():
        feature, threshold, _, _, *rest = nodes[number]
        nodes[number] = (feature, threshold, link["left"], link["right"], *rest)
    return root


def _breadth(
    waiting: list[tuple[dict[str, Any], int, str]],
) -> Iterator[tuple[dict[str, Any], int, str]]:
    for number, (current, parent, side) in enumerate(waiting):
        yield current, parent, side
        if "left_child" in current:
            waiting.append((current["left_child"], number, "left"))
            waiting.append((current["right_child"], number, "right"))


def _node(node: dict[str, Any]) -> tuple[Any, ...]:
    if "left_child" not in node:
        return (-1, 0.0, -1, -1, NONE, False, float(node["leaf_value"]), _cover(node))
    if node["decision_type"] != "<=":
        raise InputError(
            f"a split by {node['decision_type']!r}", hint="train without categorical features"
        )
    if "leaf_const" in node:
        raise InputError("linear leaves", hint="train without linear_tree")
    missing = _MISSING[node["missing_type"]]
    place = (int(node["split_feature"]), float(node["threshold"]), -1, -1)
    return (*place, missing, bool(node["default_left"]), 0.0, _cover(node))


def _cover(node: dict[str, Any]) -> int:
    return int(node.get("internal_count", node.get("leaf_count", 1)))
