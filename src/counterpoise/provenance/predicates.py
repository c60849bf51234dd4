"""What each kind of statement must carry, and the check that it does.

Every predicate has ``actor`` (who states it), ``time`` (POSIX seconds), ``nonce`` (16 bytes in
hex, so that the digest of a guessable statement gives nothing away) and ``inputs``, a list of
``{sha256, role}`` with an optional ``entry`` (the input's index in the log). Further fields are
allowed. Amounts are decimal strings in base units; scores and metrics are integers; personal
values appear only as salted commitments. A type's meaning never changes: a new meaning is
``/v2``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.provenance.statement import Statement, Subject

BASE = "https://counterpoise.network/"

Rule = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _is_amount(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,77}", value) is not None


def _is_nonce(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value) is not None


def _is_metrics(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_whole, value.values()))


def _is_positions(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_count, value))


def _each(**fields: Rule) -> Rule:
    def rule(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(item, dict) and all(k in item and fields[k](item[k]) for k in fields)
            for item in value
        )

    return rule


def _is_inputs(value: Any) -> bool:
    return _each(sha256=_is_digest, role=_is_text)(value) and all(
        set(item) <= {"sha256", "role", "entry"} and _is_count(item.get("entry", 0))
        for item in value
    )


COMMON: Mapping[str, Rule] = {
    "actor": _is_text,
    "time": _is_count,
    "nonce": _is_nonce,
    "inputs": _is_inputs,
}

REQUIRED: Mapping[str, Mapping[str, Rule]] = {
    "dataset": {
        "schema": _each(name=_is_text, type=_is_text),
        "encoding": _is_text,
        "rows": _is_count,
        "row_root": _is_digest,
        "source": _is_text,
        "licence": _is_text,
    },
    "consent": {
        "subject_commitment": _is_digest,
        "purpose": _is_text,
        "scope": _is_text,
        "expires": _is_count,
    },
    "task": {
        "model": _is_text,
        "rounds": _is_count,
        "clip": _is_count,
        "scale_bits": _is_count,
        "seed": _is_count,
        "scoring": _is_text,
        "validation": _is_digest,
    },
    "join": {"job": _is_count, "dataset": _is_digest, "stake": _is_amount},
    "opening": {"job": _is_count, "round": _is_count, "base": _is_digest},
    "commitment": {"job": _is_count, "round": _is_count, "digest": _is_digest},
    "update": {"job": _is_count, "round": _is_count, "update": _is_digest},
    "closing": {
        "job": _is_count,
        "round": _is_count,
        "phase": _is_text,
        "leaves": _is_digest,
        "root": _is_digest,
        "refused": _each(participant=_is_text, code=_is_text),
    },
    "round": {
        "job": _is_count,
        "round": _is_count,
        "updates_root": _is_digest,
        "trace_root": _is_digest,
        "scores_digest": _is_digest,
        "pay_root": _is_digest,
        "pay_total": _is_amount,
        "model": _is_digest,
        "refused": _each(participant=_is_text, code=_is_text),
    },
    "contribution": {
        "job": _is_count,
        "round": _is_count,
        "participant": _is_text,
        "update": _is_digest,
        "score_ppm": _is_count,
        "rule": _is_text,
    },
    "model": {"files": _each(name=_is_text, sha256=_is_digest), "kind": _is_text},
    "evaluation": {"model": _is_digest, "dataset": _is_digest, "metrics": _is_metrics},
    "decision": {
        "request": _is_text,
        "model": _is_digest,
        "input_commitment": _is_digest,
        "policy": _is_text,
        "started": _is_count,
        "ended": _is_count,
    },
    "audit": {
        "report": _is_digest,
        "rule_set": _is_text,
        "engines": _each(name=_is_text, version=_is_text),
        "compilers": _each(name=_is_text),
        "counts": _is_metrics,
        "limits": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    },
    "alert": {
        "alert": _is_digest,
        "digest": _is_digest,
        "chain": _is_count,
        "block": _is_count,
        "block_hash": _is_digest,
        "detector": _is_text,
        "version": _is_count,
        "severity": _is_text,
        "confidence_ppm": _is_count,
        "status": _is_text,
        "watch": _is_digest,
    },
    "erasure": {
        "dataset": _is_digest,
        "positions": _is_positions,
        "reason": _is_text,
        "authority": _is_text,
    },
}

OPTIONAL: Mapping[str, Mapping[str, Rule]] = {
    "consent": {"revokes": _is_digest},
    "model": {"job": _is_count},
    "update": {"rows": _is_count},
    "alert": {"model": _is_digest},
    "decision": {
        "output": _is_text,
        "output_commitment": _is_digest,
        "confidence_ppm": _is_count,
        "explanation": _is_digest,
        "reviewer": _is_text,
        "overridden": lambda value: isinstance(value, bool),
        "reference": _is_digest,
        "corrects": _is_digest,
    },
}


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
    if kind == "decision" and not {"output", "output_commitment"} & set(predicate):
        raise InputError("the decision statement has neither 'output' nor 'output_commitment'")


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
