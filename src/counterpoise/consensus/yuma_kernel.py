"""Yuma consensus in integers, column by column: the loops behind `yuma`.

Importing this module compiles its loops, or loads them from numba's cache.
Shapes: v validators with a permit (rows), n members (columns); numbers in Q32.32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

from counterpoise.consensus.fixed import div, div_by, inverse, mul

Numbers = npt.NDArray[np.uint64]
_ONE: Any = uint64(1 << 32)
_NOTHING: Any = uint64(0)
_PLACE: Any = uint64(12)
_ROWS: Any = uint64(4095)
_U16: Any = uint64(65535)


@njit(cache=True)
def norm_rows(rows: Numbers) -> None:
    """Divide each row by its sum, in place; a row of zeros stays."""
    for i in range(rows.shape[0]):
        total = _NOTHING
        for j in range(rows.shape[1]):
            total += rows[i, j]
        by = inverse(total)
        for j in range(rows.shape[1]):
            if rows[i, j] > _NOTHING:
                rows[i, j] = div_by(rows[i, j], total, by)


@njit(cache=True)
def norm_columns(rows: Numbers) -> None:
    """Divide each column by its sum, in place; a column of zeros stays."""
    totals = np.zeros(rows.shape[1], np.uint64)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            totals[j] += rows[i, j]
    by = np.array([inverse(total) for total in totals])
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            if rows[i, j] > _NOTHING:
                rows[i, j] = div_by(rows[i, j], totals[j], by[j])


@njit(cache=True)
def norm(values: Numbers) -> Numbers:
    """Give the values divided by their sum; themselves where that is 0."""
    total = _NOTHING
    for value in values:
        total += value
    found = values.copy()
    if total > _NOTHING:
        for j in range(len(values)):
            found[j] = div(values[j], total)
    return found


@njit(cache=True)
def agree(weights: Numbers, active: Numbers, kappa: Any) -> Numbers:
    """Give the consensus of each column: what more than `kappa` of the stake weighs it at least.

    Parameters
    ----------
    weights :
        Rows that sum to one or are zero, shape (v, n).
    active :
        Active stake of the rows, shape (v,); sums to about one.

    Notes
    -----
    Rows with stake, ascending by weight (stable), cumulate their stake anew normalised; the first
    weight whose cumulative stake is above the total less kappa.
    """
    rows = np.flatnonzero(active > _NOTHING)
    stake = norm(active[rows])
    total = _NOTHING
    for one in stake:
        total += one
    bar = total - uint64(kappa) if total > uint64(kappa) else _NOTHING
    found = np.zeros(weights.shape[1], np.uint64)
    keys = np.empty(len(rows), np.uint64)
    for j in range(weights.shape[1]):
        for k in range(len(rows)):  # a key is unique, so equal weights stay in their order
            keys[k] = (weights[rows[k], j] << _PLACE) | uint64(k)
        reached = _NOTHING
        for key in np.sort(keys):
            reached += stake[int(key & _ROWS)]
            if reached > bar:
                found[j] = key >> _PLACE
                break
    return found


@njit(cache=True)
def clip(weights: Numbers, consensus: Numbers) -> Numbers:
    """Give the weights, none above the consensus of its column."""
    found = weights.copy()
    for i in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            found[i, j] = min(found[i, j], consensus[j])
    return found


@njit(cache=True)
def weigh(weights: Numbers, active: Numbers) -> Numbers:
    """Give each weight times the stake of its row, shape (v, n)."""
    found = np.zeros_like(weights)
    for i in range(weights.shape[0]):
        if active[i] > _NOTHING:
            for j in range(weights.shape[1]):
                if weights[i, j] > _NOTHING:
                    found[i, j] = mul(weights[i, j], active[i])
    return found


@njit(cache=True)
def between(weights: Numbers, clipped: Numbers, beta: Any) -> Numbers:
    """Give ``(1 - beta) * weights + beta * clipped``, floored."""
    found = weights.copy()
    for i in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            gap = weights[i, j] - clipped[i, j]
            if gap > _NOTHING:
                taken = mul(gap, beta)
                if beta < _ONE and taken * _ONE != gap * uint64(beta):
                    taken += uint64(1)
                found[i, j] = weights[i, j] - taken
    return found


@njit(cache=True)
def average(new: Numbers, old: Numbers, alpha: Any) -> Numbers:
    """Give ``alpha * new + (1 - alpha) * old``, each product floored."""
    found = np.zeros_like(new)
    for i in range(new.shape[0]):
        for j in range(new.shape[1]):
            found[i, j] = mul(new[i, j], alpha) + mul(old[i, j], _ONE - uint64(alpha))
    return found


@njit(cache=True)
def move(bonds: Numbers, weights: Numbers, rates: Numbers, bar: Any) -> Numbers:
    """Give bonds moved toward weights, each at its own rate, at most `bar`."""
    found = np.zeros_like(bonds)
    for i in range(bonds.shape[0]):
        for j in range(bonds.shape[1]):
            rate = rates[i, j]
            moved = mul(bonds[i, j], _ONE - rate) + mul(weights[i, j], rate)
            found[i, j] = moved if moved < uint64(bar) else uint64(bar)
    return found


@njit(cache=True)
def earned(bonds: Numbers, incentive: Numbers) -> Numbers:
    """Give each row's sum of bonds times incentive, shape (v,)."""
    found = np.zeros(bonds.shape[0], np.uint64)
    for i in range(bonds.shape[0]):
        for j in range(bonds.shape[1]):
            if bonds[i, j] > _NOTHING and incentive[j] > _NOTHING:
                found[i] += mul(bonds[i, j], incentive[j])
    return found


@njit(cache=True)
def kept(bonds: Numbers, scaled: bool) -> npt.NDArray[np.uint16]:
    """Give bonds as they are stored, 16 bits each; `scaled`: the greatest of a column is full."""
    tops = np.full(bonds.shape[1], _ONE, np.uint64)
    if scaled:
        tops[:] = _NOTHING
        for i in range(bonds.shape[0]):
            for j in range(bonds.shape[1]):
                tops[j] = max(tops[j], bonds[i, j])
    by = np.array([inverse(top) for top in tops])
    found = np.zeros(bonds.shape, np.uint16)
    for i in range(bonds.shape[0]):
        for j in range(bonds.shape[1]):
            found[i, j] = (div_by(bonds[i, j], tops[j], by[j]) * _U16) >> uint64(32)
    return found


def numbers(values: Any) -> Numbers:
    """Give an array of Q32.32 numbers, C-contiguous."""
    return np.ascontiguousarray(values, dtype=np.uint64)
