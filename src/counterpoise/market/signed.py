"""Statements of the market that one account signs: written, and read with who signed them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address, parse_address, to_checksum
from counterpoise.provenance import (
    AddressVerifier,
    Envelope,
    Signer,
    Statement,
    Subject,
    check_envelope,
    kind_of,
    predicate_type,
    sign,
)

MAX_BYTES = 32_768
"""Bytes of the longest envelope that is read: it must fit an entry of a log."""


def signed(
    kind: str, subject: Sequence[Subject], signer: Signer, time: int, nonce: bytes, /, **fields: Any
) -> bytes:
    """Give the envelope of a statement that `signer` makes.

    Fields that are None are left out, bytes are written as hex; `sign` checks them.
    """
    predicate: dict[str, Any] = {
        "actor": signer.keyid,
        "time": time,
        "nonce": nonce.hex(),
        "inputs": [],
    }
    for name, value in fields.items():
        if value is not None:
            predicate[name] = value.hex() if isinstance(value, bytes) else value
    statement = Statement(predicate_type(kind), tuple(subject), predicate)
    return sign(statement, signer).to_bytes()


def read_signed(data: bytes, kind: str) -> tuple[Statement, Address]:
    """Read an envelope, and give its statement with the address of the one account that signed.

    Raises
    ------
    InputError :
        It is no envelope, too long, of another kind, or not signed by one account alone.
    VerificationError :
        The signature is false, or another than the signer is named as who states it.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"a {kind} of {len(data)} bytes, at most {MAX_BYTES} are read")
    envelope = Envelope.from_bytes(data)
    if len(envelope.signatures) != 1:
        raise InputError(f"a {kind} is signed once, this {len(envelope.signatures)} times")
    keyid = envelope.signatures[0].keyid
    signer = parse_address(keyid)
    statement = check_envelope(envelope, [AddressVerifier(signer)])
    if kind_of(statement) != kind:
        raise InputError(f"a statement of type {statement.predicate_type}, no {kind}")
    if statement.predicate["actor"] != keyid:
        raise VerificationError(
            f"{statement.predicate['actor']} is named as who states it, {keyid} signed"
        )
    return statement, signer


def digest_in(statement: Statement, field: str) -> bytes | None:
    """Give a digest that a statement may carry."""
    found = statement.predicate.get(field)
    return None if found is None else bytes.fromhex(found)


def address_in(statement: Statement, field: str) -> Address | None:
    """Give an address that a statement may carry, its checksum not looked at."""
    found = statement.predicate.get(field)
    return None if found is None else bytes.fromhex(found[2:])


@lru_cache(maxsize=4096)
def written(address: Address) -> str:
    """Write an address with its checksum; the same few are written again and again."""
    return to_checksum(address)


def text_digest(text: str) -> bytes:
    """Give the SHA-256 of a text, as the subject of what has no digest of its own."""
    return sha256(text.encode())
