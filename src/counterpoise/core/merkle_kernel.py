"""The fast path of `merkle`: many nodes or many messages hashed in one call.

Importing this module compiles its loops, or loads them from numba's cache: ask
`counterpoise.core.hashing.kernel` for it, which knows when that pays.
"""

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from counterpoise.core.flat_bytes import clear_bytes, put_eight
from counterpoise.core.sha256_vectors import LANES, START, Sha256

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
BLOCK = 64
CHUNK = 4096
"""Entries laid out at a time, so that they stay in the processor's cache."""

_INITIAL = np.repeat(np.array(START, dtype=np.uint32), LANES)


def hash_pairs(hashes: Bytes) -> Bytes:
    """Give the node hash of each pair of neighbours.

    Parameters
    ----------
    hashes :
        Hashes, C-contiguous, shape (n, 32); an odd last one is left out.

    Returns
    -------
    ndarray
        SHA-256 of 0x01 and both hashes of each pair, shape (n // 2, 32).
    """
    count = len(hashes) // 2
    nodes = np.empty((count, 32), dtype=np.uint8)
    whole = count // LANES * LANES
    if whole:
        words = hashes[: 2 * whole].reshape(-1).view(np.uint32)
        _hash_pairs(words, nodes[:whole].reshape(-1).view(np.uint32))
    for i in range(whole, count):
        pair = hashes[2 * i : 2 * i + 2].tobytes()
        nodes[i] = np.frombuffer(hashlib.sha256(b"\x01" + pair).digest(), dtype=np.uint8)
    return nodes


