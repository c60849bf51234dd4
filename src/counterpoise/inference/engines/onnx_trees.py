"""The operators of ai.onnx.ml: linear models and tree ensembles."""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference.features import Reals
from counterpoise.inference.float_model import FloatForest, FloatNode, FloatTree, grow

BRANCHES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")


def linear(attributes: dict[str, Any]) -> tuple[Reals, Reals]:
    """Give weights and biases of a LinearClassifier or LinearRegressor; one row for two classes."""
    bias = np.array(attributes.get("intercepts", [0.0]), dtype=np.float64)
    weights = np.array(attributes["coefficients"], dtype=np.float64).reshape(len(bias), -1)
    if "targets" not in attributes and len(bias) == 2:
        is_mirror = np.array_equal(weights[0], -weights[1]) and bias[0] == -bias[1]
        if is_mirror and attributes.get("post_transform", "NONE") != "SOFTMAX":
            return weights[1:], bias[1:]  # a sigmoid each: the second is the probability
        return weights[1:] - weights[:1], bias[1:] - bias[:1]
    if len(bias) > 1 and "targets" in attributes:
        raise InputError(f"a regressor of {len(bias)} values", hint="import one at a time")
    return weights, bias


def forest(attributes: dict[str, Any], inputs: int, classes: int) -> FloatForest:
    """Give the forest of a TreeEnsembleClassifier, or of a regressor where there are no classes."""
    if attributes.get("aggregate_function", "SUM") != "SUM":
        raise InputError("trees that are not summed", hint="export them with SUM")
    mark = "class" if classes else "target"
    targets = np.array(attributes[f"{mark}_ids"])
    outputs = 1 if classes == 2 and len(set(targets.tolist())) == 1 else max(classes, 1)
    values: dict[tuple[int, int], dict[int, float]] = {}
    keys = zip(attributes[f"{mark}_treeids"], attributes[f"{mark}_nodeids"], strict=True)
    for key, target, weight in zip(keys, targets, attributes[f"{mark}_weights"], strict=True):
        place = 0 if outputs == 1 else int(target)
        values.setdefault(key, {})[place] = float(weight)
    trees = _trees(attributes)
    groups = tuple(
        tuple(_tree(nodes, number, values, output) for number, nodes in trees.items())
        for output in range(outputs)
    )
    biases = tuple(float(value) for value in attributes.get("base_values", [0.0] * outputs))
    if len(biases) != outputs:
        raise InputError(f"{len(biases)} base values for {outputs} outputs")
    made = FloatForest(groups, biases, inputs, single=True)
    return _difference(made) if outputs == 2 and classes == 2 else made


def _trees(attributes: dict[str, Any]) -> dict[int, dict[int, tuple[Any, ...]]]:
    names = ("modes", "featureids", "values", "truenodeids", "falsenodeids")
    columns = [attributes[f"nodes_{name}"] for name in names]
    trees: dict[int, dict[int, tuple[Any, ...]]] = {}
    keys = zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True)
    for (tree, place), fields in zip(keys, zip(*columns, strict=True), strict=True):
        trees.setdefault(int(tree), {})[int(place)] = fields
    return trees


def _tree(
    nodes: dict[int, tuple[Any, ...]],
    number: int,
    values: dict[tuple[int, int], dict[int, float]],
    output: int,
) -> FloatTree:
    def node(place: int) -> FloatNode:
        mode, feature, threshold, yes, no = nodes[place]
        if mode == "LEAF":
            return FloatNode(-1, value=values.get((number, place), {}).get(output, 0.0))
        if mode not in BRANCHES:
            raise InputError(f"a tree that branches by {mode}", hint=f"by {', '.join(BRANCHES)}")
        if mode in ("BRANCH_LT", "BRANCH_GTE"):  # x < t is x <= the number before t
            threshold = np.nextafter(np.float32(threshold), np.float32(-np.inf))
        if mode in ("BRANCH_GT", "BRANCH_GTE"):
            yes, no = no, yes
        return FloatNode(int(feature), float(threshold), int(yes), int(no))

    return grow(0, node)


def _difference(forest: FloatForest) -> FloatForest:
    """Give one logit for two: the second less the first."""
    first, second = forest.trees
    against = tuple(tuple(n._replace(value=-n.value) for n in tree) for tree in first)
    bias = forest.biases[1] - forest.biases[0]
    return FloatForest((second + against,), (bias,), forest.inputs, single=True)
