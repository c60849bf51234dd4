"""Shapley values of one row over the ways down of all trees, in fixed point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

ONE = 1 << 30
HALF = 1 << 29


@njit(cache=True)
def weight_without(skipped: Any, known: Any, share: Any, first: Any, last: Any, part: Any) -> Any:
    """The mean share that reaches the leaf over all orders, one feature left out.

    `part[k]` holds the weight of having met k known features, as EXTEND of the paper keeps it;
    every entry stays below one.
    """
    part[0], length = ONE, 0
    for bound in range(first, last):
        if bound == skipped:
            continue
        length += 1
        part[length] = 0
        for k in range(length - 1, -1, -1):
            if known[bound - first]:
                part[k + 1] += part[k] * (k + 1) // (length + 1)
            part[k] = ((share[bound] * part[k] + HALF) >> 30) * (length - k) // (length + 1)
    total = np.int64(0)
    for k in range(length + 1):
        total += part[k]
    return total


@njit(cache=True)
def add_contributions(
    row: Any, starts: Any, value: Any, feature: Any, low: Any, high: Any, share: Any, found: Any
) -> Any:
    """Add to ``found`` (width,) what each leaf gives each of its features."""
    part, known = np.zeros(64, np.int64), np.zeros(64, np.bool_)
    for leaf in range(len(value)):
        first, last = starts[leaf], starts[leaf + 1]
        for bound in range(first, last):
            at = row[feature[bound]]
            known[bound - first] = low[bound] < at <= high[bound]
        for bound in range(first, last):
            gain = (ONE if known[bound - first] else 0) - share[bound]
            mean = weight_without(bound, known, share, first, last, part)
            weight = (gain * mean + HALF) >> 30
            found[feature[bound]] += (weight * value[leaf] + HALF) >> 30
