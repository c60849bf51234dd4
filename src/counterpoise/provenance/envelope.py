"""DSSE: the envelope that carries a statement and its signatures over exact bytes.

See https://github.com/secure-systems-lab/dsse (v1). What is signed is the pre-authentication
encoding of the payload's bytes as they are: nothing is ever parsed and written again before a
signature is checked.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from counterpoise.core.digest import canonical_json
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance.predicates import check_fields
from counterpoise.provenance.signers import Signer, Verifier
from counterpoise.provenance.statement import PAYLOAD_TYPE, Statement, json_object

MAX_SIGNATURES = 16
KEPT = 1024
"""How many envelopes and statements are kept parsed."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: whose key, and its bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload of one type with one or more signatures.

    `to_bytes` writes canonical JSON, and `from_bytes` refuses anything else: an envelope is one
    byte string, so that its leaf in the log is one digest.
    """

    payload: bytes
    signatures: tuple[Signature, ...]
    payload_type: str = PAYLOAD_TYPE

    @property
    def statement(self) -> Statement:
        """The statement inside, unverified: see `check_envelope`."""
        return _statement(self.payload)

    def pae(self) -> bytes:
        """The bytes that every signature signs."""
        return pre_authentication_encoding(self.payload_type, self.payload)

    def to_bytes(self) -> bytes:
        """Canonical JSON of the envelope: the bytes of a log entry."""
        return canonical_json(
            {
                "payload": _base64(self.payload),
                "payloadType": self.payload_type,
                "signatures": [{"keyid": s.keyid, "sig": _base64(s.sig)} for s in self.signatures],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Envelope:
        """Read an envelope; any byte that `to_bytes` would not write is refused.

        Raises
        ------
        InputError :
            Not a DSSE envelope, not canonical, no signature, or more than `MAX_SIGNATURES`.
        """
        return _envelope(data)


@lru_cache(maxsize=KEPT)
def _envelope(data: bytes) -> Envelope:
    """Read an envelope; what was read lately is not read again."""
    match json_object(data, "envelope"):
        case {
            "payload": str(payload),
            "payloadType": str(payload_type),
            "signatures": list(listed),
        }:
            signatures = tuple(_signature(item) for item in listed)
            envelope = Envelope(_unbase64(payload, "payload"), signatures, payload_type)
        case _:
            raise InputError("an envelope needs payload, payloadType and signatures")
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise InputError(f"an envelope has {len(signatures)} signatures, not 1 to 16")
    if len({s.keyid for s in signatures}) != len(signatures):
        raise InputError("an envelope is signed twice by one key")
    if envelope.to_bytes() != data:
        raise InputError(
            "the envelope is not in canonical JSON", hint="keep the bytes as they were signed"
        )
    return envelope


@lru_cache(maxsize=KEPT)
def _statement(payload: bytes) -> Statement:
    """Read a statement; what was read lately is not read again."""
    return Statement.from_bytes(payload)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE: ``DSSEv1 len(type) type len(body) body``, lengths in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(statement: Statement, *signers: Signer) -> Envelope:
    """Put a statement in an envelope signed by each signer.

    Examples
    --------
    >>> from counterpoise.provenance import Ed25519Signer, Subject, build_statement, check_envelope
    >>> signer = Ed25519Signer(bytes(32))
    >>> statement = build_statement("join", [Subject("task", bytes(32))], actor=signer.keyid,
    ...     time=1, nonce=bytes(16), job=1, dataset=bytes(32), stake="1000")
    >>> check_envelope(sign(statement, signer), [signer.verifier]) == statement
    True
    """
    if not signers:
        raise InputError("an envelope needs at least one signer")
    check_fields(statement)
    envelope = Envelope(statement.to_bytes(), ())
    for signer in signers:
        envelope = add_signature(envelope, signer)
    return envelope


def add_signature(envelope: Envelope, signer: Signer) -> Envelope:
    """The same envelope with one more signature over the same bytes."""
    if any(s.keyid == signer.keyid for s in envelope.signatures):
        raise InputError(f"the envelope is already signed by {signer.keyid}")
    signature = Signature(signer.keyid, signer.sign(envelope.pae()))
    return replace(envelope, signatures=(*envelope.signatures, signature))


def check_envelope(
    envelope: Envelope, keys: Iterable[Verifier], *, threshold: int = 1
) -> Statement:
    """The statement of an envelope, once enough pinned keys have signed its exact bytes.

    The policy: signatures of keys that are not pinned are ignored; a signature of a pinned key
    that does not verify condemns the envelope, whatever the others say; at least `threshold`
    different pinned keys must have signed.

    Parameters
    ----------
    envelope :
        As it was received.
    keys :
        The pinned keys.
    threshold :
        How many of them must have signed.

    Raises
    ------
    VerificationError :
        A pinned key's signature is false, or too few of them signed.
    InputError :
        The payload is not a statement, or its predicate lacks what its type requires.
    """
    known = {key.keyid: key for key in keys}
    pae, good = envelope.pae(), set()
    for signature in envelope.signatures:
        key = known.get(signature.keyid)
        if key is None:
            continue
        if not key.verifies(pae, signature.sig):
            raise VerificationError(f"the envelope's signature by {signature.keyid} is false")
        good.add(signature.keyid)
    if len(good) < max(threshold, 1):
        signed = ", ".join(s.keyid for s in envelope.signatures) or "nobody"
        raise VerificationError(
            f"{len(good)} of the pinned keys signed the envelope, {max(threshold, 1)} must",
            hint=f"it is signed by {signed}",
        )
    if envelope.payload_type != PAYLOAD_TYPE:
        raise InputError(f"the payload's type is {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}")
    statement = envelope.statement
    check_fields(statement)
    return statement


def _signature(item: Any) -> Signature:
    match item:
        case {"keyid": str(keyid), "sig": str(sig)}:
            return Signature(keyid, _unbase64(sig, "signature"))
    raise InputError("a signature needs keyid and sig")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise InputError(f"the envelope's {what} is not base64") from wrong
