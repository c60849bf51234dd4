"""Results that only their buyer can read: X25519, HKDF and ChaCha20-Poly1305."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError

LABEL = b"counterpoise sealed result v1"
NONCE = bytes(12)
"""Each key seals one message, so one nonce does."""


def seal_key(buyer: Account) -> X25519PrivateKey:
    """Give the key to which a buyer lets results be sealed; it follows from the account's."""
    return X25519PrivateKey.from_private_bytes(_derived(buyer.key, LABEL + b" key"))


def public_part(key: X25519PrivateKey) -> bytes:
    """Give what a request names, 32 bytes."""
    return key.public_key().public_bytes_raw()


def sealed(data: bytes, to: bytes, request: bytes, secret: bytes) -> bytes:
    """Seal a result; the same again when it is done again.

    Parameters
    ----------
    to :
        The buyer's public key.
    request :
        Digest of the request: the seal opens for it alone.
    secret :
        The owner's; the key of this one seal follows from it.
    """
    own = X25519PrivateKey.from_private_bytes(_derived(secret, LABEL + request + to))
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(to))
    except ValueError as error:
        raise InputError("the key to seal to is none") from error
    public = public_part(own)
    key = _derived(shared, LABEL + public + to)
    return public + ChaCha20Poly1305(key).encrypt(NONCE, data, request)


def opened(blob: bytes, key: X25519PrivateKey, request: bytes) -> bytes:
    """Open what was sealed for a request.

    Raises
    ------
    VerificationError :
        It is sealed to another key or for another request, or was changed.
    """
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(blob[:32]))
        derived = _derived(shared, LABEL + blob[:32] + public_part(key))
        return ChaCha20Poly1305(derived).decrypt(NONCE, blob[32:], request)
    except (InvalidTag, ValueError) as error:
        raise VerificationError(
            "the result is not sealed to this key for this request", hint="give the buyer's key"
        ) from error


def _derived(secret: bytes, label: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, label).derive(secret)
