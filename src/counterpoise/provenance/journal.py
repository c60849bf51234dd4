"""The journal: entries that are durable while their tiles are not yet.

A record is ``CPJ1``, the index of its first entry (u64), the number of entries (u32), the length
of the bundle (u32), the bundle, and SHA-256 over the header and the leaf hashes of all entries.
One record is one group commit. Only the last record can be torn; a reader stops there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from counterpoise.core import hashing
from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.provenance.tiles import bundle_of, entries_of

MAGIC = b"CPJ1"
HEADER = struct.Struct(">4sQII")
DIGEST = 32
BLOCK = 64


@dataclass(frozen=True, slots=True)
class Record:
    """One group commit.

    Parameters
    ----------
    start :
        Index of the first entry.
    entries :
        In the order of the log.
    bundle :
        The entries, each with its length before it.
    hashes :
        Their leaf hashes, joined.
    """

    start: int
    entries: Sequence[bytes]
    bundle: bytes
    hashes: bytes

    @classmethod
    def of(cls, start: int, entries: Sequence[bytes]) -> Record:
        """Make the record of entries."""
        return cls(start, entries, bundle_of(entries), joined_leaf_hashes(entries))

    def to_bytes(self) -> bytes:
        """Give the record as it stands in the journal."""
        header = HEADER.pack(MAGIC, self.start, len(self.entries), len(self.bundle))
        return header + self.bundle + sha256(header + self.hashes)


def read_records(data: bytes) -> Iterator[Record]:
    """Read the whole records of a journal, up to a torn one.

    Raises
    ------
    VerificationError :
        A record does not start where the one before it ended.
    """
    at, wanted = 0, None
    while at + HEADER.size <= len(data):
        header = data[at : at + HEADER.size]
        magic, start, count, length = HEADER.unpack(header)
        end = at + HEADER.size + length
        record = _whole(start, count, data[at + HEADER.size : end]) if magic == MAGIC else None
        if record is None or sha256(header + record.hashes) != data[end : end + DIGEST]:
            return
        if wanted not in (None, start):
            raise VerificationError(f"the journal goes from entry {wanted} to {start}")
        yield record
        at, wanted = end + DIGEST, start + count


def _whole(start: int, count: int, bundle: bytes) -> Record | None:
    try:
        entries = entries_of(bundle, "the journal")
    except VerificationError:
        return None
    if len(entries) != count:
        return None
    return Record(start, entries, bundle, joined_leaf_hashes(entries))


def joined_leaf_hashes(entries: Sequence[bytes]) -> bytes:
    """Give the RFC 6962 leaf hashes of entries of any lengths, joined."""
    fast = hashing.kernel(len(entries))
    if fast is None:
        new = hashlib.sha256
        return b"".join([new(b"\x00" + entry).digest() for entry in entries])
    lengths = np.fromiter(map(len, entries), dtype=np.int64, count=len(entries)) + 1
    widths = (lengths + 8 + BLOCK) // BLOCK * BLOCK
    padded = zip(entries, widths.tolist(), strict=True)
    flat = bytearray(b"".join([(b"\x00" + entry).ljust(width, b"\x00") for entry, width in padded]))
    starts = np.cumsum(widths) - widths
    digests = fast.hash_messages(np.frombuffer(flat, dtype=np.uint8), starts, lengths)
    return bytes(digests.tobytes())
