"""The trace of a round: every number a judge may want to open, under one root.

A trace is a list of sections; a section is a list of entries of one size, packed big-endian,
under an RFC 6962 root. The trace's root is the RFC 6962 root over the entries
``name (16 bytes, zero padded) || number of entries (8) || size of an entry (8) || root (32)``,
in the order of the sections. The first section names the task, the round and its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from counterpoise.core import merkle
from counterpoise.core.errors import InputError

Octets = NDArray[np.uint8]


@dataclass(frozen=True)
class Section:
    """Entries of one kind: ``(entries, size)`` uint8."""

    name: str
    entries: Octets

    def entry(self, index: int) -> bytes:
        """The bytes of one entry."""
        if not 0 <= index < len(self.entries):
            raise InputError(f"no entry {index} among {len(self.entries)} of {self.name!r}")
        return bytes(self.entries[index])

    @cached_property
    def hashes(self) -> Octets:
        """The leaf hash of every entry, ``(entries, 32)``."""
        size, data = self.entries.shape[1], self.entries.tobytes()
        return merkle.leaf_hashes(
            data[start : start + size] for start in range(0, len(data), max(size, 1))
        )

    @cached_property
    def root(self) -> bytes:
        """The RFC 6962 root over the entries."""
        return merkle.root_of_hashes(self.hashes)

    @property
    def summary(self) -> bytes:
        """The entry of this section in the trace's own tree, 64 bytes."""
        count, size = self.entries.shape
        name = self.name.encode().ljust(16, b"\x00")
        return b"".join((name, count.to_bytes(8, "big"), size.to_bytes(8, "big"), self.root))


@dataclass(frozen=True)
class Opening:
    """One entry of a trace with its two inclusion proofs."""

    entry: bytes
    index: int
    proof: tuple[bytes, ...]
    summary: bytes
    section: int
    sections: int
    section_proof: tuple[bytes, ...]

    def check(self, root: bytes) -> None:
        """Raise `VerificationError` unless the entry is in the trace with this root."""
        count = int.from_bytes(self.summary[16:24], "big")
        merkle.check_inclusion(
            merkle.leaf_hash(self.entry), self.index, count, self.proof, self.summary[32:]
        )
        summary = merkle.leaf_hash(self.summary)
        merkle.check_inclusion(summary, self.section, self.sections, self.section_proof, root)


@dataclass(frozen=True)
class Trace:
    """All sections of a round's trace, in order."""

    sections: tuple[Section, ...]

    @cached_property
    def root(self) -> bytes:
        """The root over the sections' summaries: what the round's result commits to."""
        return merkle.root([section.summary for section in self.sections])

    def section(self, name: str) -> Section:
        """The section of one name."""
        return self.sections[self._position(name)]

    def opening(self, name: str, index: int) -> Opening:
        """One entry, with what proves it against the root."""
        position = self._position(name)
        section = self.sections[position]
        entry = section.entry(index)
        summaries = merkle.leaf_hashes(each.summary for each in self.sections)
        return Opening(
            entry,
            index,
            tuple(merkle.inclusion_proof(section.hashes, index)),
            section.summary,
            position,
            len(self.sections),
            tuple(merkle.inclusion_proof(summaries, position)),
        )

    def _position(self, name: str) -> int:
        names = [section.name for section in self.sections]
        if name not in names:
            raise InputError(f"no section {name!r}", hint=f"choose from {', '.join(names)}")
        return names.index(name)


def packed(*columns: NDArray[np.generic]) -> Octets:
    """Join columns of equal length into entries, each value big-endian.

    Examples
    --------
    >>> packed(np.array([1, 2], dtype=np.int32), np.array([[3], [4]], dtype=np.uint8)).tolist()
    [[0, 0, 0, 1, 3], [0, 0, 0, 2, 4]]
    """
    parts = [column.astype(column.dtype.newbyteorder(">"), order="C") for column in columns]
    return np.concatenate(
        [np.frombuffer(part.data, dtype=np.uint8).reshape(len(part), -1) for part in parts], axis=1
    )


def packed_bytes(entries: list[bytes]) -> Octets:
    """Entries of equal length as an array ``(entries, size)``."""
    return np.frombuffer(b"".join(entries), dtype=np.uint8).reshape(len(entries), -1)
