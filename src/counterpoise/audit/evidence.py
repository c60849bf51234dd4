"""An audit as evidence: a report whose digest names it, a statement about it, and its check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from counterpoise.audit.audit import Outcome
from counterpoise.audit.catalogue import RULE_SET
from counterpoise.audit.project import Source
from counterpoise.audit.report.json_form import write
from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from counterpoise.provenance import Statement

__all__ = [
    "audit_answer",
    "audit_question",
    "audit_statement",
    "check_report",
    "code_digest",
    "report_bytes",
]

UNREAD = 2**16 - 1
"""What an answer says instead of a severity where something was not analysed."""


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


def audit_question(outcome: Outcome) -> tuple[bytes, bytes]:
    """The question that an audit answers, as an evaluator contract is asked it.

    A committee whose members each do the work again can so decide a job: what they are asked is
    the method and the code, and what they must agree on is `audit_answer`.

    Returns
    -------
    tuple
        32 bytes each. Instead of a model's id, the SHA-256 of the version of the rules and of
        every engine; instead of the commitment to an input, `code_digest`.
    """
    engines = [{"name": name, "version": version} for name, version in outcome.engines]
    method = canonical_json({"engines": engines, "rule_set": RULE_SET})
    return sha256(method), code_digest(outcome.project.sources)


def audit_answer(outcome: Outcome) -> bytes:
    """What an audit comes to, as an evaluator contract stores it: 34 bytes, as of a model's answer.

    The SHA-256 of the report, then in 2 bytes the decision that a contract can act on: 0 where no
    finding counts, 1 to 4 for the worst that does (info, low, medium, high), 65,535 where something
    was not analysed.
    """
    worst = max((one.severity + 1 for one in outcome.counted()), default=0)
    decision = UNREAD if outcome.not_analysed else worst
    return sha256(report_bytes(outcome)) + decision.to_bytes(2, "big")


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
