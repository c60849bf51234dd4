"""The tree as files: tile paths, reading, and proofs from tiles (C2SP tlog-tiles).

A full tile holds 256 hashes. At level 0 they are leaf hashes; at level L each is the root of a
full tile one level below. The rightmost tiles of a tree are partial and named by their width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.core.merkle import EMPTY_ROOT, leaf_hash, node_hash, root_of_hashes

WIDTH = 256
HASH = 32
ENTRIES = "entries"


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Name a tile below the log's folder.

    Examples
    --------
    >>> tile_path(0, 1234067), tile_path("entries", 7, 3)
    ('tile/0/x001/x234/067', 'tile/entries/007.p/3')
    """
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.append(f"x{index % 1000:03d}")
    name = f"tile/{level}/{'/'.join(reversed(parts))}"
    return name if width == WIDTH else f"{name}.p/{width}"


def tile_widths(size: int) -> list[tuple[int, int]]:
    """Give for each level of a tree its number of full tiles and its partial width.

    Examples
    --------
    >>> tile_widths(70_000)
    [(273, 112), (1, 17), (0, 1)]
    """
    widths = []
    while size:
        widths.append(divmod(size, WIDTH))
        size //= WIDTH
    return widths


def partial_tiles(size: int) -> list[str]:
    """Name the partial tiles and the partial bundle of a tree."""
    widths = tile_widths(size)
    names = [tile_path(level, full, part) for level, (full, part) in enumerate(widths) if part]
    if widths and widths[0][1]:
        names.append(tile_path(ENTRIES, *widths[0]))
    return names


