"""Accounts that have names instead of addresses, as banks and files write them."""

from __future__ import annotations

import hashlib
import re

from counterpoise.core.units import to_checksum

ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
LONGEST = 16


def address_of(text: str) -> bytes:
    """The 20 bytes that stand for an account.

    An address is itself. A name of up to 16 printable ASCII characters is written into the bytes,
    between four of its digest, so that `shown` gives it back and no two names look alike where
    people look at addresses; a longer one is known by its digest alone.

    Examples
    --------
    >>> shown(address_of("bank 7/20045"))
    'bank 7/20045'
    """
    if ADDRESS.fullmatch(text):
        return bytes.fromhex(text[2:])
    octets = text.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(octets, digest_size=20).digest()
    if not text or len(text) > LONGEST or not text.isascii() or not text.isprintable():
        return digest
    return digest[:2] + octets.ljust(LONGEST, b"\0") + digest[2:4]


def shown(address: bytes) -> str:
    """The name of an account where it has one, else its checksum address."""
    name = address[2:-2].rstrip(b"\0")
    if name and name.isascii() and address_of(name.decode()) == address:
        return name.decode()
    return to_checksum(address)
