"""Units of the network: parts per million, tokens, and the written form of addresses."""

import re
from typing import TypeAlias

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError

PPM = 1_000_000
"""Parts of a whole in which scores and fees are counted."""

DECIMALS = 18
TOKEN: int = 10**DECIMALS
"""Base units in one token."""

Address: TypeAlias = bytes
"""The 20 bytes of an account or a contract."""


def format_tokens(amount: int) -> str:
    """Write an amount of base units as tokens, exactly and without trailing zeros.

    Examples
    --------
    >>> format_tokens(1_500_000_000_000_000_000)
    '1.5'
    >>> format_tokens(-1)
    '-0.000000000000000001'
    """
    whole, part = divmod(abs(amount), TOKEN)
    fraction = f"{part:0{DECIMALS}d}".rstrip("0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def parse_tokens(text: str) -> int:
    """Read an amount of tokens, such as ``"1.5"``, as base units.

    Raises
    ------
    InputError :
        The text is no plain non-negative decimal number, or has more than 18 decimals.
    """
    found = re.fullmatch(r"([0-9]{1,60})(?:\.([0-9]+))?", text.strip(), re.ASCII)
    if found is None:
        raise InputError(f"{text!r} is no amount of tokens", hint="write a number such as 12.5")
    whole, fraction = found[1], found[2] or ""
    if len(fraction) > DECIMALS:
        raise InputError(f"{text!r} has {len(fraction)} decimals, at most {DECIMALS} wanted")
    return int(whole) * TOKEN + int(fraction.ljust(DECIMALS, "0"))


def to_checksum(address: Address) -> str:
    """Write an address in hex with the checksum of EIP-55.

    Raises
    ------
    InputError :
        The address is not 20 bytes long.
    """
    if len(address) != 20:
        raise InputError(f"an address of {len(address)} bytes, 20 wanted")
    digits = address.hex()
    mask = keccak(digits.encode()).hex()
    pairs = zip(digits, mask, strict=False)
    return "0x" + "".join(d.upper() if int(m, 16) >= 8 else d for d, m in pairs)


def parse_address(text: str) -> Address:
    """Read an address in hex; mixed case must carry a right EIP-55 checksum.

    Raises
    ------
    InputError :
        The text is not 0x and 40 hex digits, or its checksum is wrong.
    """
    if re.fullmatch(r"0x[0-9a-fA-F]{40}", text) is None:
        raise InputError(f"{text!r} is no address", hint="write 0x and 40 hex digits")
    address = bytes.fromhex(text[2:])
    digits = text[2:]
    plain = digits == digits.lower() or digits == digits.upper()
    if not plain and to_checksum(address) != text:
        raise InputError(
            f"the checksum of {text} is wrong", hint="copy the address again, or check each letter"
        )
    return address
