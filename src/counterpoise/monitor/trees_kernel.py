"""The walk down boosted trees, as LightGBM walks them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NONE, ZERO, NAN = 0, 1, 2
TINY = 1e-35  # LightGBM's bound below which a value counts as zero


@njit(cache=True, inline="always")
def step(value: Any, threshold: Any, missing: Any, default_left: Any) -> Any:
    """Whether a value goes left."""
    if np.isnan(value):
        if missing == NAN:
            return default_left
        value = 0.0
    if missing == ZERO and -TINY <= value <= TINY:
        return default_left
    return value <= threshold


@njit(cache=True)
def walk(
    rows: Any,
    roots: Any,
    feature: Any,
    threshold: Any,
    left: Any,
    right: Any,
    missing: Any,
    default_left: Any,
    value: Any,
) -> Any:
    """Raw scores ``(rows,)``: leaves added in the order of the trees."""
    found = np.zeros(len(rows))
    for row in range(len(rows)):
        for root in roots:
            node = root
            while feature[node] >= 0:
                goes_left = step(
                    rows[row, feature[node]], threshold[node], missing[node], default_left[node]
                )
                node = left[node] if goes_left else right[node]
            found[row] += value[node]
    return found


@njit(cache=True)
def find_leaves(
    rows: Any,
    roots: Any,
    feature: Any,
    threshold: Any,
    left: Any,
    right: Any,
    missing: Any,
    default_left: Any,
) -> Any:
    """The leaf of each row in each tree, ``(rows, trees)`` int32."""
    found = np.zeros((len(rows), len(roots)), np.int32)
    for row in range(len(rows)):
        for tree, root in enumerate(roots):
            node = root
            while feature[node] >= 0:
                goes_left = step(
                    rows[row, feature[node]], threshold[node], missing[node], default_left[node]
                )
                node = left[node] if goes_left else right[node]
            found[row, tree] = node
    return found
