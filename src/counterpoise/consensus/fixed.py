"""Unsigned numbers with 32 fraction bits (Q32.32) in uint64: exact floors, no overflow.

The numbers of a consensus are shares, so at most one, and sums of few of them. `ONE` is 2**32.
Compiled by numba where kernels call them; as plain Python they are the same functions.
"""

from typing import Any

from numba import int64, njit, uint64

ONE = 1 << 32
_WORD: Any = uint64(32)
_HALF: Any = uint64(16)
_LOW: Any = uint64(0xFFFF)


@njit(cache=True)
def mul(a: Any, b: Any) -> Any:
    """Give ``floor(a * b / 2**32)`` for a and b up to 2**32.

    >>> int(mul.py_func(uint64(ONE), uint64(ONE))) == ONE
    True
    """
    a, b = uint64(a), uint64(b)
    return ((a >> _HALF) * b + (((a & _LOW) * b) >> _HALF)) >> _HALF


@njit(cache=True)
def div(a: Any, b: Any) -> Any:
    """Give ``floor(a * 2**32 / b)`` for a and b below 2**48; 0 where b is 0.

    >>> int(div.py_func(uint64(1), uint64(3)))
    1431655765
    """
    a, b = uint64(a), uint64(b)
    if b == uint64(0):
        return uint64(0)
    if a < uint64(ONE):
        return (a << _WORD) // b
    whole, rest = a // b, a % b
    high, rest = (rest << _HALF) // b, (rest << _HALF) % b
    return (((whole << _HALF) + high) << _HALF) + (rest << _HALF) // b


@njit(cache=True)
def inverse(b: Any) -> Any:
    """Give what `div_by` wants beside b; 0 where b is 0."""
    return 4294967296.0 / float(b) if b else 0.0


@njit(cache=True)
def div_by(a: Any, b: Any, inverse_of_b: Any) -> Any:
    """Give ``floor(a * 2**32 / b)`` for a up to b and 2**32, b below 2**48; 0 where b is 0.

    The float is off by less than one; the remainder, exact modulo 2**64, says which way.
    """
    if b == uint64(0):
        return uint64(0)
    found = uint64(float(a) * inverse_of_b)
    rest = int64((uint64(a) << _WORD) - found * uint64(b))
    if rest < 0:
        return found - uint64(1)
    if rest >= int64(b):
        return found + uint64(1)
    return found


def share(part: int, whole: int) -> int:
    """Give ``floor(part * 2**32 / whole)`` of integers of any size; 0 where `whole` is 0.

    >>> share(10**30, 4 * 10**30) == ONE // 4
    True
    """
    return (part << 32) // whole if whole else 0
