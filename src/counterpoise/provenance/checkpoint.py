"""Checkpoints: a log's signed tree head (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance.note import (
    COSIGNATURE,
    NoteKey,
    NoteSignature,
    check_name,
    ed25519_key,
    parse_note,
    strict_base64,
    strict_decimal,
    write_note,
)


@dataclass(frozen=True, slots=True)
class Head:
    """How large a log is, and the root of its tree.

    Parameters
    ----------
    size :
        Number of entries.
    root :
        RFC 6962 SHA-256 root, 32 bytes.
    time :
        POSIX seconds at which the head was recorded, 0 where unknown.
    """

    size: int
    root: bytes
    time: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head with the signatures over it.

    Parameters
    ----------
    origin :
        The log's name.
    size, root :
        Its head.
    signatures :
        Of the log and its witnesses; see `check_checkpoint`.
    """

    origin: str
    size: int
    root: bytes
    signatures: tuple[NoteSignature, ...] = ()

    @property
    def head(self) -> Head:
        """Size and root alone."""
        return Head(self.size, self.root)

    def body(self) -> bytes:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()

    def to_bytes(self) -> bytes:
        """The signed note."""
        return write_note(self.body(), self.signatures)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signed note."""
        return sha256(self.to_bytes())

    @classmethod
    def parse(cls, data: bytes) -> Checkpoint:
        """Read a checkpoint strictly; its signatures are not verified yet.

        Raises
        ------
        VerificationError :
            Anything that `to_bytes` would not write: CRLF, a leading zero, an extension line,
            a doubled signature, base64 that could be written otherwise.
        """
        body, signatures = parse_note(data)
        lines = body[:-1].decode().split("\n")
        if len(lines) != 3:
            raise VerificationError(
                f"the checkpoint has {len(lines)} lines, not 3: extension lines are refused"
            )
        if not lines[0]:
            raise VerificationError("the checkpoint has no origin")
        root = strict_base64(lines[2], "checkpoint's root")
        if len(root) != 32:
            raise VerificationError(f"the checkpoint's root has {len(root)} bytes, not 32")
        size = strict_decimal(lines[1], "checkpoint's size")
        return cls(lines[0], size, root, signatures)


def sign_checkpoint(origin: str, head: Head, key: bytes) -> Checkpoint:
    """A checkpoint signed by the log's own Ed25519 key, given as its 32-byte seed."""
    check_name(origin)
    private = ed25519_key(key)
    checkpoint = Checkpoint(origin, head.size, head.root)
    note_key = NoteKey(origin, private.public_key().public_bytes_raw())
    signature = NoteSignature(origin, note_key.key_id, private.sign(checkpoint.body()))
    return replace(checkpoint, signatures=(signature,))


def check_checkpoint(
    checkpoint: Checkpoint,
    vkey: str,
    *,
    origin: str | None = None,
    witnesses: Sequence[str] = (),
    quorum: int = 0,
) -> None:
    """Check a checkpoint against pinned keys.

    Signatures of unknown keys are ignored; every signature of a known key must verify.

    Parameters
    ----------
    checkpoint :
        As it was parsed.
    vkey :
        The log's pinned verifier key.
    origin :
        The log's pinned origin; the name inside `vkey` where None.
    witnesses :
        Pinned verifier keys (type 0x04) of witnesses.
    quorum :
        How many of the witnesses must have cosigned.

    Raises
    ------
    VerificationError :
        Another origin, no or a false signature of the log, or too few witnesses.
    """
    key = NoteKey.from_vkey(vkey)
    wanted = key.name if origin is None else origin
    if checkpoint.origin != wanted:
        raise VerificationError(f"the checkpoint is of log {checkpoint.origin!r}, not {wanted!r}")
    if not _signed(checkpoint, key):
        raise VerificationError(f"the checkpoint is not signed by {key.name}+{key.key_id.hex()}")
    pinned = [NoteKey.from_vkey(witness) for witness in witnesses]
    if any(witness.kind != COSIGNATURE for witness in pinned):
        raise InputError("a witness's key has signature type 0x04", hint="see Witness.vkey")
    cosigned = {witness.public for witness in pinned if _signed(checkpoint, witness)}
    if len(cosigned) < quorum:
        raise VerificationError(f"{len(cosigned)} pinned witnesses cosigned, {quorum} must")


def cosigned_message(checkpoint: Checkpoint, time: int) -> bytes:
    """What a witness signs (C2SP tlog-cosignature, ``cosignature/v1``)."""
    return f"cosignature/v1\ntime {time}\n".encode() + checkpoint.body()


def _signed(checkpoint: Checkpoint, key: NoteKey) -> bool:
    """Whether `key` signed; a signature under its name and id that is false is an error."""
    for signature in checkpoint.signatures:
        if (signature.name, signature.key_id) != (key.name, key.key_id):
            continue
        if not _verifies(checkpoint, key, signature.signature):
            raise VerificationError(f"the checkpoint's signature by {key.name} is false")
        return True
    return False


def _verifies(checkpoint: Checkpoint, key: NoteKey, signature: bytes) -> bool:
    if key.kind != COSIGNATURE:
        return key.verifies(checkpoint.body(), signature)
    time = int.from_bytes(signature[:8], "big")
    if len(signature) != 72 or time >= 1 << 63:
        return False
    return key.verifies(cosigned_message(checkpoint, time), signature[8:])
