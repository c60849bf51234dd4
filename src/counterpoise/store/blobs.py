"""Blobs by digest: what is fetched is what was put, or an error."""

import hashlib
from pathlib import Path

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.store.place import open_place

DIGEST_BYTES = 32


class Store:
    """A content-addressed store: each blob is kept under its SHA-256.

    Parameters
    ----------
    url :
        A local folder, or any fsspec URL (``memory://name``, ``s3://bucket/prefix``, ...). Several
        processes may use one at once. Nobody behind it is trusted: every fetch is checked.

    Examples
    --------
    >>> store = Store("memory://readme")
    >>> digest = store.put(b"a model")
    >>> store.fetch(digest)
    b'a model'
    """

    def __init__(self, url: str | Path) -> None:
        self._place = open_place(url)

    def put(self, data: bytes) -> bytes:
        """Keep `data` and return its SHA-256; atomic, idempotent, durable after `flush`.

        Raises
        ------
        StorageError :
            The disk is full or failed; everything put before is intact.
        """
        digest = hashlib.sha256(data).digest()
        self._place.replace(_name(digest), data)
        return digest

    def fetch(self, digest: bytes, *, max_bytes: int | None = None) -> bytes:
        """Return the blob of this digest.

        Parameters
        ----------
        digest :
            Its SHA-256, 32 bytes.
        max_bytes :
            Refuse a longer blob before reading it.

        Raises
        ------
        InputError :
            There is no such blob, or it is too long.
        VerificationError :
            What is kept under this digest is something else. Putting the blob again repairs it.
        """
        data = self._place.read(_name(digest), max_bytes)
        found = hashlib.sha256(data).digest()
        if found != digest:
            raise VerificationError(
                f"the blob kept as {digest.hex()} in {self._place.where} has digest {found.hex()}",
                hint="put the right blob again, or fetch it from another store",
            )
        return data

    def has(self, digest: bytes) -> bool:
        """Say whether a blob is kept under this digest, without reading it."""
        return self._place.has(_name(digest))

    def delete(self, digest: bytes) -> bool:
        """Delete a blob; say whether there was one. Durable after `flush`."""
        return self._place.remove(_name(digest))

    def flush(self) -> None:
        """Return once everything put or deleted so far survives a loss of power.

        Raises
        ------
        StorageError :
            The disk failed: the message names the blobs to put again; all flushed before is
            intact.
        """
        self._place.flush()


def _name(digest: bytes) -> str:
    if len(digest) != DIGEST_BYTES:
        raise InputError(f"a digest has {DIGEST_BYTES} bytes, this one has {len(digest)}")
    text = digest.hex()
    return f"{text[:2]}/{text[2:4]}/{text}"
