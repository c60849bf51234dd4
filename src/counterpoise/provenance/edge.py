"""The right edge of a log's tree: all that is needed to append to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterpoise.core.merkle import EMPTY_ROOT, leaf_hash
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
        """Give the RFC 6962 root."""
        rest = b""
        for hashes in self._levels:
            rest = joined_root(hashes + rest) if hashes or rest else b""
        return rest or EMPTY_ROOT

    def extend(self, entries: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
        """Add entries; give each tile that this fills or changes, as its path and bytes.

        The edge has moved only once the iterator is exhausted.
        """
        at, changed = 0, 0
        while at < len(entries):
            index, used = divmod(self.size, WIDTH)
            batch = list(entries[at : at + WIDTH - used])
            at += len(batch)
            self.size += len(batch)
            self._bundle += bundle_of(batch)
            if used + len(batch) == WIDTH:
                yield tile_path(ENTRIES, index), self._bundle
                self._bundle = b""
            hashes = b"".join([leaf_hash(entry) for entry in batch])
            for level, path, tile in self._push(hashes, index):
                changed = max(changed, level)
                yield path, tile
        yield from self._partials(changed)

    def _push(self, hashes: bytes, index: int) -> Iterator[tuple[int, str, bytes]]:
        """Add hashes to level 0, and the root of each tile that fills to the level above."""
        level = 0
        while True:
            if level == len(self._levels):
                self._levels.append(b"")
            self._levels[level] += hashes
            if len(self._levels[level]) < WIDTH * HASH:
                return
            tile, self._levels[level] = self._levels[level], b""
            yield level + 1, tile_path(level, index), tile
            hashes, index, level = joined_root(tile), index // WIDTH, level + 1

    def _partials(self, top: int) -> Iterator[tuple[str, bytes]]:
        """The partial tiles of level 0 to `top`, and the partial bundle."""
        for level, (full, part) in enumerate(tile_widths(self.size)[: top + 1]):
            if part:
                yield tile_path(level, full, part), self._levels[level]
        if self._bundle:
            yield tile_path(ENTRIES, *divmod(self.size, WIDTH)), self._bundle
