"""The public key of an account."""

from __future__ import annotations

from counterpoise.chain import Account


def public_key(account: Account) -> bytes:
    """Give x and y of the account's point on secp256k1, 64 bytes."""
    from coincurve import PrivateKey

    return bytes(PrivateKey(account.key).public_key.format(compressed=False)[1:])
