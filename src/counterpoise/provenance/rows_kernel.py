"""Rows to leaf hashes at speed: DAG-CBOR written column by column, compiled by numba.

Each row's bytes are written at its own place in one buffer, with room for SHA-256's padding, and
all are hashed there sixteen at a time. Importing this module compiles its loops, or loads them
from numba's cache: ask `rows_hashing` for it, which knows when that pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit, types

from counterpoise.core.flat_bytes import copy_bytes, put_eight
from counterpoise.core.merkle import Hashes
from counterpoise.core.merkle_kernel import BLOCK, Bytes, Places, hash_messages
from counterpoise.provenance.rows_cells import Cells
from counterpoise.provenance.rows_salts import Salts
from counterpoise.provenance.rows_schema import SALT_BYTES

SLICE = 4096
"""Rows encoded at a time, so that their bytes stay in the processor's cache."""

ROOM = {"int64": 9, "float64": 9, "bool": 1, "utf8": 9}
"""The most bytes that a cell takes, a text's own bytes aside."""

_FLAT = types.Array(types.uint8, 1, "C")
_PLACES = types.Array(types.int64, 1, "C")


def _source(kind: Any) -> Any:
    return types.Array(kind, 1, "C", readonly=True, aligned=False)


def leaf_hashes(columns: Sequence[Cells], salts: Salts) -> Hashes:
    """Give the leaf hashes of a batch of rows, shape (n, 32).

    Parameters
    ----------
    columns :
        The checked cells of each column, in the schema's order.
    salts :
        The rows' salts, shape (n, 16).
    """
    hashes = np.empty((len(salts), 32), dtype=np.uint8)
    scratch = np.empty(0, dtype=np.uint8)
    for at in range(0, len(salts), SLICE):
        stop = min(at + SLICE, len(salts))
        part = [cells.part(at, stop) for cells in columns]
        starts = _starts(part, stop - at)
        if starts[-1] > len(scratch):
            scratch = np.empty(int(starts[-1]), dtype=np.uint8)
        hashes[at:stop] = _hash_slice(part, salts[at:stop], starts[:-1], scratch)
    return hashes


def _starts(columns: list[Cells], count: int) -> Places:
    """Give where each row begins, and where the last one ends, with room for the padding."""
    fixed = len(_head(columns)) + SALT_BYTES + sum(ROOM[cells.column.kind] for cells in columns)
    room = np.full(count + 1, fixed + 9 + BLOCK - 1, dtype=np.int64)
    for cells in columns:
        if cells.column.kind == "utf8":
            room[1:] += cells.ends - cells.begins
    room &= -BLOCK
    room[0] = 0
    return np.cumsum(room)


def _hash_slice(columns: list[Cells], salts: Salts, starts: Places, flat: Bytes) -> Hashes:
    cursors = starts.copy()
    head = np.frombuffer(_head(columns), dtype=np.uint8)
    _put_heads(flat, cursors, head, salts.reshape(-1))
    for cells in columns:
        _put(flat, cursors, cells)
    return hash_messages(flat, starts, cursors - starts)


def _head(columns: list[Cells]) -> bytes:
    return b"\x00" + _array_head(len(columns) + 1) + bytes([0x40 + SALT_BYTES])


def _array_head(count: int) -> bytes:
    """Give the head of a CBOR array of so many members."""
    if count < 24:
        return bytes([0x80 + count])
    width, low = (1, 0x98) if count < 256 else (2, 0x99)
    return bytes([low]) + count.to_bytes(width, "big")


def _put(flat: Any, cursors: Any, cells: Cells) -> None:
    kind = cells.column.kind
    if kind == "utf8":
        _put_texts(flat, cursors, cells.begins, cells.ends, cells.values, cells.valid)
    elif kind == "int64":
        _put_integers(flat, cursors, cells.values, cells.valid)
    elif kind == "float64":
        _put_floats(flat, cursors, cells.values.view(np.int64), cells.valid)
    else:
        _put_flags(flat, cursors, cells.values, cells.valid)


@njit(forceinline=True)
def _put_argument(flat: Any, at: Any, major: Any, number: Any) -> Any:
    """Write the shortest head of a CBOR item; up to nine bytes from `at` on are overwritten."""
    if number < 24:
        flat[at] = major | number
        return at + 1
    code = (number >= 1 << 8) + (number >= 1 << 16) + (number >= 1 << 32)
    width = 1 << code
    flat[at] = major | (24 + code)
    put_eight(flat, at + 1, number << (64 - 8 * width))
    return at + 1 + width


@njit(
    types.void(_FLAT, _PLACES, _source(types.uint8), _source(types.uint8)),
    cache=True,
    nogil=True,
)
def _put_heads(flat: Any, cursors: Any, head: Any, salts: Any) -> None:
    for i in range(len(cursors)):
        at = cursors[i]
        copy_bytes(flat, at, head, 0, len(head))
        at += len(head)
        copy_bytes(flat, at, salts, SALT_BYTES * i, SALT_BYTES)
        cursors[i] = at + SALT_BYTES


@njit(
    types.void(_FLAT, _PLACES, _source(types.int64), _source(types.boolean)),
    cache=True,
    nogil=True,
)
def _put_integers(flat: Any, cursors: Any, values: Any, valid: Any) -> None:
    for i in range(len(cursors)):
        if len(valid) and not valid[i]:
            flat[cursors[i]] = 0xF6
            cursors[i] += 1
            continue
        value = values[i]
        major = 0x20 if value < 0 else 0x00
        cursors[i] = _put_argument(flat, cursors[i], major, value ^ (value >> 63))


@njit(
    types.void(_FLAT, _PLACES, _source(types.int64), _source(types.boolean)),
    cache=True,
    nogil=True,
)
def _put_floats(flat: Any, cursors: Any, bits: Any, valid: Any) -> None:
    for i in range(len(cursors)):
        at = cursors[i]
        if len(valid) and not valid[i]:
            flat[at] = 0xF6
            cursors[i] += 1
        else:
            flat[at] = 0xFB
            put_eight(flat, at + 1, bits[i])
            cursors[i] += 9


@njit(
    types.void(_FLAT, _PLACES, _source(types.uint8), _source(types.boolean)),
    cache=True,
    nogil=True,
)
def _put_flags(flat: Any, cursors: Any, values: Any, valid: Any) -> None:
    for i in range(len(cursors)):
        if len(valid) and not valid[i]:
            flat[cursors[i]] = 0xF6
        else:
            flat[cursors[i]] = 0xF5 if values[i] else 0xF4
        cursors[i] += 1


@njit(
    types.void(
        _FLAT,
        _PLACES,
        _source(types.int64),
        _source(types.int64),
        _source(types.uint8),
        _source(types.boolean),
    ),
    cache=True,
    nogil=True,
)
def _put_texts(flat: Any, cursors: Any, begins: Any, ends: Any, source: Any, valid: Any) -> None:
    for i in range(len(cursors)):
        if len(valid) and not valid[i]:
            flat[cursors[i]] = 0xF6
            cursors[i] += 1
            continue
        start, length = begins[i], ends[i] - begins[i]
        at = _put_argument(flat, cursors[i], 0x60, length)
        copy_bytes(flat, at, source, start, length)
        cursors[i] = at + length
