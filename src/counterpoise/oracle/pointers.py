"""Blobs found by a name that they prove themselves: inputs by commitment, models by id.

The store keeps blobs by SHA-256, the chain names inputs and models by Keccak commitments. A pointer
is a letter in the mailbox that leads from one to the other. Anyone may post pointers, true or
false, and nobody needs to be believed: what a pointer leads to either has the name or is passed
over.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.inference import (
    IntegerModel,
    input_commitment,
    model_bytes,
    model_from_bytes,
)
from counterpoise.store import Mailbox, Store

SALT_BYTES = 32
MAX_INPUTS = 65_535
MAX_MODEL_BYTES = 1 << 26
MAX_TRIED = 256
"""How many pointers of one name are followed; false ones cost a look each."""


class Pointers:
    """Pointers from 32-byte names to blobs, under one topic of a mailbox.

    Parameters
    ----------
    topic :
        Such as ``oracle-input``.
    """

    def __init__(self, store: Store, mailbox: Mailbox, topic: str) -> None:
        self.store, self.mailbox, self.topic = store, mailbox, topic

    def put(self, name: bytes, blob: bytes) -> bytes:
        """Keep a blob and point to it; gives its SHA-256. Durable when it returns."""
        digest = self.store.put(blob)
        self.store.flush()
        self.mailbox.post(f"{self.topic}/{name.hex()}", digest.hex(), b"")
        return digest

    def digests(self, name: bytes) -> list[bytes]:
        """Give where the pointers of a name lead."""
        found = self.mailbox.list(f"{self.topic}/{name.hex()}")[:MAX_TRIED]
        return [bytes.fromhex(text) for text in found if _is_digest(text)]

    def blobs(self, digests: list[bytes], max_bytes: int) -> Iterator[bytes]:
        """Fetch those of some blobs that are there, whole and not too long."""
        for digest in digests:
            try:
                yield self.store.fetch(digest, max_bytes=max_bytes)
            except (InputError, VerificationError):
                continue  # somebody's false pointer


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


class Inbox:
    """The inputs that questions commit to, in clear, for those who are to answer.

    A blob is the salt and the bytes. Whoever can read the store can read it: use a private folder,
    or a bucket that only nodes may read, for what must not be public.

    Examples
    --------
    >>> inbox = Inbox(Store("memory://inputs"), Mailbox("memory://input-mail"))
    >>> commitment = inbox.put(bytes(32), bytes([3, 250]))
    >>> inbox.fetch(commitment, inputs=2)[1].hex()
    '03fa'
    """

    def __init__(self, store: Store, mailbox: Mailbox) -> None:
        self._pointers = Pointers(store, mailbox, "oracle-input")

    def put(self, salt: bytes, values: bytes) -> bytes:
        """Keep an input for those who answer; gives the commitment to ask with.

        Parameters
        ----------
        salt :
            32 random bytes; without them a guess at the input can be checked.
        values :
            One byte a feature, as the model's quantiser gives them.
        """
        check_input(salt, values)
        commitment = input_commitment(salt, values)
        self._pointers.put(commitment, salt + values)
        return commitment

    def reference(self, salt: bytes, values: bytes) -> bytes:
        """Give the SHA-256 under which an input is kept, to name it in a request."""
        check_input(salt, values)
        return self._pointers.store.put(salt + values)

    def fetch(
        self, commitment: bytes, *, inputs: int, reference: bytes = bytes(32)
    ) -> tuple[bytes, bytes]:
        """Fetch salt and bytes of a committed input.

        Parameters
        ----------
        inputs :
            How many bytes the model wants.
        reference :
            SHA-256 of the blob as the request names it; zeros where it names none.

        Raises
        ------
        InputError :
            No blob there opens the commitment.
        VerificationError :
            One does, and has not as many bytes as the model wants.
        """
        named = [reference] if any(reference) else []
        for digests in (named, self._pointers.digests(commitment)):
            for blob in self._pointers.blobs(digests, SALT_BYTES + MAX_INPUTS):
                salt, values = blob[:SALT_BYTES], blob[SALT_BYTES:]
                if len(blob) <= SALT_BYTES or input_commitment(salt, values) != commitment:
                    continue
                if len(values) != inputs:
                    raise VerificationError(
                        f"the input has {len(values)} bytes, the model wants {inputs}",
                        hint="quantise it with the model's own quantiser, and ask again",
                    )
                return salt, values
        raise InputError(
            f"no blob of this store opens the commitment {commitment.hex()}",
            hint="the client puts the input with `counterpoise oracle ask`, or Inbox.put",
        )

    def forget(self, commitment: bytes) -> int:
        """Delete the blobs that pointers of a commitment lead to; gives how many there were.

        What the chain keeps is the commitment alone, which tells nothing without the salt.
        """
        store = self._pointers.store
        deleted = sum(store.delete(digest) for digest in self._pointers.digests(commitment))
        store.flush()
        return deleted


class ModelShelf:
    """Model files by model id."""

    def __init__(self, store: Store, mailbox: Mailbox) -> None:
        self._pointers = Pointers(store, mailbox, "oracle-model")

    def put(self, model: IntegerModel) -> bytes:
        """Keep a model's file; gives its SHA-256."""
        return self._pointers.put(model.id, model_bytes(model))

    def fetch(self, model: bytes) -> IntegerModel:
        """Fetch the model of an id; what is found has that id, whoever put it.

        Raises
        ------
        InputError :
            No file there is that model.
        """
        digests = self._pointers.digests(model)
        for blob in self._pointers.blobs(digests, MAX_MODEL_BYTES):
            try:
                found = model_from_bytes(blob)
            except (InputError, VerificationError):
                continue  # somebody's false pointer
            if found.id == model:
                return found
        raise InputError(
            f"no file of this store is the model {model.hex()}",
            hint="its owner puts it there with publish_model",
        )


def check_input(salt: bytes, values: bytes) -> None:
    """Refuse a salt that has not 32 bytes, or an input that no model takes."""
    if len(salt) != SALT_BYTES or not 1 <= len(values) <= MAX_INPUTS:
        raise InputError(
            f"a salt of {len(salt)} bytes and an input of {len(values)}",
            hint=f"give 32 random bytes, and 1..{MAX_INPUTS} bytes of input",
        )
