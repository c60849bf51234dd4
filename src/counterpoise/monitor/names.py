"""Accounts that have names instead of addresses, as banks and files write them."""

from __future__ import annotations

import hashlib
import re

from counterpoise.core.units import to_checksum

ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
SIZE = 20


def address_of(text: str) -> bytes:
    r"""The 20 bytes that stand for an account.

    An address is itself. A name of up to 19 printable ASCII characters is written into the bytes,
    so that `shown` gives it back; a longer one is known by its digest alone.

    Examples
    --------
    >>> address_of("bank 7/20045")
    b'bank 7/20045\x00\x00\x00\x00\x00\x00\x00\x00'
    >>> shown(address_of("bank 7/20045"))
    'bank 7/20045'
    """
    if ADDRESS.fullmatch(text):
        return bytes.fromhex(text[2:])
    if text and len(text) < SIZE and text.isascii() and text.isprintable():
        return text.encode().ljust(SIZE, b"\0")
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()


def shown(address: bytes) -> str:
    """The name of an account where it has one, else its checksum address."""
    name = address.rstrip(b"\0")
    if name and len(name) < SIZE and name.isascii() and (text := name.decode()).isprintable():
        return text
    return to_checksum(address)
