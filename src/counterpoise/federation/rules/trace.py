"""The trace of a round: every number a judge may want to open, under one root.

A trace is a list of sections; a section is a list of entries of one size, packed big-endian,
under an RFC 6962 root. The *head* lists of each section, in order, ``number of entries (8) || size
of an entry (8) || root (32)``, and the trace's root is the SHA-256 of `TAG` and the head: one hash
opens all sections at once. What the sections hold is in `round_trace`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from counterpoise.core import merkle
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError

Octets = NDArray[np.uint8]

TAG = b"counterpoise trace v2\0"
SUMMARY = 48


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
        return merkle.leaf_hashes(self.entries)

    @cached_property
    def root(self) -> bytes:
        """The RFC 6962 root over the entries."""
        return merkle.root_of_hashes(self.hashes)

    @cached_property
    def summary(self) -> bytes:
        """What the head says of this section, 48 bytes."""
        count, size = (int(n) for n in self.entries.shape)
        return count.to_bytes(8, "big") + size.to_bytes(8, "big") + self.root


@dataclass(frozen=True)
class Opening:
    """One entry of a trace with what proves it against the root.

    Parameters
    ----------
    section :
        The section's place in the head.
    """

    head: bytes
    section: int
    index: int
    entry: bytes
    proof: tuple[bytes, ...]

    def check(self, root: bytes) -> None:
        """Raise `VerificationError` unless the entry is in the trace with this root."""
        summary = self.head[SUMMARY * self.section : SUMMARY * (self.section + 1)]
        if len(summary) != SUMMARY or root_of_head(self.head) != root:
            raise VerificationError("the head is not that of the trace")
        count = int.from_bytes(summary[:8], "big")
        leaf = merkle.leaf_hash(self.entry)
        merkle.check_inclusion(leaf, self.index, count, self.proof, summary[16:])


@dataclass(frozen=True)
class Trace:
    """All sections of a round's trace, in order."""

    sections: tuple[Section, ...]

    @cached_property
    def head(self) -> bytes:
        """What opens all sections: their summaries."""
        return b"".join(section.summary for section in self.sections)

    @cached_property
    def root(self) -> bytes:
        """The hash of the head: what the round's result commits to."""
        return root_of_head(self.head)

    def section(self, name: str) -> Section:
        """The section of one name."""
        return self.sections[self._position(name)]

    def opening(self, name: str, index: int) -> Opening:
        """One entry, with what proves it against the root."""
        position = self._position(name)
        section = self.sections[position]
        entry = section.entry(index)
        proof = tuple(merkle.inclusion_proof(section.hashes, index))
        return Opening(self.head, position, index, entry, proof)

    def to_bytes(self) -> bytes:
        """The head and all entries, one after another: the blob that is published."""
        return b"".join((self.head, *(section.entries.tobytes() for section in self.sections)))

    @classmethod
    def from_bytes(cls, data: bytes, names: Sequence[str]) -> Trace:
        """Read what `to_bytes` wrote; whether the roots in it are true is not checked here.

        Raises
        ------
        InputError
            The bytes are shorter or longer than their head says.
        """
        sections, start = [], SUMMARY * len(names)
        for number, name in enumerate(names):
            summary = data[SUMMARY * number : SUMMARY * (number + 1)]
            count, size = (int.from_bytes(summary[at : at + 8], "big") for at in (0, 8))
            part = data[start : start + count * size]
            if len(summary) != SUMMARY or len(part) != count * size or (count and not size):
                raise InputError(f"a trace that ends inside its section {name!r}")
            entries = np.frombuffer(part, dtype=np.uint8).reshape(count, size)
            sections.append(Section(name, entries))
            start += count * size
        if start != len(data):
            raise InputError(f"a trace of {len(data)} bytes, its head says {start}")
        return cls(tuple(sections))

    def _position(self, name: str) -> int:
        names = [section.name for section in self.sections]
        if name not in names:
            raise InputError(f"no section {name!r}", hint=f"choose from {', '.join(names)}")
        return names.index(name)


def root_of_head(head: bytes) -> bytes:
    """The root of the trace with this head."""
    return sha256(TAG + head)


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


def packed_bytes(entries: list[bytes], size: int) -> Octets:
    """Entries of `size` bytes each as an array ``(entries, size)``."""
    return np.frombuffer(b"".join(entries), dtype=np.uint8).reshape(len(entries), size)
