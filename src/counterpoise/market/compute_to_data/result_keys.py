"""Keys of sealed results: they follow from the buyer's account and the owner's secret."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from counterpoise.chain import Account
from counterpoise.market.sealing import seal

LABEL = b"counterpoise sealed result v2"


def opening_key(buyer: Account) -> bytes:
    """Give the secret that opens what is sealed to a buyer: 32 bytes."""
    return _derived(buyer.key, LABEL + b" key")


def sealed_result(result: bytes, to: bytes, request: bytes, owner: bytes) -> bytes:
    """Seal a result to its buyer; the same blob again when it is done again.

    Parameters
    ----------
    to :
        The buyer's public key.
    request :
        Digest of the request: the seal opens for it alone.
    owner :
        The owner's secret, from which that of this one seal follows.
    """
    return seal(result, _derived(owner, LABEL + request + to), to, request)


def _derived(secret: bytes, label: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, label).derive(secret)
