"""Content that only one buyer can read, and that its sealer can show to an arbiter.

X25519 between a key of this one blob and the buyer's, HKDF-SHA256, AES-256-GCM. The blob's secret
belongs to this content alone; whoever is shown it can open the blob, and check that no other
content is in it: the two public keys stand in the blob and in what was agreed, and with them
there is one key of the cipher alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"counterpoise sealed 1\0"
_NONCE = bytes(12)  # each key of the cipher is used once


def public_key(secret: bytes) -> bytes:
    """Give the X25519 public key of a secret, 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def is_sealed(blob: bytes) -> bool:
    """Tell whether a blob was made by `seal`."""
    return blob.startswith(MAGIC)


def seal(content: bytes, secret: bytes, buyer: bytes, context: bytes) -> bytes:
    """Seal content to a buyer's public key; the blob is 70 bytes longer.

    Parameters
    ----------
    secret :
        Of this content alone.
    context :
        What it is for; for anything else it does not open.
    """
    head = MAGIC + public_key(secret)
    return head + _cipher(secret, buyer, head, context + buyer).encrypt(_NONCE, content, head)


def unseal(blob: bytes, secret: bytes, context: bytes) -> bytes:
    """Open a blob with the buyer's secret.

    Raises
    ------
    VerificationError :
        It was sealed to another key, or for something else, or was changed.
    """
    head = _head(blob)
    info = context + public_key(secret)
    return _opened(blob, _cipher(secret, head[len(MAGIC) :], head, info))


def unseal_shown(blob: bytes, shown: bytes, buyer: bytes, context: bytes) -> bytes:
    """Open a blob with its own secret, as a seller shows it to an arbiter.

    Raises
    ------
    VerificationError :
        The secret is not that of the blob, or the blob is not sealed to this buyer for this.
    """
    head = _head(blob)
    if public_key(shown) != head[len(MAGIC) :]:
        raise VerificationError("the secret that was shown is not the one of this blob")
    return _opened(blob, _cipher(shown, buyer, head, context + buyer))


def _head(blob: bytes) -> bytes:
    if not is_sealed(blob) or len(blob) < len(MAGIC) + 32 + 16:
        raise InputError("this is not sealed", hint="read it as it is")
    return blob[: len(MAGIC) + 32]


def _opened(blob: bytes, cipher: AESGCM) -> bytes:
    from cryptography.exceptions import InvalidTag

    head = _head(blob)
    try:
        return cipher.decrypt(_NONCE, blob[len(head) :], head)
    except InvalidTag:
        raise VerificationError(
            "what was sealed does not open",
            hint="it is sealed to another key, or for something else, or was changed",
        ) from None


def _cipher(secret: bytes, other: bytes, head: bytes, info: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    try:
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(
            X25519PublicKey.from_public_bytes(other)
        )
    except ValueError as wrong:
        raise InputError(f"no X25519 key: {wrong}", hint="a public key has 32 bytes") from wrong
    return AESGCM(HKDF(SHA256(), 32, salt=head, info=info).derive(shared))
