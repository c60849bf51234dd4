"""What each kind of statement must carry, and the check that it does.

Every predicate has ``actor`` (who states it), ``time`` (POSIX seconds), ``nonce`` (16 bytes in
hex, so that the digest of a guessable statement gives nothing away) and ``inputs``, a list of
``{sha256, role}`` with an optional ``entry`` (the input's index in the log). Further fields are
allowed. Amounts are decimal strings in base units; scores and metrics are integers; personal
values appear only as salted commitments. A type's meaning never changes: a new meaning is
``/v2``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.provenance.predicate_fields import COMMON, EITHER, OPTIONAL, REQUIRED, Rule
from counterpoise.provenance.statement import Statement, Subject

BASE = "https://counterpoise.network/"


def predicate_type(kind: str) -> str:
    """The URI of one kind of statement, such as ``".../dataset/v1"``."""
    if kind not in REQUIRED:
        raise InputError(f"no statement of kind {kind!r}", hint=f"one of {', '.join(REQUIRED)}")
    return f"{BASE}{kind}/v1"


def kind_of(statement: Statement) -> str | None:
    """The kind of a statement, or None where its type is not one of ours."""
    name = statement.predicate_type.removeprefix(BASE).removesuffix("/v1")
    return name if name in REQUIRED and statement.predicate_type == predicate_type(name) else None


def build_statement(
    kind: str,
    subject: Sequence[Subject],
    /,
    *,
    actor: str,
    time: int,
    nonce: bytes,
    inputs: Sequence[Mapping[str, Any]] = (),
    **fields: Any,
) -> Statement:
    """A checked statement of one kind.

    Parameters
    ----------
    kind :
        One of `REQUIRED`, such as ``"dataset"``.
    subject :
        What it is about.
    actor :
        Key id of who states it; for a chain account, its checksum address.
    time :
        POSIX seconds.
    nonce :
        16 fresh random bytes.
    inputs :
        What it was made from: ``{"sha256": hex or bytes, "role": str}``, optionally ``entry``.
    fields :
        What this kind must carry; bytes are written as hex.

    Raises
    ------
    InputError :
        A field is missing or of the wrong type; the message names it.

    Examples
    --------
    >>> from counterpoise.provenance import Subject, build_statement
    >>> join = build_statement("join", [Subject("task", bytes(32))], actor="0x01", time=1,
    ...     nonce=bytes(16), job=1, dataset=bytes(32), stake="1000")
    >>> join.predicate["stake"]
    '1000'
    """
    predicate = {
        "actor": actor,
        "time": time,
        "nonce": nonce.hex(),
        "inputs": [_hexed(item) for item in inputs],
        **_hexed(fields),
    }
    statement = Statement(predicate_type(kind), tuple(subject), predicate)
    check_predicate(statement)
    return statement


def check_predicate(statement: Statement) -> None:
    """Refuse a statement of ours that lacks a field, or whose field has the wrong type.

    Statements of foreign types pass: their meaning is not ours to judge.

    Raises
    ------
    InputError :
        Names the kind and the field, or the value that canonical JSON does not hold.
    """
    check_fields(statement)
    statement.to_bytes()


def check_fields(statement: Statement) -> None:
    """Check as `check_predicate` does, for a statement whose bytes are known to be canonical."""
    if not statement.predicate_type.startswith(BASE):
        return
    kind = kind_of(statement)
    if kind is None:
        raise InputError(f"no statement of type {statement.predicate_type!r} is defined")
    predicate = statement.predicate
    for field, rule in (COMMON | REQUIRED[kind]).items():  # type: ignore[operator]
        if field not in predicate:
            raise InputError(f"the {kind} statement lacks {field!r}")
        _check_field(kind, field, rule, predicate[field])
    for field, rule in OPTIONAL.get(kind, {}).items():
        if field in predicate:
            _check_field(kind, field, rule, predicate[field])
    either = EITHER.get(kind)
    if either is not None and not set(either) & set(predicate):
        raise InputError(f"the {kind} statement has neither {either[0]!r} nor {either[1]!r}")


def _check_field(kind: str, field: str, rule: Rule, value: Any) -> None:
    if not rule(value):
        raise InputError(f"the {kind} statement's {field!r} has a wrong value: {value!r:.80}")


def _hexed(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {key: _hexed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hexed(item) for item in value]
    return value
