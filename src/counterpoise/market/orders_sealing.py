"""Deliverables that only the buyer can read, and that either party can show to an arbiter.

X25519 between a key of this delivery and the buyer's, HKDF-SHA256, AES-256-GCM. The delivery's
secret follows from the seller's key and the content, so nothing is kept; whoever is shown it can
open the blob, and check that no other content is in it: the two public keys stand in the blob and
in the order, and with them there is one key of the cipher alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterpoise.chain import Account
from counterpoise.core.digest import keccak, sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"counterpoise sealed 1\0"
_NONCE = bytes(12)  # each key of the cipher is used once


@dataclass(frozen=True, slots=True)
class Place:
    """The order that a delivery is for; a blob that was sealed for another does not open."""

    chain_id: int
    escrow: Address
    order: int

    def to_bytes(self) -> bytes:
        """Give 84 bytes that name it."""
        return self.chain_id.to_bytes(32, "big") + self.escrow + self.order.to_bytes(32, "big")


def opening_secret(buyer: Account, chain_id: int, escrow: Address) -> bytes:
    """Derive a buyer's secret for one escrow from its account: 32 bytes that nobody else has."""
    place = Place(chain_id, escrow, 0).to_bytes()
    return sha256(buyer.sign_digest(keccak(b"counterpoise opening secret\0" + place)))


def delivery_secret(seller: Account, place: Place, content: bytes) -> bytes:
    """Derive the secret of one delivery; showing it opens that delivery and no other."""
    seed = b"counterpoise delivery secret\0" + place.to_bytes() + sha256(content)
    return sha256(seller.sign_digest(keccak(seed)))


def public_key(secret: bytes) -> bytes:
    """Give the X25519 public key of a secret, 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def is_sealed(blob: bytes) -> bool:
    """Tell whether a blob was made by `seal`."""
    return blob.startswith(MAGIC)


def seal(content: bytes, secret: bytes, buyer: bytes, place: Place) -> bytes:
    """Seal content to a buyer's public key; the blob is 70 bytes longer.

    Parameters
    ----------
    secret :
        Of this delivery alone.
    """
    head = MAGIC + public_key(secret)
    return head + _cipher(secret, buyer, head, place.to_bytes() + buyer).encrypt(
        _NONCE, content, head
    )


def unseal(blob: bytes, secret: bytes, place: Place) -> bytes:
    """Open a blob with the buyer's secret.

    Raises
    ------
    VerificationError :
        It was sealed for another, or for another order, or was changed.
    """
    head = _head(blob)
    info = place.to_bytes() + public_key(secret)
    return _opened(blob, _cipher(secret, head[len(MAGIC) :], head, info))


def unseal_shown(blob: bytes, shown: bytes, buyer: bytes, place: Place) -> bytes:
    """Open a blob with its delivery's secret, as a seller shows it to an arbiter.

    Raises
    ------
    VerificationError :
        The secret is not that of the blob, or the blob is not sealed for this buyer and order.
    """
    head = _head(blob)
    if public_key(shown) != head[len(MAGIC) :]:
        raise VerificationError("the secret that was shown is not the one of this delivery")
    return _opened(blob, _cipher(shown, buyer, head, place.to_bytes() + buyer))


def _head(blob: bytes) -> bytes:
    if not is_sealed(blob) or len(blob) < len(MAGIC) + 32 + 16:
        raise InputError("this deliverable is not sealed", hint="read it as it is")
    return blob[: len(MAGIC) + 32]


def _opened(blob: bytes, cipher: AESGCM) -> bytes:
    from cryptography.exceptions import InvalidTag

    head = _head(blob)
    try:
        return cipher.decrypt(_NONCE, blob[len(head) :], head)
    except InvalidTag:
        raise VerificationError(
            "the deliverable does not open",
            hint="it was sealed for another key or order, or was changed: object to it",
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
