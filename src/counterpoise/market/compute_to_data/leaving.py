"""What leaves: counts rounded or under noise, small ones not at all, declared shapes alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoise.market.compute_to_data.algorithms import Manifest
from counterpoise.market.compute_to_data.evaluation import Counts, Plan, metrics_of
from counterpoise.market.compute_to_data.noise import Coins, laplace
from counterpoise.market.compute_to_data.shapes import Shapes, Whole, check_shapes
from counterpoise.market.compute_to_data.terms import Disclosure


def rounded(count: int, terms: Disclosure) -> int:
    """Give a count as it leaves: the nearest multiple, half up; 0 below the least rows.

    Examples
    --------
    >>> [rounded(count, Disclosure(least_rows=10, round_to=5)) for count in (9, 10, 12, 13)]
    [0, 10, 10, 15]
    """
    if count < terms.least_rows:
        return 0
    found = (count + terms.round_to // 2) // terms.round_to * terms.round_to
    return found if found >= terms.least_rows else 0


def table_leaving(counts: Counts, terms: Disclosure, coins: Coins | None, noise: int) -> Counts:
    """Give a table of counts as it leaves: under noise where coins are given, else rounded.

    Counts under noise may be below 0.
    """
    plain = counts.reshape(-1).tolist()
    if coins is None:
        left = [rounded(count, terms) for count in plain]
    else:
        left = [count + laplace(coins, noise) for count in plain]
    return np.array(left, dtype=np.int64).reshape(counts.shape)


def evaluation_outputs(plan: Plan, counts: Counts) -> dict[str, Any]:
    """Give an evaluation's result, from the table as it leaves."""
    question = plan.question
    return {
        "by": question.by,
        "values": list(plan.values),
        "edges": list(plan.edges),
        "threshold": plan.model.threshold,
        "counts": counts.tolist(),
        "metrics": metrics_of(plan.edges, plan.model.threshold, np.maximum(counts, 0)),
    }


def code_outputs(manifest: Manifest, found: Any, terms: Disclosure) -> dict[str, Any]:
    """Give own code's result as it leaves, once it is exactly as declared.

    Raises
    ------
    NotAdmitted :
        By ``output``: a name or a shape is another.
    """
    check_shapes("output", found, manifest.outputs)
    return {name: _leaving(found[name], manifest.outputs, name, terms) for name in found}


def _leaving(value: Any, outputs: Shapes, name: str, terms: Disclosure) -> Any:
    shape = outputs[name]
    if not isinstance(shape, Whole) or not shape.is_count:
        return value
    if isinstance(value, list):
        return [rounded(one, terms) for one in value]
    return rounded(value, terms)
