"""Liquid rates: a bond moves faster where a weight is far from the consensus, or from the bond."""

from typing import Any

import numpy as np
from numba import njit, uint64

from counterpoise.consensus.fixed import ONE, div, mul
from counterpoise.consensus.yuma_kernel import Numbers

_ONE: Any = uint64(ONE)
_HALF: Any = uint64(ONE // 2)
_NOTHING: Any = uint64(0)
_MOST: Any = uint64(20 * ONE)
_STEPS = np.array(
    [
        483,
        1440801,
        78665070,
        581260615,
        1580030168,
        2605029347,
        3344923893,
        3790295335,
        4034748382,
        4162825044,
        4228379999,
        4261543595,
        4278222805,
        4286586874,
        4290775039,
        4292870655,
        4293918847,
        4294443039,
        4294705159,
        4294836225,
        4294901760,
        4294934528,
        4294950912,
        4294959104,
        4294963200,
        4294965248,
        4294966272,
        4294966784,
        4294967040,
        4294967168,
        4294967232,
        4294967264,
        4294967280,
        4294967288,
        4294967292,
        4294967294,
        4294967295,
    ],
    dtype=np.uint64,
)
"""``floor(2**32 * exp(-2**(4 - k)))`` for k = 0 to 36: one factor for each bit of an exponent."""


@njit(cache=True)
def decay(exponent: Any) -> Any:
    """Give ``exp(-x)`` for x of at least 0; x beyond 20 counts as 20. Error below 2**-26."""
    left, found = min(uint64(exponent), _MOST), _ONE
    for k in range(37):
        if (left >> uint64(36 - k)) & uint64(1):
            found = mul(found, _STEPS[k])
    return found


@njit(cache=True)
def rates(
    weights: Numbers, bonds: Numbers, consensus: Numbers, low: Any, high: Any, steepness: Any
) -> Numbers:
    """Give the rate of each bond: from `low` to `high` along a logistic curve.

    Parameters
    ----------
    weights, bonds :
        Q32.32, shape (v, n).
    consensus :
        Of each column, shape (n,).
    low, high :
        Rates, Q32.32.
    steepness :
        Hundredths: a distance of one moves the exponent by ``steepness / 100``.

    Notes
    -----
    The distance is what the weight is above the consensus, or what the bond is above the weight,
    from 0 to 1; the curve is ``1 / (1 + exp(-(steepness / 100) * (distance - 1/2)))``.
    """
    found = np.empty_like(weights)
    for i in range(weights.shape[0]):
        for j in range(weights.shape[1]):
            weight: Any = weights[i, j]
            base: Any = consensus[j]
            if weight < bonds[i, j]:
                base, weight = weight, bonds[i, j]
            distance = min(weight - base, _ONE) if weight > base else _NOTHING
            beyond = distance > _HALF
            off = distance - _HALF if beyond else _HALF - distance
            tail = decay(off * uint64(steepness) // uint64(100))
            part = div(_ONE if beyond else tail, _ONE + tail)
            found[i, j] = uint64(low) + mul(uint64(high) - uint64(low), part)
    return found
