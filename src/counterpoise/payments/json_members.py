"""Reads members of JSON objects strictly; an `InputError` names the member and what was wanted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address, to_checksum

Json = Mapping[str, Any]


def json_object(value: object, name: str) -> dict[str, Any]:
    """Give a JSON object, or say what else was found."""
    if not isinstance(value, dict):
        raise InputError(f"{name}: an object was wanted, {type(value).__name__} was found")
    return cast("dict[str, Any]", value)


def text_in(source: Json, member: str, name: str) -> str:
    """Give a text of 1 to 2,048 characters."""
    value = source.get(member)
    if not isinstance(value, str) or not 0 < len(value) <= 2048:
        raise InputError(f"{name}.{member}: a text was wanted")
    return value


def amount_in(source: Json, member: str, name: str, bits: int = 256) -> int:
    """Give an amount, which x402 writes in decimal digits as a text."""
    value = source.get(member)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 78:
        amount = int(value)
        if amount < 1 << bits:
            return amount
    raise InputError(f"{name}.{member}: decimal digits below 2**{bits} were wanted")


def whole_in(source: Json, member: str, name: str, bits: int = 64) -> int:
    """Give a whole number that is not negative, as JSON writes it or as a text."""
    value = source.get(member)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << bits:
        return value
    return amount_in(source, member, name, bits)


def bytes_in(source: Json, member: str, name: str, length: int | None = None) -> bytes:
    """Give bytes that are written as 0x and hex digits, of one length if that is given."""
    value: Any = source.get(member)
    if isinstance(value, str) and value.startswith("0x"):
        try:
            found = bytes.fromhex(value[2:])
        except ValueError:
            found = b""
        # The standard library passes over spaces between the digits; x402 has none.
        if 2 * len(found) == len(value) - 2 and length in (None, len(found)):
            return found
    wanted = "hex digits after 0x" if length is None else f"0x and {2 * length} hex digits"
    raise InputError(f"{name}.{member}: {wanted} were wanted")


@lru_cache(maxsize=16_384)
def checksummed(address: Address) -> str:
    """Write an address with the case of its letters as checksum (EIP-55)."""
    return to_checksum(address)


def address_in(source: Json, member: str, name: str) -> Address:
    """Give an address; the case of its letters is not looked at, as x402 does not."""
    return bytes_in(source, member, name, 20)
