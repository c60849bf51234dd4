"""Trees of scikit-learn: single ones, averaged ones, boosted ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference import limits
from counterpoise.inference.features import Reals
from counterpoise.inference.float_model import FloatForest, FloatNode, FloatTree, grow

TREE_LEAF = -1


def forest(final: Any, threshold: float | None) -> FloatForest:
    """Read a decision tree, a random forest, extra trees: averages of what leaves hold."""
    members = list(getattr(final, "estimators_", [final]))
    if getattr(final, "n_outputs_", 1) != 1:
        raise InputError("trees that take several decisions at once", hint="import one at a time")
    classes = len(getattr(final, "classes_", ()))
    if classes:
        limit = limits.probability(threshold, classes)
    else:
        limit = limits.value(threshold, type(final).__name__)
    shown = range(1, 2) if classes == 2 else range(max(1, classes))
    groups = tuple(
        tuple(
            _tree(member.tree_, _shares(member.tree_, bool(classes))[:, column])
            for member in members
        )
        for column in shown
    )
    total = limit * len(members) if len(groups) == 1 else 0.0
    return FloatForest(groups, (0.0,) * len(groups), final.n_features_in_, total, single=True)


def boosted(final: Any, threshold: float) -> FloatForest:
    """Read gradient-boosted trees: what they start from, and each tree times its rate."""
    if final.init not in (None, "zero"):
        raise InputError("boosted trees that start from another model", hint="leave init unset")
    groups = tuple(
        tuple(_tree(one.tree_, final.learning_rate * one.tree_.value[:, 0, 0]) for one in column)
        for column in final.estimators_.T
    )
    unbiased = FloatForest(
        groups, (0.0,) * len(groups), final.n_features_in_, threshold, single=True
    )
    return _with_biases(final, unbiased)


def histogram_boosted(final: Any, threshold: float) -> FloatForest:
    """Read histogram-based gradient-boosted trees."""
    groups: list[list[FloatTree]] = [[] for _ in final._predictors[0]]
    for stage in final._predictors:
        for group, predictor in zip(groups, stage, strict=True):
            group.append(_histogram_tree(predictor.nodes))
    made = tuple(map(tuple, groups))
    unbiased = FloatForest(made, (0.0,) * len(made), final.n_features_in_, threshold)
    return _with_biases(final, unbiased)


def _with_biases(final: Any, forest: FloatForest) -> FloatForest:
    """Add what the library says of one row beyond what its trees say: where boosting starts."""
    row = np.zeros((1, forest.inputs))
    said = final.decision_function(row) if hasattr(final, "classes_") else final.predict(row)
    trees = [sum(_value(tree, row[0]) for tree in group) for group in forest.trees]
    biases = tuple(float(one) for one in np.ravel(said) - np.array(trees))
    return FloatForest(forest.trees, biases, forest.inputs, forest.threshold, forest.single)


def _value(tree: FloatTree, row: Reals) -> float:
    node = tree[0]
    while node.feature >= 0:
        node = tree[node.left if row[node.feature] <= node.threshold else node.right]
    return node.value


def _shares(tree: Any, is_classifier: bool) -> Reals:
    values = np.asarray(tree.value[:, 0, :], dtype=np.float64)
    return values / values.sum(axis=1, keepdims=True) if is_classifier else values


def _tree(tree: Any, values: Reals) -> FloatTree:
    def node(place: int) -> FloatNode:
        if tree.children_left[place] == TREE_LEAF:
            return FloatNode(-1, value=float(values[place]))
        children = int(tree.children_left[place]), int(tree.children_right[place])
        return FloatNode(int(tree.feature[place]), float(tree.threshold[place]), *children)

    return grow(0, node)


def _histogram_tree(nodes: Any) -> FloatTree:
    def node(place: int) -> FloatNode:
        one = nodes[place]
        if one["is_leaf"]:
            return FloatNode(-1, value=float(one["value"]))
        if one["is_categorical"]:
            raise InputError(
                "trees that split on categories have no integer form here",
                hint="expand categories into columns of 0 and 1",
            )
        children = int(one["left"]), int(one["right"])
        return FloatNode(int(one["feature_idx"]), float(one["num_threshold"]), *children)

    return grow(0, node)
