"""A buyer's side of evidence: whether a statement is about this very request and answer."""

from __future__ import annotations

from counterpoise.core.digest import sha256
from counterpoise.core.errors import VerificationError
from counterpoise.core.units import Address, to_checksum
from counterpoise.inference import input_commitment
from counterpoise.market.gateway.statements import answer_commitment, request_commitment
from counterpoise.provenance import AddressVerifier, Envelope, Statement, check_envelope, kind_of


def check_decision(
    entry: bytes,
    seller: Address,
    *,
    salt: bytes,
    answer: bytes,
    request: bytes | None = None,
    values: bytes | None = None,
    model: bytes | None = None,
) -> Statement:
    """Check what a seller stated of one answer; gives the statement.

    Parameters
    ----------
    entry :
        The signed envelope: an entry of the seller's log, or the header ``Decision-Envelope``.
    salt :
        32 bytes, from the header ``Decision-Salt``.
    answer :
        The body as it came; of an integer model its answer as `answer_bytes` writes it.
    request :
        32 bytes, see `request_digest`; where `values` are given instead, it was one row of bytes
        for an integer model.
    model :
        Digest of the model that was to answer; not looked at where None.

    Raises
    ------
    VerificationError :
        Another signed it, or it is about another request, answer or model.
    InputError :
        It is no statement.
    """
    statement = check_envelope(Envelope.from_bytes(entry), [AddressVerifier(seller)])
    said = statement.predicate
    if kind_of(statement) != "decision" or said["actor"] != to_checksum(seller):
        raise VerificationError("the statement is no decision of the seller")
    if (request is None) == (values is None):
        raise VerificationError("one of request and values is wanted")
    if values is not None:
        asked = input_commitment(salt, values)
    else:
        asked = request_commitment(salt, request or b"")
    answered = answer_commitment(salt, sha256(answer))
    for name, found, wanted in (
        ("request", said["input_commitment"], asked.hex()),
        ("answer", said.get("output_commitment"), answered.hex()),
        ("model", said["model"], said["model"] if model is None else model.hex()),
    ):
        if found != wanted:
            raise VerificationError(f"the seller stated another {name}")
    return statement
