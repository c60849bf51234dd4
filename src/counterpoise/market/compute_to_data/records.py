"""How the records of this room are written and read: canonical JSON, strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from counterpoise.core.digest import canonical_json
from counterpoise.core.errors import InputError
from counterpoise.core.json_text import read_json
from counterpoise.core.units import Address, parse_address, to_checksum


def read_object(data: bytes, what: str, most: int) -> dict[str, Any]:
    """Read one JSON object, which must be in canonical form, without floats.

    Parameters
    ----------
    most :
        Longest that is read, in bytes.

    Raises
    ------
    InputError :
        It is longer, nested too deep, no object, or not canonical.
    """
    if len(data) > most:
        raise InputError(f"a {what} of {len(data)} bytes, at most {most} wanted")
    try:
        record = read_json(data, parse_float=str)
    except ValueError as error:
        raise InputError(f"the {what} is no JSON: {error}") from error
    if not isinstance(record, dict) or canonical_json(record) != data:
        raise InputError(f"the {what} is no object in canonical JSON")
    return record


def digest_from(text: Any) -> bytes:
    """Read a digest in lower-case hex; a `ValueError` where it is none."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{text!r:.80} is no SHA-256 in hex")
    return bytes.fromhex(text)


def whole(value: Any) -> int:
    """Read a whole number from 0; a `ValueError` where it is none."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.40} is no whole number from 0")
    return value


def amount(text: Any) -> int:
    """Read an amount of base units, a decimal string; a `ValueError` where it is none."""
    if not isinstance(text, str) or not re.fullmatch(r"0|[1-9][0-9]{0,38}", text):
        raise ValueError(f"{text!r:.40} is no amount")
    return int(text)


def shown(found: Iterable[Address]) -> list[str]:
    """Write addresses with their checksums."""
    return [to_checksum(address) for address in found]


def addresses(texts: Any) -> tuple[Address, ...]:
    """Read a list of addresses."""
    if not isinstance(texts, list):
        raise ValueError("addresses are a list")
    return tuple(parse_address(text) for text in texts)
