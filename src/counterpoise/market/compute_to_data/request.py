"""What a buyer asks for: a signed statement, which the escrow that pays for it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address, parse_address, to_checksum
from counterpoise.market.compute_to_data.records import amount, digest_from, whole
from counterpoise.provenance import (
    AddressVerifier,
    Envelope,
    Statement,
    Subject,
    build_statement,
    check_envelope,
    kind_of,
)

KIND = "data-request"
MAX_CONDITIONS = 8
MARK = "data-request "


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows whose value in `column` is from `least` to `most`, in the dataset's integers."""

    column: str
    least: int
    most: int

    def to_record(self) -> dict[str, Any]:
        """Give it as a request tells it."""
        return {"column": self.column, "least": self.least, "most": self.most}


@dataclass(frozen=True)
class Request:
    """One job for one owner's node.

    Parameters
    ----------
    owner, buyer :
        Who answers, who asks.
    chain_id, escrow :
        Where it is paid: the chain, and its ``Jobs``.
    policy, algorithm :
        Digests of the policy that the buyer has read, and of the manifest.
    purpose :
        One of the policy's.
    columns :
        What the job uses of each row.
    where :
        Which rows: those that meet all conditions.
    parameters :
        As the manifest declares them.
    price :
        What the escrow holds at least, in base units.
    until :
        Unix time after which it is no longer to be run.
    noise :
        Millionths of an epsilon that it may spend, 0 where the policy has no noise.
    seal :
        X25519 key that the result is sealed to; empty where results are public.
    consent :
        Digest of the owner's consent statement, where the policy asks for one.
    """

    owner: Address
    buyer: Address
    chain_id: int
    escrow: Address
    policy: bytes
    algorithm: bytes
    purpose: str
    columns: tuple[str, ...]
    parameters: dict[str, Any]
    price: int
    until: int
    where: tuple[Condition, ...] = ()
    noise: int = 0
    seal: bytes = b""
    consent: bytes = b""
    digest: bytes = field(default=b"", compare=False)

    def statement(self, now: int, nonce: bytes) -> Statement:
        """State it; the digest of this statement names the request from here on."""
        plain = {
            "chain_id": self.chain_id,
            "escrow": to_checksum(self.escrow),
            "columns": list(self.columns),
            "parameters": self.parameters,
            "price": str(self.price),
            "where": [one.to_record() for one in self.where],
            "noise": self.noise,
            "seal": self.seal.hex(),
            "consent": self.consent.hex(),
        }
        return build_statement(
            KIND,
            [Subject("policy", self.policy)],
            actor=to_checksum(self.buyer),
            time=now,
            nonce=nonce,
            inputs=[
                {"sha256": self.policy, "role": "policy"},
                {"sha256": self.algorithm, "role": "algorithm"},
            ],
            owner=to_checksum(self.owner),
            policy=self.policy,
            algorithm=self.algorithm,
            purpose=self.purpose,
            until=self.until,
            **plain,
        )

    @classmethod
    def from_envelope(cls, envelope: Envelope) -> Request:
        """Read a signed request.

        Raises
        ------
        VerificationError :
            Its signature is false, or it is not signed by who states it.
        InputError :
            It is no request.
        """
        if len(envelope.signatures) != 1:
            raise InputError("a request has one signature, its buyer's")
        buyer = parse_address(envelope.signatures[0].keyid)
        statement = check_envelope(envelope, [AddressVerifier(buyer)])
        if kind_of(statement) != KIND:
            raise InputError(f"a {KIND} statement was wanted, not {statement.predicate_type}")
        if statement.predicate["actor"] != to_checksum(buyer):
            raise VerificationError("the request is stated by another than its signer")
        return request_of(statement)


def request_of(statement: Statement) -> Request:
    """Read the request that a statement states, its signature unseen; `InputError` if malformed."""
    found = statement.predicate
    try:
        request = Request(
            owner=parse_address(found["owner"]),
            buyer=parse_address(found["actor"]),
            chain_id=whole(found["chain_id"]),
            escrow=parse_address(found["escrow"]),
            policy=digest_from(found["policy"]),
            algorithm=digest_from(found["algorithm"]),
            purpose=str(found["purpose"]),
            columns=_names(found["columns"]),
            parameters=dict(found["parameters"]),
            price=amount(found["price"]),
            until=whole(found["until"]),
            where=_conditions(found["where"]),
            noise=whole(found["noise"]),
            seal=_key(found["seal"]),
            consent=digest_from(found["consent"]) if found["consent"] else b"",
            digest=statement.digest,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the request is malformed: {error}") from error
    nonce = bytes.fromhex(found["nonce"])
    if request.statement(found["time"], nonce).to_bytes() != statement.to_bytes():
        raise InputError("the request says more, or otherwise, than a request does")
    return request


def description_of(digest: bytes) -> str:
    """Give the description by which an escrow names a request."""
    return MARK + digest.hex()


def digest_in(description: str) -> bytes | None:
    """Give the digest of the request that an escrow's description names; None if it names none."""
    if not description.startswith(MARK):
        return None
    try:
        return digest_from(description.removeprefix(MARK))
    except ValueError:
        return None


def _names(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError("columns are a list of names")
    if len(set(found)) != len(found):
        raise ValueError("a column is named twice")
    return tuple(found)


def _conditions(found: Any) -> tuple[Condition, ...]:
    if not isinstance(found, list) or len(found) > MAX_CONDITIONS:
        raise ValueError(f"conditions are a list of at most {MAX_CONDITIONS}")
    return tuple(_condition(one) for one in found)


def _condition(found: Any) -> Condition:
    match found:
        case {"column": str(column), "least": int(least), "most": int(most), **rest} if not rest:
            return Condition(column, least, most)
    raise ValueError("a condition has a column, the least and the most")


def _key(text: Any) -> bytes:
    key = bytes.fromhex(text)
    if len(key) not in (0, 32):
        raise ValueError(f"a seal of {len(key)} bytes")
    return key


def used_columns(request: Request) -> Sequence[str]:
    """Give every column that a request touches, in conditions too."""
    return list(dict.fromkeys([*request.columns, *(one.column for one in request.where)]))
