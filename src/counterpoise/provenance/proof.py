"""Inclusion proofs as text that is checked offline (C2SP tlog-proof@v1)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.merkle import MAX_PROOF, check_inclusion, leaf_hash
from counterpoise.provenance.checkpoint import Checkpoint, check_checkpoint
from counterpoise.provenance.note import strict_base64, strict_decimal
from counterpoise.provenance.reader import LogView

HEADING = "c2sp.org/tlog-proof@v1"
MAX_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class TlogProof:
    """That an entry is in a log, at an index, under a signed checkpoint.

    Parameters
    ----------
    index :
        Position of the entry.
    hashes :
        From the leaf's sibling up to the root's child.
    checkpoint :
        The log's head, with its signatures.
    extra :
        Bytes that nobody has signed; never trust them.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint
    extra: bytes | None = None

    def to_bytes(self) -> bytes:
        """Give the text of a ``.tlog-proof`` file."""
        lines = [HEADING]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines.extend(base64.b64encode(hash_).decode() for hash_ in self.hashes)
        return ("\n".join(lines) + "\n\n").encode() + self.checkpoint.to_bytes()

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """Read a proof strictly; nothing in it is verified yet.

        Raises
        ------
        VerificationError :
            Anything that `to_bytes` would not write.
        """
        if len(data) > MAX_TEXT:
            raise VerificationError(f"the proof has {len(data)} bytes, more than {MAX_TEXT}")
        head, gap, note = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as wrong:
            raise VerificationError("the proof is not plain text") from wrong
        if not gap or lines.pop(0) != HEADING:
            raise VerificationError(f"the proof does not begin with {HEADING!r} and end in a note")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = strict_base64(lines.pop(0)[6:], "proof's extra")
        if not lines or not lines[0].startswith("index "):
            raise VerificationError("the proof has no index")
        index = strict_decimal(lines.pop(0)[6:], "proof's index")
        hashes = tuple(strict_base64(line, "proof's hash") for line in lines)
        if len(hashes) > MAX_PROOF or any(len(hash_) != 32 for hash_ in hashes):
            raise VerificationError("the proof has a hash that is not 32 bytes, or too many")
        return cls(index, hashes, Checkpoint.parse(note), extra)

    def check(
        self, entry: bytes, vkey: str, *, witnesses: Sequence[str] = (), quorum: int = 0
    ) -> None:
        """Check offline that `entry` is in the log that `vkey` signs.

        Raises
        ------
        VerificationError :
            The checkpoint is not the pinned log's, or the entry is not where the proof says.
        """
        check_checkpoint(self.checkpoint, vkey, witnesses=witnesses, quorum=quorum)
        check_inclusion(
            leaf_hash(entry), self.index, self.checkpoint.size, self.hashes, self.checkpoint.root
        )


def prove(log: LogView, index: int) -> TlogProof:
    """Prove one entry under a log's latest checkpoint."""
    checkpoint = log.checkpoint()
    if not 0 <= index < checkpoint.size:
        raise InputError(f"no entry {index} in a log of {checkpoint.size}")
    return TlogProof(index, tuple(log.inclusion(index, checkpoint.size)), checkpoint)
