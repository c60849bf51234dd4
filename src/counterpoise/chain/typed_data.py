"""Typed data to sign, as EIP-712 defines it, by hand: no JSON, one domain hash per domain.

References
----------
EIP-712, Typed structured data hashing and signing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError

DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature is good: one contract, on one chain, under one name and version."""

    name: str
    version: str
    chain_id: int
    contract: bytes

    def separator(self) -> bytes:
        """Give the domain's hash, computed once."""
        return _separator(self)


@cache
def _separator(domain: Domain) -> bytes:
    values = (domain.name, domain.version, domain.chain_id, domain.contract)
    return struct_hash(DOMAIN_TYPE, values)


def struct_hash(type_string: str, values: Sequence[Any]) -> bytes:
    """Hash a struct.

    Parameters
    ----------
    type_string :
        The encoded type, such as ``"Mail(address to,bytes32 topic)"``.
    values :
        One per member. A member that is itself a struct is given as its 32-byte struct hash.

    >>> struct_hash("Empty()", ()).hex()[:8]
    'd0c92211'
    """
    type_hash, kinds = _parsed(type_string)
    if len(kinds) != len(values):
        raise InputError(f"{len(values)} values were given for {type_string}")
    words = [_word(kind, value) for kind, value in zip(kinds, values, strict=True)]
    return keccak(type_hash + b"".join(words))


def eip712_digest(domain: Domain, type_string: str, values: Sequence[Any]) -> bytes:
    """Give the 32 bytes that are signed for a struct in a domain."""
    return keccak(b"\x19\x01" + domain.separator() + struct_hash(type_string, values))


@cache
def _parsed(type_string: str) -> tuple[bytes, tuple[str, ...]]:
    head, _, rest = type_string.partition("(")
    body, closed, _ = rest.partition(")")
    members = [member.split(" ") for member in body.split(",") if member]
    if not head or not closed or any(len(member) != 2 for member in members):
        raise InputError(
            f"{type_string!r} is no EIP-712 type", hint='write "Name(address to,uint256 amount)"'
        )
    return keccak(type_string.encode()), tuple(kind for kind, _ in members)


def _word(kind: str, value: Any) -> bytes:
    """Give a member's 32 bytes: dynamic members by their hash, arrays by that of their words."""
    if kind.endswith("]"):
        inner = kind.rpartition("[")[0]
        return keccak(b"".join(_word(inner, part) for part in value))
    if kind == "string":
        return keccak(value.encode())
    if kind == "bytes":
        return keccak(value)
    size = 20 if kind == "address" else int(kind[5:]) if kind.startswith("bytes") else 0
    if size:
        return _check_size(kind, value, size)
    if kind.startswith(("uint", "int", "bool")):
        return _integer(kind, value)
    return _check_size(kind, value, 32)


def _check_size(kind: str, value: bytes, size: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != size:
        raise InputError(f"{value!r} is no {kind}: {size} bytes are wanted")
    return value.rjust(32, b"\0") if kind == "address" else value.ljust(32, b"\0")


def _integer(kind: str, value: int) -> bytes:
    signed = kind.startswith("int")
    bits = 1 if kind == "bool" else int(kind.lstrip("uint") or 256)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    if not isinstance(value, int) or not low <= value < high:
        raise InputError(f"{value!r} is no {kind}")
    return value.to_bytes(32, "big", signed=signed)
