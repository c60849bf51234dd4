"""The right edge of a log's tree: all that is needed to append to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from counterpoise.core.hashing import hash_pairs
from counterpoise.core.merkle import EMPTY_ROOT, node_hash
from counterpoise.provenance.journal import Record
from counterpoise.provenance.tiles import (
    ENTRIES,
    HASH,
    WIDTH,
    Tiles,
    bundle_of,
    joined_root,
    tile_path,
    tile_widths,
)

TILE = WIDTH * HASH


class Edge:
    """The partial tiles of a tree, in memory.

    Parameters
    ----------
    tiles :
        Where the partial tiles of the tree of `size` entries are read from.
    size :
        Number of entries.
    """

    def __init__(self, tiles: Tiles, size: int) -> None:
        self.size = size
        self._levels = [
            tiles.hashes(level, full, part) if part else b""
            for level, (full, part) in enumerate(tile_widths(size))
        ]
        full, part = divmod(size, WIDTH)
        self._bundle = bundle_of(tiles.entries(full, part)) if part else b""

    def root(self) -> bytes:
        """Give the RFC 6962 root.

        A level's hashes are perfect subtrees of falling size, which change little from one
        append to the next: their roots are remembered, and joined from the right.
        """
        root = b""
        for hashes in self._levels:
            for subtree in reversed(_perfect_subtrees(hashes)):
                left = _subtree_root(subtree)
                root = node_hash(left, root) if root else left
        return root or EMPTY_ROOT

    def extend(self, record: Record) -> Iterator[tuple[str, bytes]]:
        """Add a record's entries; give each tile that this fills or changes: path and bytes.

        The edge has moved only once the iterator is exhausted.
        """
        yield from self._bundles(record)
        before, hashes, level = self.size, record.hashes, 0
        self.size += len(record.entries)
        while hashes:
            if level == len(self._levels):
                self._levels.append(b"")
            joined = self._levels[level] + hashes
            whole = len(joined) // TILE * TILE
            first = before >> 8 * (level + 1)
            for number, at in enumerate(range(0, whole, TILE), first):
                yield tile_path(level, number), joined[at : at + TILE]
            self._levels[level] = joined[whole:]
            if self._levels[level]:
                full, part = tile_widths(self.size)[level]
                yield tile_path(level, full, part), self._levels[level]
            hashes, level = _tile_roots(joined[:whole]), level + 1

    def _bundles(self, record: Record) -> Iterator[tuple[str, bytes]]:
        """Divide the record's bundle at the borders of tiles."""
        at, offset = 0, 0
        while at < len(record.entries):
            index, used = divmod(self.size + at, WIDTH)
            batch = record.entries[at : at + WIDTH - used]
            end = offset + 2 * len(batch) + sum(map(len, batch))
            self._bundle += record.bundle[offset:end]
            used += len(batch)
            yield tile_path(ENTRIES, index, used), self._bundle
            if used == WIDTH:
                self._bundle = b""
            at, offset = at + len(batch), end


def _perfect_subtrees(hashes: bytes) -> list[bytes]:
    """Divide joined hashes into runs whose lengths are falling powers of two."""
    subtrees, at = [], 0
    while at < len(hashes):
        length = 1 << ((len(hashes) - at).bit_length() - 1)
        subtrees.append(hashes[at : at + length])
        at += length
    return subtrees


_subtree_root = lru_cache(maxsize=64)(joined_root)


def _tile_roots(tiles: bytes) -> bytes:
    """Give the root of each full tile of several that are joined."""
    level = np.frombuffer(tiles, dtype=np.uint8).reshape(-1, HASH)
    for _ in range(8 if tiles else 0):
        level = hash_pairs(level)
    return bytes(level.tobytes())
