"""The journal: entries that are durable while their tiles are not yet.

A record is ``CPJ1``, the index of its first entry (u64), the number of entries (u32), the length
of the bundle (u32), the bundle, and SHA-256 of all that. One record is one group commit. Only the
last record can be torn; a reader stops there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.provenance.tiles import bundle_of, entries_of

MAGIC = b"CPJ1"
HEADER = struct.Struct(">4sQII")
DIGEST = 32


@dataclass(frozen=True, slots=True)
class Record:
    """One group commit.

    Parameters
    ----------
    start :
        Index of the first entry.
    entries :
        In the order of the log.
    """

    start: int
    entries: Sequence[bytes]

    def to_bytes(self) -> bytes:
        """Give the record as it stands in the journal."""
        bundle = bundle_of(list(self.entries))
        record = HEADER.pack(MAGIC, self.start, len(self.entries), len(bundle)) + bundle
        return record + sha256(record)


def read_records(data: bytes) -> Iterator[Record]:
    """Read the whole records of a journal, up to a torn one.

    Raises
    ------
    VerificationError :
        A record does not start where the one before it ended.
    """
    at, wanted = 0, None
    while at + HEADER.size <= len(data):
        magic, start, count, length = HEADER.unpack_from(data, at)
        end = at + HEADER.size + length
        if magic != MAGIC or sha256(data[at:end]) != data[end : end + DIGEST]:
            return
        if wanted not in (None, start):
            raise VerificationError(f"the journal goes from entry {wanted} to {start}")
        entries = entries_of(data[at + HEADER.size : end], "the journal")
        if len(entries) != count:
            raise VerificationError(f"a record of the journal has {len(entries)} of {count}")
        yield Record(start, entries)
        at, wanted = end + DIGEST, start + count
