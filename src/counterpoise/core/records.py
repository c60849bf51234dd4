"""Strict DAG-CBOR: the one encoding of a record, written and read.

The rules are those of the IPLD DAG-CBOR specification without links: definite lengths only,
shortest integers within 64 bits, floats always 64 bits wide and finite, map keys are strings
sorted by length and then by bytes, no tags, no duplicate keys. A reader that accepts exactly one
encoding is what makes a digest of a record mean the record.
"""

import math
import struct

import cbor2

from counterpoise.core.errors import InputError

MAX_DEPTH = 64
MAX_UNSIGNED = 2**64 - 1


def dag_cbor(value: object) -> bytes:
    """Encode a value as DAG-CBOR.

    Parameters
    ----------
    value :
        None, bool, int in [-2**64, 2**64), finite float, str, bytes, and lists, tuples and dicts
        (with str keys) of them.

    Raises
    ------
    InputError :
        Another type (NumPy scalars too), NaN or an infinity, an integer out of range, a key that
        is no string, a lone surrogate, or nesting deeper than 64.

    Examples
    --------
    >>> dag_cbor({"bb": 1, "a": 1.5}).hex()
    'a26161fb3ff800000000000062626201'
    """
    try:
        return cbor2.dumps(_ordered(value, 0))
    except UnicodeEncodeError as refused:
        raise InputError(f"a string is not valid Unicode: {refused.reason}") from refused


def _ordered(value: object, depth: int) -> object:
    """Check a value and give it with every map in canonical order."""
    kind = type(value)
    if kind is str or kind is bytes or kind is bool or value is None:
        return value
    if kind is int:
        return _checked_integer(value)  # type: ignore[arg-type]
    if kind is float:
        return _checked_float(value)  # type: ignore[arg-type]
    if depth >= MAX_DEPTH:
        raise InputError(f"a record nested deeper than {MAX_DEPTH}")
    if isinstance(value, list | tuple):
        return [_ordered(member, depth + 1) for member in value]
    if isinstance(value, dict):
        return _ordered_map(value, depth)
    raise InputError(
        f"a {kind.__name__} has no DAG-CBOR form",
        hint="convert it to int, float, str, bytes, list or dict first",
    )


def _ordered_map(value: dict[object, object], depth: int) -> dict[str, object]:
    keys: list[str] = []
    for key in value:
        if type(key) is not str:
            raise InputError(f"a DAG-CBOR key must be a string, got {key!r}")
        keys.append(key)
    keys.sort(key=_key_order)
    return {key: _ordered(value[key], depth + 1) for key in keys}


def _key_order(key: str) -> tuple[int, bytes]:
    encoded = key.encode()
    return len(encoded), encoded


def _checked_integer(value: int) -> int:
    if not -MAX_UNSIGNED - 1 <= value <= MAX_UNSIGNED:
        raise InputError(
            f"integer {value} does not fit DAG-CBOR's 64 bits", hint="write it as a string"
        )
    return value


def _checked_float(value: float) -> float:
    if not math.isfinite(value):
        raise InputError(f"float {value!r} has no DAG-CBOR form: only finite numbers do")
    return value


def from_dag_cbor(data: bytes) -> object:
    """Decode DAG-CBOR, refusing every byte string that `dag_cbor` would not have written.

    Raises
    ------
    InputError :
        The bytes are not canonical DAG-CBOR: truncated, trailing, indefinite, tagged, not the
        shortest, unsorted or duplicate keys, half or single floats, invalid UTF-8, too deep.
    """
    reader = _Reader(bytes(data))
    value = reader.item(0)
    if reader.position != len(reader.data):
        raise InputError(f"{len(reader.data) - reader.position} bytes after the DAG-CBOR value")
    return value


class _Reader:
    """A cursor over one encoded record."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise InputError(f"DAG-CBOR ends early: {count} bytes wanted at {self.position}")
        taken = self.data[self.position : self.position + count]
        self.position += count
        return taken

    def item(self, depth: int) -> object:
        head = self.take(1)[0]
        major, low = head >> 5, head & 31
        if major == 7:
            return self.simple(low)
        if major == 6:
            raise InputError("DAG-CBOR tags are refused here")
        argument = self.argument(low)
        if major < 2:
            return -1 - argument if major else argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            return self.text(argument)
        return self.container(major, argument, depth)

    def container(self, major: int, argument: int, depth: int) -> object:
        if depth >= MAX_DEPTH:
            raise InputError(f"a record nested deeper than {MAX_DEPTH}")
        if argument > len(self.data) - self.position:
            raise InputError(f"DAG-CBOR promises {argument} members, more than there are bytes")
        if major == 5:
            return self.map(argument, depth)
        return [self.item(depth + 1) for _ in range(argument)]

    def argument(self, low: int) -> int:
        if low < 24:
            return low
        if low > 27:
            raise InputError("DAG-CBOR lengths must be definite")
        width = 1 << (low - 24)
        number = int.from_bytes(self.take(width), "big")
        if number < (24 if width == 1 else 1 << (4 * width)):
            raise InputError(f"the number {number} is not in its shortest DAG-CBOR form")
        return number

    def text(self, length: int) -> str:
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as refused:
            raise InputError(f"a DAG-CBOR string is not UTF-8: {refused.reason}") from refused

    def map(self, count: int, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        last: tuple[int, bytes] = (-1, b"")
        for _ in range(count):
            key = self.item(depth + 1)
            if type(key) is not str:
                raise InputError(f"a DAG-CBOR key must be a string, got {key!r}")
            order = _key_order(key)
            if order <= last:
                raise InputError(f"the DAG-CBOR key {key!r} is out of order or repeated")
            last = order
            found[key] = self.item(depth + 1)
        return found

    def simple(self, low: int) -> object:
        if low == 27:
            number = float(struct.unpack(">d", self.take(8))[0])
            return _checked_float(number)
        if low in _SIMPLE:
            return _SIMPLE[low]
        raise InputError(f"DAG-CBOR has no simple value or float of kind {low}")


_SIMPLE: dict[int, object] = {20: False, 21: True, 22: None}
