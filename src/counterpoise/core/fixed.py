"""Fixed point: integers divided with a named rounding, so that every machine agrees."""

import enum
import math
from typing import TypeAlias, overload

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError

Integers: TypeAlias = npt.NDArray[np.int64]


class Rounding(enum.Enum):
    """What becomes of the remainder of a division."""

    FLOOR = "floor"
    """Down, towards minus infinity: Python's ``//`` and an arithmetic right shift."""
    CEIL = "ceil"
    """Up, towards plus infinity."""
    TRUNCATE = "truncate"
    """Towards zero: Vyper's and Solidity's ``//``."""
    HALF_UP = "half up"
    """To the nearest; ties up, towards plus infinity."""
    HALF_EVEN = "half even"
    """To the nearest; ties to the even neighbour."""


@overload
def divide(a: int, b: int, rounding: Rounding) -> int: ...
@overload
def divide(a: Integers, b: Integers | int, rounding: Rounding) -> Integers: ...
def divide(a: int | Integers, b: int | Integers, rounding: Rounding) -> int | Integers:
    """Divide integers, or int64 arrays elementwise, with a named rounding.

    Arrays never overflow on the way: the quotient is corrected from the remainder.

    Parameters
    ----------
    a :
        Dividend: an int of any size, or an int64 array.
    b :
        Divisor, positive: an int or, if `a` is an array, an int64 array that broadcasts with it.

    Raises
    ------
    InputError :
        A divisor is not positive, or an array is not int64.

    Examples
    --------
    >>> divide(-7, 2, Rounding.FLOOR), divide(-7, 2, Rounding.TRUNCATE)
    (-4, -3)
    """
    if isinstance(a, np.ndarray):
        return _divide_arrays(a, b, rounding)
    if not isinstance(b, int) or b <= 0:
        raise InputError(f"a divisor must be a positive integer, got {b!r}")
    quotient, remainder = divmod(a, b)
    if rounding is Rounding.CEIL:
        return quotient + (remainder > 0)
    if rounding is Rounding.TRUNCATE:
        return quotient + (remainder > 0 and quotient < 0)
    if rounding is Rounding.HALF_UP:
        return quotient + (2 * remainder >= b)
    if rounding is Rounding.HALF_EVEN:
        return quotient + (2 * remainder + (quotient & 1) > b)
    return quotient


def _divide_arrays(a: Integers, b: int | Integers, rounding: Rounding) -> Integers:
    divisor = np.asarray(b)
    if a.dtype != np.int64 or divisor.dtype != np.int64:
        raise InputError(f"int64 arrays are divided here, got {a.dtype} and {divisor.dtype}")
    if divisor.size and int(divisor.min()) <= 0:
        raise InputError(f"a divisor must be positive, got {int(divisor.min())}")
    quotient, remainder = np.divmod(a, divisor)
    if rounding is Rounding.FLOOR:
        return quotient
    short = divisor - remainder  # how far the remainder is from a whole divisor
    if rounding is Rounding.CEIL:
        up = remainder > 0
    elif rounding is Rounding.TRUNCATE:
        up = (remainder > 0) & (quotient < 0)
    elif rounding is Rounding.HALF_UP:
        up = remainder >= short
    else:
        up = (remainder > short) | ((remainder == short) & (quotient & 1 == 1))
    return quotient + up.astype(np.int64)


@overload
def isqrt(n: int) -> int: ...
@overload
def isqrt(n: Integers) -> Integers: ...
def isqrt(n: int | Integers) -> int | Integers:
    """Give the floor of the square root of a non-negative integer, or of an int64 array.

    Raises
    ------
    InputError :
        A number is negative, or an array is not int64.
    """
    if not isinstance(n, np.ndarray):
        if n < 0:
            raise InputError(f"no square root of the negative number {n}")
        return math.isqrt(n)
    if n.dtype != np.int64 or (n.size and int(n.min()) < 0):
        raise InputError("square roots are taken of non-negative int64 arrays")
    # Rounding to float64 never lowers the root of a square below an integer; it may raise the
    # root of a number just below a square. No root's square overflows: the largest is 3037000499.
    root = np.sqrt(n.astype(np.float64)).astype(np.int64)
    return root - (root * root > n)


def to_fixed(x: float, bits: int, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """Give a float in units of 2**-bits, exactly rounded.

    Raises
    ------
    InputError :
        The float is NaN or infinite, or `bits` is negative.

    Examples
    --------
    >>> to_fixed(0.5, 16)
    32768
    """
    if not math.isfinite(x) or bits < 0:
        raise InputError(f"no fixed point of {x!r} with {bits} bits")
    numerator, denominator = float(x).as_integer_ratio()
    return divide(numerator << bits, denominator, rounding)
