"""From a forest in floats to one in integers: byte features that ask what the trees ask.

The thresholds of all trees are the cut points of the bytes, so that every split goes the way it
went, for every real number. Only where a feature has more than 255 of them are the two closest
ones, by how many calibration rows lie between, made one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference.features import MAX_CUTS, Cuts, Reals
from counterpoise.inference.float_model import FloatForest, FloatNode, FloatTree
from counterpoise.inference.forest import Forest
from counterpoise.inference.quantiser import Quantiser
from counterpoise.inference.tree import MAX_NODES, Leaf, Split, Tree

TOTAL = 2**23
"""Bound of any sum of leaves: half of what binary32 adds exactly, for the fast path."""
NOTHING: FloatTree = (FloatNode(-1),)


def fit_forest(
    model: FloatForest, rows: Reals, names: Sequence[str]
) -> tuple[Forest, Quantiser, float]:
    """Make a forest of integers; gives it with its quantiser and what one unit of a logit is worth.

    Parameters
    ----------
    rows :
        Calibration, (n, inputs): asked only where a feature has more than 255 thresholds.
    """
    asked: list[list[float]] = [[] for _ in range(model.inputs)]
    for group in model.trees:
        for node in (node for tree in group for node in tree if node.feature >= 0):
            asked[node.feature].append(node.threshold)
    found = [_cuts(one, rows[:, i], model.single) for i, one in enumerate(asked)]
    cuts = [Cuts(name, table, model.single) for name, (table, _) in zip(names, found, strict=True)]
    places = [place for _, place in found]
    groups = [[part for tree in group for part in _parts(tree)] for group in model.trees]
    length = max(1, *(len(group) for group in groups))
    unit = _unit(groups, model.biases)
    trees = [
        _integer_tree(group[place] if place < len(group) else NOTHING, places, unit)
        for place in range(length)
        for group in groups
    ]
    biases = tuple(round(bias / unit) for bias in model.biases)
    # What rounding the leaves may add does not lift a tie above the threshold.
    slack = length // 2 + 1
    threshold = round(model.threshold / unit) + slack if len(biases) == 1 else 0
    made = Forest(tuple(trees), biases, model.inputs, threshold)
    return made, Quantiser(tuple(cuts)), unit


def _cuts(
    asked: list[float], values: Reals, single: bool
) -> tuple[tuple[float, ...], dict[float, int]]:
    """Give the table of cuts, and which of them stands for each threshold."""
    cuts, counts = np.unique(np.array(asked, dtype=np.float64), return_counts=True)
    uses = counts.astype(np.float64)
    seen = np.sort(values.astype(np.float32).astype(np.float64) if single else values)
    below = np.searchsorted(seen, cuts, side="right").astype(np.float64)
    kept = list(range(len(cuts)))
    stands = list(range(len(cuts)))
    while len(kept) > MAX_CUTS:
        # Moving a cut to its neighbour sends the rows between them another way, in `uses` trees.
        harm = np.diff(below[kept]) * np.minimum(uses[kept[1:]], uses[kept[:-1]])
        left = int(harm.argmin())
        one, other = kept[left], kept[left + 1]
        gone, stays = (one, other) if uses[one] < uses[other] else (other, one)
        stands = [stays if cut == gone else cut for cut in stands]
        uses[stays] += uses[gone]
        kept.remove(gone)
    number = {cut: place for place, cut in enumerate(kept)}
    places = {float(cut): number[stands[place]] for place, cut in enumerate(cuts)}
    return tuple(float(cut) for cut in cuts[kept]), places


def _unit(groups: list[list[FloatTree]], biases: tuple[float, ...]) -> float:
    """What one unit of a leaf is worth: a power of two that keeps every sum within `TOTAL`."""
    largest = [
        abs(bias) + sum(max(abs(node.value) for node in tree) for tree in group)
        for group, bias in zip(groups, biases, strict=True)
    ]
    if not np.isfinite(largest).all():
        raise InputError("the trees have leaves that are no finite numbers")
    rounding = max(len(group) + 1 for group in groups)
    exact = max(*largest, 2.0**-64) / (TOTAL - rounding)
    return float(2.0 ** np.ceil(np.log2(exact)))


def _integer_tree(tree: FloatTree, places: list[dict[float, int]], unit: float) -> Tree:
    nodes: list[Split | Leaf] = []
    for node in tree:
        if node.feature < 0:
            nodes.append(Leaf(round(node.value / unit)))
            continue
        place = places[node.feature][node.threshold]
        nodes.append(Split(node.feature, place, node.left, node.right))
    return Tree(tuple(nodes))


def _parts(tree: FloatTree) -> list[FloatTree]:
    """Split a tree of too many nodes into smaller ones that add up to it, everywhere.

    A part is one whole subtree with the way to it; beside the way are leaves of 0.
    """
    if len(tree) <= MAX_NODES:
        return [tree]
    sizes = [1] * len(tree)
    for place in range(len(tree) - 1, -1, -1):
        node = tree[place]
        if node.feature >= 0:
            sizes[place] += sizes[node.left] + sizes[node.right]
    parts, ways = [], [[0]]
    while ways:
        way = ways.pop()
        node = tree[way[-1]]
        if sizes[way[-1]] + 2 * (len(way) - 1) <= MAX_NODES:
            parts.append(_part(tree, way))
        elif node.feature < 0:
            raise InputError(
                f"a tree is {len(way) - 1} splits deep, at most {MAX_NODES // 2} wanted",
                hint="train shallower trees",
            )
        else:
            ways += [[*way, node.right], [*way, node.left]]
    return parts


def _part(tree: FloatTree, way: list[int]) -> FloatTree:
    nodes: list[FloatNode] = []
    for place, following in pairwise(way):
        on, beside = len(nodes) + 2, len(nodes) + 1
        left, right = (on, beside) if tree[place].left == following else (beside, on)
        nodes += [tree[place]._replace(left=left, right=right), FloatNode(-1)]
    first, places = len(nodes), [way[-1]]
    for place in places:  # grows while it is walked: parents before children
        node = tree[place]
        if node.feature >= 0:
            at = first + len(places)
            places += [node.left, node.right]
            node = node._replace(left=at, right=at + 1)
        nodes.append(node)
    return tuple(nodes)
