"""The file of leaf hashes: proofs without reading the dataset again.

Layout: a header of 64 bytes (24 of magic, the count as 8 bytes big-endian, the schema's digest),
then level after level: the leaf hashes, the roots of each 256 of them, the roots of each 256 of
those, up to one. A proof reads at most 256 hashes of each level.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from counterpoise.core import merkle
from counterpoise.core.errors import InputError, StorageError
from counterpoise.core.merkle import Hashes
from counterpoise.provenance.rows_files import FinishedOnce

MAGIC = b"counterpoise leaves v1\n\0"
HEADER = 64
WIDTH = 256


def level_sizes(count: int) -> list[int]:
    """Give the number of hashes on each level, from `count` leaves up to one."""
    sizes = [count]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // WIDTH))
    return sizes


class LeafTree:
    """Gathers leaf hashes, batch after batch, into the levels of the tree."""

    def __init__(self) -> None:
        self.count = 0
        self._pending: Hashes = np.zeros((0, 32), dtype=np.uint8)
        self._roots: list[Hashes] = []

    def append(self, hashes: Hashes) -> None:
        """Take the next leaf hashes, shape (n, 32)."""
        self.count += len(hashes)
        waiting = np.concatenate([self._pending, hashes]) if len(self._pending) else hashes
        whole = len(waiting) // WIDTH * WIDTH
        level = waiting[:whole]
        while len(level) > whole // WIDTH:
            level = merkle.parents(level)
        self._roots.append(level)
        self._pending = waiting[whole:].copy()

    def upper_levels(self) -> list[Hashes]:
        """Give the levels above the leaves; the last one is the root alone."""
        rest = [_root_row(self._pending)] if len(self._pending) else []
        levels = [np.concatenate([*self._roots, *rest])]
        while len(levels[-1]) > 1:
            below = levels[-1]
            parts = [_root_row(below[at : at + WIDTH]) for at in range(0, len(below), WIDTH)]
            levels.append(np.concatenate(parts))
        return levels


def _root_row(hashes: Hashes) -> Hashes:
    return np.frombuffer(merkle.root_of_hashes(hashes), dtype=np.uint8).reshape(1, 32)


class LeafWriter(FinishedOnce):
    """Writes a `LeafFile`, which appears when it is whole."""

    def __init__(self, path: Path | str, schema_digest: bytes) -> None:
        super().__init__(path)
        self._schema_digest = schema_digest
        self.write(bytes(HEADER))

    def append(self, hashes: Hashes) -> None:
        """Write the next leaf hashes."""
        self.write(np.ascontiguousarray(hashes).data)

    def complete(self, tree: LeafTree) -> None:
        """Write the upper levels and the header, and finish the file."""
        if tree.count > 1:
            for level in tree.upper_levels():
                self.write(level.tobytes())
        self.write(MAGIC + tree.count.to_bytes(8, "big") + self._schema_digest, at=0)
        self.finish()


class LeafFile:
    """The leaf hashes of a committed dataset.

    Parameters
    ----------
    path :
        A file that `LeafWriter` has finished.

    Raises
    ------
    InputError :
        There is no such file.
    StorageError :
        It is no file of leaf hashes, or not whole.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"no file of leaf hashes at {self.path}")
        with self.path.open("rb") as file:
            header = file.read(HEADER)
        if len(header) < HEADER or not header.startswith(MAGIC):
            raise StorageError(f"{self.path} is no file of leaf hashes")
        self.count = int.from_bytes(header[24:32], "big")
        self.schema_digest = header[32:]
        sizes = level_sizes(self.count)
        self._starts = [sum(sizes[:level]) for level in range(len(sizes))]
        self._sizes = sizes
        if self.path.stat().st_size != HEADER + 32 * sum(sizes):
            raise StorageError(f"{self.path} is not whole: {self.count} leaves are promised")

    @property
    def root(self) -> bytes:
        """The root over all leaves, 32 bytes."""
        return self._read(len(self._sizes) - 1, 0, 1).tobytes()

    def leaf(self, i: int) -> bytes:
        """Give the hash of leaf `i`.

        Raises
        ------
        InputError :
            There is no leaf `i`.
        """
        if not 0 <= i < self.count:
            raise InputError(f"no row {i} among {self.count}")
        return self._read(0, i, i + 1).tobytes()

    def inclusion(self, i: int) -> list[bytes]:
        """Give the inclusion proof of leaf `i`, as `merkle.inclusion_proof` does.

        Raises
        ------
        InputError :
            There is no leaf `i`.
        """
        if not 0 <= i < self.count:
            raise InputError(f"no row {i} among {self.count}")
        proof: list[bytes] = []
        for level, size in enumerate(self._sizes[:-1]):
            start = i // WIDTH * WIDTH
            group = self._read(level, start, min(start + WIDTH, size))
            proof += merkle.inclusion_proof(group, i - start)
            i //= WIDTH
        return proof

    def _read(self, level: int, start: int, stop: int) -> Hashes:
        with self.path.open("rb") as file:
            file.seek(HEADER + 32 * (self._starts[level] + start))
            data = file.read(32 * (stop - start))
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, 32)
