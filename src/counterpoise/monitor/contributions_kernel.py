"""Shapley values of one row over the ways down of all trees, in fixed point.

On one way down a feature is *known* if the row keeps to its bounds: then knowing it makes the leaf
certain as far as it goes, and not knowing it leaves the share of the training that went there. A
feature the row strays from makes the leaf impossible once it is known. `part[k]` holds the weight
of orders in which k of the known ones came before, as EXTEND of the paper keeps it; every entry
stays below one, so that products of 30 bits each fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

ONE = 1 << 30
HALF = 1 << 29


def ratios_up_to(width: int) -> NDArray[np.int64]:
    """``(2, width + 1, width + 1)``: by players so far and k, the shares that go on and stay."""
    found = np.zeros((2, width + 1, width + 1), np.int64)
    for players in range(1, width + 1):
        for k in range(players):
            found[0, players, k] = ONE * (k + 1) // (players + 1)
            found[1, players, k] = ONE * (players - k) // (players + 1)
    return found


def refusals_up_to(width: int) -> NDArray[np.int64]:
    """``(width + 1, width + 1, width + 1)``: by players, refusing players after them, and k.

    What is left of ``part[k]`` when so many more players come who all have to come later.
    """
    found = np.zeros((width + 1, width + 1, width + 1), np.int64)
    for players in range(width + 1):
        for refusing in range(width + 1 - players):
            for k in range(players + 1):
                left = ONE
                for more in range(players + 1, players + refusing + 1):
                    left = left * (more - k) // (more + 1)
                found[players, refusing, k] = left
    return found


@njit(cache=True)
def weight_without(
    skipped: Any, shares: Any, count: Any, refusing: Any, ratios: Any, refusals: Any, part: Any
) -> Any:
    """The weight of the known features but one, before `refusing` others."""
    part[0], players = ONE, 0
    for place in range(count):
        if place == skipped:
            continue
        players += 1
        part[players] = 0
        for k in range(players - 1, -1, -1):
            part[k + 1] += (part[k] * ratios[0, players, k] + HALF) >> 30
            stays = (part[k] * ratios[1, players, k] + HALF) >> 30
            part[k] = (stays * shares[place] + HALF) >> 30
    total = np.int64(0)
    for k in range(players + 1):
        total += (part[k] * refusals[players, refusing, k] + HALF) >> 30
    return total


@njit(cache=True)
def product_without(skipped: Any, shares: Any, count: Any) -> Any:
    """The product of shares but one; -1 skips none."""
    found = np.int64(ONE)
    for place in range(count):
        if place != skipped:
            found = (found * shares[place] + HALF) >> 30
    return found


@njit(cache=True)
def add_contributions(
    row: Any,
    starts: Any,
    value: Any,
    feature: Any,
    low: Any,
    high: Any,
    share: Any,
    ratios: Any,
    refusals: Any,
    found: Any,
) -> Any:
    """Add to ``found`` (width,) what each leaf gives each of its features."""
    part = np.zeros(64, np.int64)
    known, strayed = np.zeros(64, np.int64), np.zeros(64, np.int64)
    kept, lost = np.zeros(64, np.int64), np.zeros(64, np.int64)
    for leaf in range(len(value)):
        inside, outside = 0, 0
        for bound in range(starts[leaf], starts[leaf + 1]):
            if low[bound] < row[feature[bound]] <= high[bound]:
                known[inside], kept[inside] = share[bound], feature[bound]
                inside += 1
            else:
                strayed[outside], lost[outside] = share[bound], feature[bound]
                outside += 1
        if outside:
            base = weight_without(-1, known, inside, outside - 1, ratios, refusals, part)
            for place in range(outside):
                others = (base * product_without(place, strayed, outside) + HALF) >> 30
                weight = (strayed[place] * others + HALF) >> 30
                found[lost[place]] -= (weight * value[leaf] + HALF) >> 30
        rest = product_without(-1, strayed, outside)
        if rest == 0:
            continue
        for place in range(inside):
            base = weight_without(place, known, inside, outside, ratios, refusals, part)
            weight = ((ONE - known[place]) * ((base * rest + HALF) >> 30) + HALF) >> 30
            found[kept[place]] += (weight * value[leaf] + HALF) >> 30