def bundle_of(entries: Sequence[bytes]) -> bytes:
    """Give the bundle of entries: each with a big-endian uint16 length before it."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def entries_of(bundle: bytes, name: str) -> list[bytes]:
    """Divide a bundle into its entries."""
    entries, at, last = [], 0, len(bundle)
    while at < last:
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > last or at + 2 > last:
            raise VerificationError(f"{name} is cut off: an entry ends beyond its end")
        entries.append(bundle[at + 2 : end])
        at = end
    return entries


def joined_root(hashes: bytes) -> bytes:
    """Give the root over hashes that are joined in one byte string."""
    if len(hashes) == HASH:
        return hashes
    return root_of_hashes(np.frombuffer(hashes, dtype=np.uint8).reshape(-1, HASH))


class Tiles:
    """Reads the tiles of a log.

    Hashes are returned as they stand in the files. Who uses them checks the root they lead to;
    `check` does so for all of them and names the tile that is wrong.

    Parameters
    ----------
    folder :
        The log's files.
    recovering :
        Whether a full tile may be torn while the partial one before it is durable. Otherwise the
        full tile is read first: a partial one that a loss of power brought back may be torn.
    """

    def __init__(self, folder: Path, *, recovering: bool = False) -> None:
        self.folder, self._recovering = folder, recovering
        self._full = lru_cache(maxsize=512)(self._read_full)

    def hashes(self, level: int, index: int, width: int = WIDTH) -> bytes:
        """Give the first `width` hashes of a tile, joined."""
        if width == WIDTH:
            return self._full(level, index)
        name, held, data = self._covering(level, index, width)
        if len(data) != held * HASH:
            raise VerificationError(f"{name} has {len(data)} bytes, not {held * HASH}")
        return data[: width * HASH]

    def entries(self, index: int, width: int = WIDTH) -> list[bytes]:
        """Give the first `width` entries of a bundle, unchecked."""
        name, held, data = self._covering(ENTRIES, index, width)
        entries = entries_of(data, name)
        if len(entries) != held:
            raise VerificationError(f"{name} has {len(entries)} entries, not {held}")
        return entries[:width]

    def checked_entries(self, index: int, width: int = WIDTH) -> list[bytes]:
        """Give the entries of a bundle, each checked against its leaf hash."""
        entries = self.entries(index, width)
        hashes = self.hashes(0, index, width)
        for at, entry in enumerate(entries):
            if leaf_hash(entry) != hashes[at * HASH : (at + 1) * HASH]:
                number = index * WIDTH + at
                raise VerificationError(
                    f"entry {number} in {tile_path(ENTRIES, index, width)} does not hash to its "
                    f"leaf in {tile_path(0, index, width)}"
                )
        return entries

    def root(self, size: int) -> bytes:
        """Give the root of the first `size` entries, from the right edge of the tiles."""
        rest = b""
        for level, (full, part) in enumerate(tile_widths(size)):
            hashes = (self.hashes(level, full, part) if part else b"") + rest
            rest = joined_root(hashes) if hashes else b""
        return rest or EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Prove that entry `index` is among the first `size` (RFC 9162, 2.1.3)."""
        if not 0 <= index < size:
            raise InputError(f"no entry {index} in a log of {size}")
        low, high, proof = 0, size, []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                proof.append(self._range_root(middle, high, size))
                high = middle
            else:
                proof.append(self._range_root(low, middle, size))
                low = middle
        return proof[::-1]

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Prove that the tree of `first` is a prefix of that of `second` (RFC 9162, 2.1.4)."""
        if not 0 <= first <= second:
            raise InputError(f"a log cannot go from {first} entries to {second}")
        low, high, left, whole, proof = 0, second, first, True, list[bytes]()
        while left not in (0, high - low):
            middle = low + _split(high - low)
            if low + left <= middle:
                proof.append(self._range_root(middle, high, second))
                high = middle
            else:
                proof.append(self._range_root(low, middle, second))
                left, low, whole = left - (middle - low), middle, False
        if left and not whole:
            proof.append(self._range_root(low, high, second))
        return proof[::-1]

    def check(self, size: int, root: bytes, *, entries: bool = True) -> None:
        """Check every hash below a root, and every entry if asked; name the first wrong tile.

        From the top down: a tile whose parent is right is itself wrong if its root differs.

        Raises
        ------
        VerificationError :
            A tile does not have the hash that its parent holds.
        StorageError :
            A tile is missing.
        """
        if self.root(size) != root:
            raise VerificationError(
                f"the tiles of {size} entries do not lead to the signed root",
                hint=f"wrong: {self._wrong_edge(size)}",
            )
        for level in range(len(tile_widths(size)) - 2, -1, -1):
            for index, wanted in self._parents(level, size):
                if joined_root(self._read_full(level, index)) != wanted:
                    raise VerificationError(f"{tile_path(level, index)} is not what was signed")
        if entries:
            for index in range(-(-size // WIDTH)):
                self.checked_entries(index, min(WIDTH, size - index * WIDTH))

    def _parents(self, level: int, size: int) -> Iterator[tuple[int, bytes]]:
        """Each full tile of a level with the hash that the level above holds for it."""
        full = tile_widths(size)[level][0]
        for above in range(-(-full // WIDTH)):
            width = min(WIDTH, full - above * WIDTH)
            hashes = self.hashes(level + 1, above, width)
            for at in range(width):
                yield above * WIDTH + at, hashes[at * HASH : (at + 1) * HASH]

    def _wrong_edge(self, size: int) -> str:
        """Name the partial tiles that do not follow from what lies below them."""
        wrong = []
        for level, (full, part) in enumerate(tile_widths(size)):
            if not part:
                continue
            hashes = self.hashes(level, full, part)
            if level == 0:
                below = [leaf_hash(entry) for entry in self.entries(full, part)]
            else:
                start = full * WIDTH
                below = [joined_root(self.hashes(level - 1, start + at)) for at in range(part)]
            if b"".join(below) != hashes:
                wrong.append(tile_path(level, full, part))
        return ", ".join(wrong) or "the checkpoint itself, or tile and entries alike"

    def _range_root(self, low: int, high: int, size: int) -> bytes:
        """Root of the entries [low, high), a subtree of the tree of `size` entries."""
        count = high - low
        if count & (count - 1):
            middle = low + _split(count)
            return node_hash(
                self._range_root(low, middle, size), self._range_root(middle, high, size)
            )
        level = (count.bit_length() - 1) // 8
        first, many = low >> (8 * level), count >> (8 * level)
        index, at = divmod(first, WIDTH)
        full, part = tile_widths(size)[level]
        hashes = self.hashes(level, index, WIDTH if index < full else part)
        return joined_root(hashes[at * HASH : (at + many) * HASH])

    def _read_full(self, level: int, index: int) -> bytes:
        name = tile_path(level, index)
        data = self._load(name)
        if data is None:
            raise self._missing(name)
        if len(data) != WIDTH * HASH:
            raise VerificationError(f"{name} has {len(data)} bytes, not {WIDTH * HASH}")
        return data

    def _covering(self, level: int | str, index: int, width: int) -> tuple[str, int, bytes]:
        """Read a tile, or else the full or a wider partial one: its name, width and bytes."""
        likely = (width, WIDTH) if self._recovering else (WIDTH, width)
        for candidate in chain(likely, self._wider(level, index, width)):
            name = tile_path(level, index, candidate)
            data = self._load(name)
            if data is not None:
                return name, candidate, data
        raise self._missing(tile_path(level, index, width))

    def _wider(self, level: int | str, index: int, width: int) -> Iterator[int]:
        try:
            names = [f.name for f in (self.folder / f"{tile_path(level, index)}.p").iterdir()]
        except FileNotFoundError:
            return
        yield from sorted(int(name) for name in names if name.isdecimal() and int(name) > width)

    def _load(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as failed:
            raise StorageError(f"{name} cannot be read: {failed.strerror}") from failed

    def _missing(self, name: str) -> StorageError:
        return StorageError(
            f"{name} of the log is missing", hint="restore it from a mirror or a backup of the log"
        )


def _split(count: int) -> int:
    """Give the largest power of two below a count of at least two."""
    return 1 << ((count - 1).bit_length() - 1)
