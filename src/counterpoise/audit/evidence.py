"""An audit as evidence: a report whose digest names it, a statement about it, and its check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from counterpoise.audit.audit import Outcome
from counterpoise.audit.project import Source
from counterpoise.audit.report.json_form import write
from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from counterpoise.provenance import Statement

__all__ = ["audit_statement", "check_report", "code_digest", "report_bytes"]


def report_bytes(outcome: Outcome) -> bytes:
    """The report as it is stated and delivered: canonical JSON, the same for the same input.

    Its SHA-256 is the deliverable of a job whose work is an audit.
    """
    return write(outcome).encode()


def code_digest(sources: Sequence[Source]) -> bytes:
    """One digest for all that was audited: over path and SHA-256 of each source, by path.

    >>> from counterpoise.audit.project import Source
    >>> code_digest([Source("a.vy", b"", "vyper")]).hex()[:16]
    '7a5d2582c735b83a'
    """
    rows = [{"path": one.path, "sha256": one.digest} for one in sources]
    return sha256(canonical_json(sorted(rows, key=lambda row: row["path"])))


def audit_statement(outcome: Outcome, *, actor: str, time: int, nonce: bytes) -> Statement:
    """The statement that some code was audited, with what came of it.

    Parameters
    ----------
    actor :
        Key id of who states it.
    time :
        POSIX seconds; the report itself has no clock.
    nonce :
        16 fresh random bytes.
    """
    from counterpoise.provenance import Subject, build_statement

    report = report_bytes(outcome)
    return build_statement(
        "audit",
        [Subject("code", code_digest(outcome.project.sources))],
        actor=actor,
        time=time,
        nonce=nonce,
        inputs=[{"sha256": one.digest, "role": "source"} for one in outcome.project.sources],
        **_said(json.loads(report), report),
    )


def check_report(statement: Statement, report: bytes) -> dict[str, Any]:
    """The report that a statement is about, once every field of the statement follows from it.

    Raises
    ------
    VerificationError :
        The bytes are not the report that was stated, or the statement says something else than it.
    InputError :
        The statement is not one about an audit.
    """
    from counterpoise.provenance import kind_of

    if kind_of(statement) != "audit":
        raise InputError(f"a statement of type {statement.predicate_type}, wanted one of an audit")
    predicate = statement.predicate
    if sha256(report).hex() != predicate["report"]:
        raise VerificationError("these bytes are not the report that the statement names")
    record: dict[str, Any] = json.loads(report)
    for field, value in _said(record, report).items():
        said = predicate[field].hex() if isinstance(predicate[field], bytes) else predicate[field]
        if said != (value.hex() if isinstance(value, bytes) else value):
            raise VerificationError(f"the statement's {field!r} does not follow from the report")
    rows = [{"path": one["path"], "sha256": one["sha256"]} for one in record["sources"]]
    code = sha256(canonical_json(sorted(rows, key=lambda row: row["path"])))
    if statement.subject[0].digest != code:
        raise VerificationError("the statement is about other code than its report")
    return record


def _said(record: dict[str, Any], report: bytes) -> dict[str, Any]:
    """What a statement says of a report."""
    return {
        "report": sha256(report),
        "rule_set": record["rule_set"],
        "engines": record["engines"],
        "compilers": [{"name": one} for one in record["compilers"]],
        "counts": record["counts"],
        "limits": record["limits"],
    }
