"""A statement: what is claimed about which digests, in the in-toto Statement v1 layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.json_text import read_json

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_DEPTH = 64
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing a statement is about.

    Parameters
    ----------
    name :
        A name for people, such as ``"cleveland"`` or ``"model.bin"``.
    digest :
        SHA-256 of the thing, 32 bytes.
    """

    name: str
    digest: bytes

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("a subject has an empty name", hint="name what the digest is of")
        if len(self.digest) != 32:
            raise InputError(
                f"subject {self.name!r} has a digest of {len(self.digest)} bytes, not 32"
            )


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto Statement v1; its bytes are canonical JSON (RFC 8785), without floats.

    Parameters
    ----------
    predicate_type :
        URI that fixes the meaning of the predicate for ever.
    subject :
        What the statement is about; at least one.
    predicate :
        JSON object of strings, booleans, integers within 2**53, lists and objects.
    """

    predicate_type: str
    subject: tuple[Subject, ...]
    predicate: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not self.subject:
            raise InputError("a statement needs at least one subject")
        if not self.predicate_type:
            raise InputError("a statement needs a predicate type")

    def to_bytes(self) -> bytes:
        """Canonical JSON of the statement: the exact bytes that are signed.

        Raises
        ------
        InputError :
            The predicate holds a float, an integer beyond 2**53 or a value that is not JSON.
        """
        subjects = [{"name": s.name, "digest": {"sha256": s.digest.hex()}} for s in self.subject]
        return canonical_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": subjects,
                "predicateType": self.predicate_type,
                "predicate": dict(self.predicate),
            }
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the statement's bytes; other statements may name it as an input."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Statement:
        """Read a statement; any byte that `to_bytes` would not write is refused.

        Raises
        ------
        InputError :
            Not a Statement v1, not canonical, a float, or a subject without a SHA-256.
        """
        document = json_object(data, "statement")
        if set(document) != {"_type", "subject", "predicateType", "predicate"}:
            raise InputError(
                f"a statement has the fields {sorted(document)}, not those of in-toto v1"
            )
        if document["_type"] != STATEMENT_TYPE:
            raise InputError(
                f"the statement's type is {document['_type']!r}, not {STATEMENT_TYPE!r}"
            )
        if not isinstance(document["predicateType"], str):
            raise InputError("the statement's predicateType is not a string")
        if not isinstance(document["predicate"], dict):
            raise InputError("the statement's predicate is not an object")
        predicate = MappingProxyType(document["predicate"])
        statement = cls(document["predicateType"], _subjects(document["subject"]), predicate)
        if statement.to_bytes() != data:
            raise InputError(
                "the statement is not in canonical JSON", hint="write it with Statement.to_bytes()"
            )
        return statement


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """Read one JSON object, refusing floats, NaN and duplicate keys.

    Parameters
    ----------
    data :
        UTF-8 JSON.
    what :
        The word for it in an error, such as ``"envelope"``.
    """

    def refuse(text: str) -> Any:
        raise InputError(f"the {what} holds the number {text}; only integers are allowed")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) != len(pairs):
            raise InputError(f"the {what} names a key twice")
        return document

    try:
        document = read_json(
            data, MAX_DEPTH, parse_float=refuse, parse_constant=refuse, object_pairs_hook=unique
        )
    except CounterpoiseError:
        raise
    except ValueError as wrong:
        raise InputError(f"the {what} is not JSON: {wrong}") from wrong
    if not isinstance(document, dict):
        raise InputError(f"the {what} is a JSON {type(document).__name__}, not an object")
    return document


def _subjects(listed: Any) -> tuple[Subject, ...]:
    if not isinstance(listed, list):
        raise InputError("the statement's subject is not a list")
    return tuple(_subject(item) for item in listed)


def _subject(item: Any) -> Subject:
    match item:
        case {"name": str(name), "digest": {"sha256": str(digest)}}:
            try:
                return Subject(name, bytes.fromhex(digest))
            except ValueError as wrong:
                raise InputError(f"subject {name!r} has a digest that is not hex") from wrong
    raise InputError("a subject needs a name and digest.sha256")
