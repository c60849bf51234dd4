"""The report as JSON: canonical, so that its digest names it."""

from __future__ import annotations

from typing import Any

from counterpoise.audit.audit import Outcome
from counterpoise.audit.catalogue import RULE_SET
from counterpoise.audit.findings import Severity
from counterpoise.audit.records import finding_record, not_analysed_record
from counterpoise.core.digest import canonical_json

__all__ = ["report_record", "write"]

LIMITS = (
    "A rule that is silent proves nothing: these rules see data flow, not intent.",
    "What is called outside of the project is not analysed.",
    "Gas, economics and key management are not analysed.",
)


def report_record(outcome: Outcome) -> dict[str, Any]:
    """Everything an audit found, sorted, without a clock."""
    return {
        "format": "counterpoise-audit/1",
        "rule_set": RULE_SET,
        "engines": [{"name": name, "version": version} for name, version in outcome.engines],
        "absent": [{"name": name, "reason": reason} for name, reason in outcome.absent],
        "compilers": list(outcome.compilers),
        "sources": [
            {"path": one.path, "language": one.language, "sha256": one.digest}
            for one in outcome.project.sources
        ],
        "findings": [finding_record(one) for one in outcome.findings],
        "not_analysed": [not_analysed_record(one) for one in outcome.not_analysed],
        "notes": list(outcome.notes),
        "limits": list(LIMITS),
        "counts": counts(outcome),
    }


def counts(outcome: Outcome) -> dict[str, int]:
    """How many findings count, by severity, how many were accepted, and what was not analysed."""
    counted = outcome.counted()
    by = {one.label: sum(f.severity == one for f in counted) for one in Severity}
    accepted = len(outcome.findings) - len(counted)
    return {**by, "accepted": accepted, "not_analysed": len(outcome.not_analysed)}


def write(outcome: Outcome) -> str:
    """The report in canonical JSON (RFC 8785), with a newline at its end."""
    return canonical_json(report_record(outcome)).decode() + "\n"
