"""A witness: cosigns a log's checkpoints, and never two that fork (C2SP tlog-witness)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from counterpoise.core.errors import InputError, StorageError, VerificationError
from counterpoise.core.merkle import EMPTY_ROOT, check_consistency
from counterpoise.provenance.checkpoint import (
    Checkpoint,
    Head,
    check_checkpoint,
    cosigned_message,
)
from counterpoise.provenance.note import COSIGNATURE, NoteKey, NoteSignature, ed25519_key


class Witness:
    """Remembers the largest head of each log it knows, durably, and cosigns what continues it.

    Parameters
    ----------
    folder :
        Where the heads are kept.
    name :
        The witness's name: a URL without schema.
    key :
        Seed of its Ed25519 key, 32 bytes; used for nothing else.
    logs :
        Pinned verifier keys of the logs it follows.
    """

    def __init__(self, folder: Path | str, *, name: str, key: bytes, logs: Sequence[str]) -> None:
        self._folder = Path(folder)
        self._key = ed25519_key(key)
        self._note_key = NoteKey(name, self._key.public_key().public_bytes_raw(), COSIGNATURE)
        self._logs = {NoteKey.from_vkey(vkey).name: vkey for vkey in logs}

    @property
    def vkey(self) -> str:
        """The verifier key to pin, of signature type 0x04."""
        return self._note_key.vkey

    def head(self, origin: str) -> Head:
        """Give the largest head seen of one log; size 0 where none was."""
        try:
            record = json.loads(self._place(origin).read_text())
        except FileNotFoundError:
            return Head(0, EMPTY_ROOT)
        except (OSError, ValueError) as wrong:
            raise StorageError(f"the witness's head of {origin} cannot be read") from wrong
        return Head(record["size"], bytes.fromhex(record["root"]))

    def cosign(self, note: bytes, proof: Sequence[bytes], *, time: int) -> NoteSignature:
        """Cosign a checkpoint that continues what was seen; remember it first.

        Parameters
        ----------
        note :
            The signed checkpoint.
        proof :
            Consistency from the witness's head to the checkpoint.
        time :
            POSIX seconds.

        Raises
        ------
        InputError :
            The witness does not follow this log.
        VerificationError :
            The log did not sign it, or it does not continue the head that was seen.
        """
        checkpoint = Checkpoint.parse(note)
        if checkpoint.origin not in self._logs:
            raise InputError(f"the witness does not follow {checkpoint.origin!r}")
        check_checkpoint(checkpoint, self._logs[checkpoint.origin])
        seen = self.head(checkpoint.origin)
        if checkpoint.size < seen.size:
            raise VerificationError(
                f"{checkpoint.origin} has shrunk from {seen.size} entries to {checkpoint.size}"
            )
        check_consistency(seen.size, checkpoint.size, proof, seen.root, checkpoint.root)
        self._remember(checkpoint)
        signature = self._key.sign(cosigned_message(checkpoint, time))
        stamped = time.to_bytes(8, "big") + signature
        return NoteSignature(self._note_key.name, self._note_key.key_id, stamped)

    def _remember(self, checkpoint: Checkpoint) -> None:
        place = self._place(checkpoint.origin)
        fresh = place.with_suffix(".new")
        record = {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
        }
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("w") as file:
                json.dump(record, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(place)
            folder = os.open(place.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as failed:
            raise StorageError(f"the witness cannot remember: {failed.strerror}") from failed

    def _place(self, origin: str) -> Path:
        return self._folder / f"{origin.encode().hex()}.json"


def add_cosignature(checkpoint: Checkpoint, cosignature: NoteSignature) -> Checkpoint:
    """Give the same checkpoint with a witness's signature line."""
    return replace(checkpoint, signatures=(*checkpoint.signatures, cosignature))
