"""Arguments for functions whose meaning is not known: a few values of each type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

__all__ = ["ETHER", "Known", "argument_lists", "is_unsigned"]

ETHER = 10**18
_PLAIN: dict[str, list[Any]] = {
    "bool": [True, False],
    "bytes": [b"", b"counterpoise"],
    "string": ["", "counterpoise"],
}
MOST = 9
"""Argument lists that are tried for one function."""


class Known:
    """What arguments are made from: addresses in the order in which they are tried, and numbers."""

    def __init__(self, addresses: Sequence[bytes], numbers: Sequence[int]) -> None:
        self.addresses, self.numbers = tuple(addresses), tuple(numbers)


def is_unsigned(kind: str) -> int:
    """Bits of an unsigned integer type; 0 for any other.

    >>> is_unsigned("uint8"), is_unsigned("int8")
    (8, 0)
    """
    found = re.fullmatch(r"uint(\d+)", kind)
    return int(found[1]) if found else 0


def values_of(parameter: dict[str, Any], known: Known) -> list[Any]:
    """Values of one parameter, likeliest first."""
    kind = str(parameter["type"])
    array = re.fullmatch(r"(.*)\[(\d*)\]", kind)
    if array:
        inner = values_of({**parameter, "type": array[1]}, known)
        if array[2]:
            return [[one] * int(array[2]) for one in inner[:2]]
        return [[inner[0]], [inner[0], inner[min(1, len(inner) - 1)]], []]
    if kind == "tuple":
        parts = [values_of(one, known) for one in parameter["components"]]
        return [tuple(part[0] for part in parts)]
    if kind == "address":
        return list(known.addresses)
    if kind in _PLAIN:
        return _PLAIN[kind]
    return _words(kind, known)


def _words(kind: str, known: Known) -> list[Any]:
    if kind.startswith("bytes"):
        return [bytes(int(kind[5:])), b"\x01" * int(kind[5:])]
    bits = int(re.sub(r"\D", "", kind) or 256)
    most = (1 << (bits if kind.startswith("uint") else bits - 1)) - 1
    return [one for one in known.numbers if one <= most] or [1]


def argument_lists(inputs: Sequence[dict[str, Any]], known: Known) -> Iterator[list[Any]]:
    """Argument lists for a function, at most `MOST`: the first values of all, then mixtures."""
    columns = [values_of(one, known) for one in inputs]
    seen: list[list[Any]] = []
    longest = max((len(column) for column in columns), default=1)
    together = ([column[min(n, len(column) - 1)] for column in columns] for n in range(longest))
    mixed = ([*each] for each in product(*(column[:3] for column in columns)))
    for each in (*together, *mixed):
        if each not in seen:
            seen.append(each)
            yield each
        if len(seen) >= MOST:
            return
