"""Models of LightGBM: a booster, its scikit-learn wrapper, or a model file in text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.inference import limits
from counterpoise.inference.features import Reals
from counterpoise.inference.float_model import (
    Decisions,
    FloatForest,
    FloatNode,
    FloatTree,
    Source,
    grow,
)


def read_file(path: Path, threshold: float | None) -> Source:
    """Read a model file in LightGBM's text format; the package must be installed."""
    try:
        from lightgbm import Booster
        from lightgbm.basic import LightGBMError
    except ModuleNotFoundError as missing:
        raise MissingExtra("lightgbm", extra="lightgbm") from missing
    try:
        return read(Booster(model_file=str(path)), threshold)
    except LightGBMError as error:
        raise InputError(f"{path} is no LightGBM model: {error}") from error


def read(model: Any, threshold: float | None) -> Source:
    """Read a booster, or an estimator that holds one.

    Parameters
    ----------
    threshold :
        Of two classes, the probability above which the decision is the second; a half if None.
        Of a regression, the value above which the decision is 1.
    """
    booster = getattr(model, "booster_", model)
    dump = booster.dump_model()
    objective = str(dump.get("objective", ""))
    count = int(dump["num_tree_per_iteration"])
    limit, kind = _limit(objective, threshold)
    trees = [_tree(one["tree_structure"]) for one in dump["tree_info"]]
    share = count / len(trees) if dump.get("average_output") else 1.0
    if share != 1:
        trees = [tuple(node._replace(value=node.value * share) for node in t) for t in trees]
    groups = tuple(tuple(trees[output::count]) for output in range(count))
    inputs = int(dump["max_feature_idx"]) + 1
    forest = FloatForest(groups, (0.0,) * count, inputs, limit if count == 1 else 0.0)
    numbered = map(str, range(2 if count == 1 else count))
    classes = tuple(map(str, getattr(model, "classes_", numbered)))

    def decide(rows: Reals) -> Decisions:
        raw = np.asarray(booster.predict(rows, raw_score=True)).reshape(len(rows), count)
        raw = raw * share  # of averaged trees the library gives the sum
        chosen = raw[:, 0] > limit if count == 1 else raw.argmax(axis=1)
        return np.asarray(chosen).astype(np.intp)

    names = tuple(map(str, booster.feature_name()))
    return Source(f"LightGBM {kind}", forest, decide, classes, names)


def _limit(objective: str, threshold: float | None) -> tuple[float, str]:
    """Give the raw score above which the decision is 1, and the objective's name."""
    kind = objective.split(" ", maxsplit=1)[0] or "model"
    if kind in ("multiclass", "multiclassova"):
        return limits.logit(limits.probability(threshold, 3)), kind
    if kind in ("binary", "cross_entropy", "xentropy"):
        slope = re.search(r"sigmoid:([0-9.e+-]+)", objective)
        score = limits.logit(limits.probability(threshold, 2))
        return score / float(slope.group(1) if slope else 1), kind
    return limits.value(threshold, f"LightGBM model for {kind}"), kind


def _tree(structure: dict[str, Any]) -> FloatTree:
    nodes = [structure]

    def node(place: int) -> FloatNode:
        one = nodes[place]
        if "split_feature" not in one:
            return FloatNode(-1, value=float(one["leaf_value"]))
        if one["decision_type"] != "<=" or one["missing_type"] == "Zero":
            raise InputError(
                "LightGBM trees that split on categories, or hold zeros for missing, have no "
                "integer form here",
                hint="expand categories into columns of 0 and 1; train with zero_as_missing=false",
            )
        at = len(nodes)
        nodes.extend((one["left_child"], one["right_child"]))
        return FloatNode(int(one["split_feature"]), float(one["threshold"]), at, at + 1)

    return grow(0, node)
