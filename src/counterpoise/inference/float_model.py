"""What importers bring: a model still in floats, whatever library it was trained with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from counterpoise.inference.features import Reals

Decisions: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class FloatNet:
    """Layers of weights (outputs, inputs) and biases with ReLU between; one or more logits.

    Parameters
    ----------
    threshold :
        Of one logit: decision 1 is above it.
    """

    weights: tuple[Reals, ...]
    biases: tuple[Reals, ...]
    threshold: float = 0.0

    def preactivations(self, rows: Reals) -> list[Reals]:
        """Give what each layer computes before its ReLU; the last are the logits."""
        found, entering = [], rows
        for weights, bias in zip(self.weights, self.biases, strict=True):
            found.append(entering @ weights.T + bias)
            entering = np.maximum(found[-1], 0)
        return found

    def after(self, scale: Reals, offset: Reals) -> FloatNet:
        """Give the net that takes x where this one takes ``x * scale + offset``."""
        first = self.weights[0]
        bias = self.biases[0] + first @ offset
        return FloatNet(
            (first * scale, *self.weights[1:]), (bias, *self.biases[1:]), self.threshold
        )


class FloatNode(NamedTuple):
    """A split (left where ``x[feature] <= threshold``), or a leaf where `feature` is negative."""

    feature: int
    threshold: float = 0.0
    left: int = -1
    right: int = -1
    value: float = 0.0


FloatTree: TypeAlias = tuple[FloatNode, ...]
"""The root first, children after their parents."""


@dataclass(frozen=True, slots=True, eq=False)
class FloatForest:
    """Trees for each logit, and what is added to it.

    Parameters
    ----------
    trees :
        One tuple of trees for each logit.
    single :
        The library rounds features to 32 bits before it compares.
    """

    trees: tuple[tuple[FloatTree, ...], ...]
    biases: tuple[float, ...]
    inputs: int
    threshold: float = 0.0
    single: bool = False

    def after(self, scale: Reals, offset: Reals) -> FloatForest:
        """Give the forest that takes x where this one takes ``x * scale + offset``, scale > 0."""

        def moved(node: FloatNode) -> FloatNode:
            if node.feature < 0:
                return node
            threshold = (node.threshold - offset[node.feature]) / scale[node.feature]
            return node._replace(threshold=float(threshold))

        trees = tuple(tuple(tuple(map(moved, tree)) for tree in group) for group in self.trees)
        return FloatForest(trees, self.biases, self.inputs, self.threshold)


FloatModel: TypeAlias = FloatNet | FloatForest


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A model in floats with the library's own word on what it decides.

    Parameters
    ----------
    kind :
        What it is, such as ``scikit-learn MLPClassifier``.
    model :
        Its numbers.
    decide :
        Rows to decisions, by the library that trained or runs it.
    classes :
        What each decision stands for.
    names :
        Of the columns; empty if the model does not say.
    """

    kind: str
    model: FloatModel
    decide: Callable[[Reals], Decisions]
    classes: tuple[str, ...]
    names: tuple[str, ...] = ()


def grow(root: int, node_at: Callable[[int], FloatNode]) -> FloatTree:
    """Bring a tree into order, parents before children, from a library's own numbering."""
    places, nodes = [root], []
    for place in places:  # grows while it is walked
        node = node_at(place)
        if node.feature >= 0:
            at = len(places)
            places += [node.left, node.right]
            node = node._replace(left=at, right=at + 1)
        nodes.append(node)
    return tuple(nodes)
