"""Why a row scored as it did: each feature's Shapley value, in integers.

The value of a feature is what knowing it adds to the score, averaged over all orders in which the
features can become known; where one is not known, both sides of a split count by how many rows of
the training took them (path-dependent TreeSHAP: Lundberg, Erion and Lee 2018, arXiv 1802.03888,
which LightGBM computes as ``pred_contrib``). Here it is fixed point, so that two machines that
explain one alert write the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.monitor.trees import NONE, BoostedTrees

ONE_BITS = 30
"""Shares are in units of ``2**-30``, scores in units of ``2**-24`` as `trees.Bar` has them."""

LONGEST = 60
"""Most different features on one way down a tree."""

LOWEST, HIGHEST = -(1 << 62), 1 << 62


@dataclass(frozen=True, eq=False)
class Paths:
    """Every way down every tree, as bounds on features.

    Parameters
    ----------
    starts :
        ``(leaves + 1,)``: where each leaf's bounds begin.
    value :
        ``(leaves,)``, units of ``2**-24``.
    feature, low, high :
        ``(bounds,)``: the leaf is reached where ``low < row[feature] <= high`` for all of them.
    share :
        ``(bounds,)``: which share of the training's rows passed this feature's splits, in units of
        ``2**-30``.
    width :
        How many features a row has.
    """

    starts: NDArray[np.int64]
    value: NDArray[np.int64]
    feature: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    share: NDArray[np.int64]
    width: int

    @classmethod
    def of(cls, trees: BoostedTrees) -> Paths:
        """Read the ways down from trees that were trained on integers.

        Raises
        ------
        InputError :
            A split treats missing values apart, or a way down has over `LONGEST` features.
        """
        if (trees.missing[trees.feature >= 0] != NONE).any():
            raise InputError("these trees split on missing values", hint="train on integers")
        starts, value, bounds = [0], [], []
        for leaf, found in _ways_down(trees):
            value.append(int(trees.bar.value[leaf]))
            bounds += [(feature, *bound) for feature, bound in sorted(found.items())]
            starts.append(len(bounds))
        table = np.array(bounds, np.int64).reshape(len(bounds), 4).T
        feature, low, high, share = np.ascontiguousarray(table)
        begins, leaves = np.array(starts, np.int64), np.array(value, np.int64)
        return cls(begins, leaves, feature, low, high, share, len(trees.names))

    def contributions(self, row: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """What each feature of a row adds to its score, ``(width,)`` in units of ``2**-24``.

        With the mean score of the training they sum to the row's score, but for rounding (a few
        millionths a tree).
        """
        from counterpoise.monitor.contributions_kernel import add_contributions

        if row.shape != (self.width,) or row.dtype.kind not in "iu":
            raise InputError(f"a row {row.dtype}{row.shape}, wanted integers ({self.width},)")
        found = np.zeros(self.width, np.int64)
        columns = (self.starts, self.value, self.feature, self.low, self.high, self.share)
        add_contributions(row.astype(np.int64), *columns, *self._tables, found)
        return found

    @cached_property
    def _tables(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        from counterpoise.monitor.contributions_kernel import ratios_up_to, refusals_up_to

        widest = int(np.diff(self.starts).max(initial=1))
        return ratios_up_to(widest), refusals_up_to(widest)


Bounds = dict[int, tuple[int, int, int]]


def _ways_down(trees: BoostedTrees) -> list[tuple[int, Bounds]]:
    found = []
    waiting: list[tuple[int, Bounds]] = [(int(root), {}) for root in trees.roots]
    while waiting:
        node, bounds = waiting.pop()
        feature = int(trees.feature[node])
        if feature < 0:
            if len(bounds) > LONGEST:
                raise InputError(f"a way down with {len(bounds)} features, at most {LONGEST}")
            found.append((node, bounds))
            continue
        low, high, share = bounds.get(feature, (LOWEST, HIGHEST, 1 << ONE_BITS))
        # Among integers, at most 2.5 is at most 2.
        threshold, whole = int(np.floor(trees.threshold[node])), max(1, int(trees.cover[node]))
        left, right = int(trees.left[node]), int(trees.right[node])
        shares = [share * int(trees.cover[child]) // whole for child in (left, right)]
        waiting.append((right, bounds | {feature: (max(low, threshold), high, shares[1])}))
        waiting.append((left, bounds | {feature: (low, min(high, threshold), shares[0])}))
    return found
