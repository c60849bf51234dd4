"""The one table of ln(1 + e^-t), from which integer losses are folded."""

from functools import cache

STEPS, BITS = 1024, 20
_DIGITS = 160


@cache
def log1p_exp_table() -> tuple[int, ...]:
    """``round(2**20 * ln(1 + e**(-i/64)))`` for i = 0 to 1024.

    Computed in integers of 160 fractional bits, so that the table itself needs no trust in
    a floating-point library: e^(-1/64) by its Taylor series, ln(1 + x) by artanh.
    """
    one = 1 << _DIGITS
    step, term, k = 0, one, 0
    while term:
        step += -term if k % 2 else term
        k += 1
        term //= 64 * k
    entries, power = [], one
    for _ in range(STEPS + 1):
        entries.append(_rounded(_log1p(power)))
        power = power * step >> _DIGITS
    return tuple(entries)


def table_bytes() -> bytes:
    """The table as contracts keep it: 1025 entries of 4 bytes, big-endian."""
    return b"".join(entry.to_bytes(4, "big") for entry in log1p_exp_table())


def _log1p(x: int) -> int:
    """ln(1 + x) = 2 artanh(x / (2 + x)), in units of ``2**-160``."""
    ratio = (x << _DIGITS) // ((2 << _DIGITS) + x)
    square = ratio * ratio >> _DIGITS
    total, power, k = 0, ratio, 1
    while power:
        total += power // k
        power = power * square >> _DIGITS
        k += 2
    return 2 * total


def _rounded(value: int) -> int:
    """Round half up from 160 fractional bits to 20."""
    return (value + (1 << (_DIGITS - BITS - 1))) >> (_DIGITS - BITS)