def hash_leaves(entries: Bytes) -> Bytes:
    """Give the leaf hashes of entries of one length.

    Parameters
    ----------
    entries :
        The bytes of each entry, shape (n, length).

    Returns
    -------
    ndarray
        SHA-256 of 0x00 and each entry, shape (n, 32).
    """
    count, length = entries.shape
    width = padded_size(length + 1)
    room = np.zeros((CHUNK, width), dtype=np.uint8)
    starts = np.arange(CHUNK, dtype=np.int64) * width
    _pad(room.reshape(-1), starts, np.full(CHUNK, length + 1, dtype=np.int64))
    words, rows = room.reshape(-1).view(np.uint32), np.arange(CHUNK, dtype=np.int64)
    blocks = np.full(CHUNK, width // BLOCK, dtype=np.int64)
    hashes = np.empty((count, 8), dtype=np.uint32)
    for at in range(0, count, CHUNK):
        filled = min(CHUNK, count - at)
        room[:filled, 1 : length + 1] = entries[at : at + filled]
        _hash_messages(words, starts[:filled] // 4, blocks, rows, hashes[at : at + filled])
    return hashes.view(np.uint8)


def padded_size(length: int) -> int:
    """Give the bytes that a message of this length takes with SHA-256's padding."""
    return (length + 9 + BLOCK - 1) // BLOCK * BLOCK


def hash_messages(flat: Bytes, starts: Places, lengths: Places) -> Bytes:
    """Give the SHA-256 of messages that lie in one array, with room for their padding.

    Parameters
    ----------
    flat :
        The messages; what follows each one, up to `padded_size`, is overwritten.
    starts :
        Where each message begins; multiples of 64.
    lengths :
        Bytes of each message.

    Returns
    -------
    ndarray
        The digests, shape (n, 32).
    """
    digests = np.empty((len(starts), 8), dtype=np.uint32)
    _pad(flat, starts, lengths)
    blocks = (lengths + (9 + BLOCK - 1)) // BLOCK
    few = blocks.max(initial=0) < 2**16
    order = np.argsort(blocks.astype(np.uint16) if few else blocks, kind="stable")
    _hash_messages(flat.view(np.uint32), starts[order] // 4, blocks[order], order, digests)
    return digests.view(np.uint8)


def _block_taker(_: Any, state: Any, source: Any, places: Any) -> Any:
    """Take into the state of each lane the block that starts at its place in the source."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, number = Sha256(builder), ir.IntType(64)
        states, words, at = _pointers(context, builder, signature, values)
        spots = [builder.load(builder.gep(at, [number(lane)])) for lane in range(LANES)]
        columns = out.transposed([out.load(words, spot) for spot in spots])
        old = [out.load(states, number(word * LANES)) for word in range(8)]
        new = out.compressed(old, [out.swapped(column) for column in columns])
        for word in range(8):
            out.store(new[word], states, number(word * LANES))
        return context.get_dummy_value()

    return types.void(state, source, places), emit


def _digest_giver(_: Any, state: Any, digests: Any, rows: Any) -> Any:
    """Write the digest of each lane to its row."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, number = Sha256(builder), ir.IntType(64)
        states, words, at = _pointers(context, builder, signature, values)
        last = [out.swapped(out.load(states, number(word * LANES))) for word in range(8)]
        for lane, digest in enumerate(out.transposed(last * 2)):
            row = builder.load(builder.gep(at, [number(lane)]))
            out.store(digest, words, builder.mul(row, number(8)), count=8)
        return context.get_dummy_value()

    return types.void(state, digests, rows), emit


def _pair_taker(_: Any, source: Any, nodes: Any, first: Any) -> Any:
    """Write the hashes of the sixteen nodes from `first` on, from their pairs in the source."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, number = Sha256(builder), ir.IntType(64)
        words, targets = _pointers(context, builder, signature, values[:2])
        lanes = [builder.add(values[2], number(lane)) for lane in range(LANES)]
        rows = [out.load(words, builder.mul(lane, number(16))) for lane in lanes]
        pair = [out.swapped(column) for column in out.transposed(rows)]
        # A node starts with the byte 0x01, so that all words move by one byte.
        bytes_ = [out.constant(0x01), *pair]
        moved = [builder.or_(out.raised(x, 24), out.shifted(y, 8)) for x, y in pairwise(bytes_)]
        state = out.compressed([out.constant(word) for word in START], moved)
        last = builder.or_(out.raised(pair[15], 24), out.constant(0x800000))
        state = out.compressed(state, [last, *[out.constant(0)] * 14, out.constant(8 * 65)])
        digests = out.transposed([out.swapped(word) for word in state] * 2)
        for lane, digest in zip(lanes, digests, strict=True):
            out.store(digest, targets, builder.mul(lane, number(8)), count=8)
        return context.get_dummy_value()

    return types.void(source, nodes, first), emit


_take_blocks: Any = intrinsic(_block_taker)
_give_digests: Any = intrinsic(_digest_giver)
_take_pairs: Any = intrinsic(_pair_taker)


def _pointers(context: Any, builder: Any, signature: Any, values: Any) -> list[Any]:
    kinds = zip(signature.args, values, strict=False)
    return [context.make_array(kind)(context, builder, value).data for kind, value in kinds]


# One signature each, read-only and unaligned sources included: nothing is compiled twice.
_SOURCE = types.Array(types.uint32, 1, "C", readonly=True, aligned=False)
_WORDS = types.Array(types.uint32, 1, "C")
_ROWS = types.Array(types.uint32, 2, "C")
_BYTES = types.Array(types.uint8, 1, "C")
_PLACES = types.Array(types.int64, 1, "C")


@njit(types.void(_SOURCE, _WORDS), cache=True, nogil=True)
def _hash_pairs(source: Any, nodes: Any) -> None:
    for first in range(0, len(nodes) // 8, LANES):  # a multiple of LANES
        _take_pairs(source, nodes, first)


@njit(types.void(_BYTES, _PLACES, _PLACES), cache=True, nogil=True)
def _pad(flat: Any, starts: Any, lengths: Any) -> None:
    for i in range(len(starts)):
        at = starts[i] + lengths[i]
        end = starts[i] + (lengths[i] + 9 + BLOCK - 1) // BLOCK * BLOCK
        flat[at] = 0x80
        clear_bytes(flat, at + 1, end - at - 1)
        put_eight(flat, end - 8, 8 * lengths[i])


@njit(types.void(_SOURCE, _PLACES, _PLACES, _PLACES, _ROWS), cache=True, nogil=True)
def _hash_messages(source: Any, places: Any, blocks: Any, order: Any, digests: Any) -> None:
    """Hash padded messages, shortest first; lanes without a message repeat the last one."""
    state = np.empty(8 * LANES, dtype=np.uint32)
    at = np.empty(LANES, dtype=np.int64)
    rows = np.empty(LANES, dtype=np.int64)
    start = 0
    while start < len(places):
        size = blocks[start]
        last = start
        while last + 1 < min(start + LANES, len(places)) and blocks[last + 1] == size:
            last += 1
        for lane in range(LANES):
            at[lane] = places[min(start + lane, last)]
            rows[lane] = order[min(start + lane, last)]
        state[:] = _INITIAL
        for _ in range(size):
            _take_blocks(state, source, at)
            at += 16
        _give_digests(state, digests, rows)
        start = last + 1
