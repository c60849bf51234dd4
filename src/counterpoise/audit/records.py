"""Findings and analyses as plain records, for reports, caches and workers."""

from __future__ import annotations

from typing import Any

from counterpoise.audit.findings import (
    Analysis,
    Finding,
    NotAnalysed,
    Proof,
    Step,
    Suppression,
    severity_named,
)

__all__ = ["analysis_from_record", "analysis_record", "finding_from_record", "finding_record"]


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding as JSON holds it, with what follows from its rule."""
    record: dict[str, Any] = {
        "rule": finding.rule,
        "title": finding.about.title,
        "severity": finding.severity.label,
        "confidence_ppm": finding.confidence,
        "swc": finding.swc,
        "cwe": finding.cwe,
        "dasp": finding.dasp,
        "owasp": list(finding.owasp),
        "path": finding.path,
        "lines": list(finding.lines),
        "contract": finding.contract,
        "function": finding.function,
        "message": finding.message,
        "advice": finding.advice,
        "engines": list(finding.engines),
        "detectors": list(finding.detectors),
        "snippet": finding.snippet,
        "trace": [[step.path, step.line, step.text] for step in finding.trace],
        "fingerprint": finding.fingerprint,
    }
    if finding.proof is not None:
        proof = finding.proof
        record["proof"] = {
            "template": proof.template,
            "summary": proof.summary,
            "transactions": list(proof.transactions),
            "calls": list(proof.calls),
            "balances": [[who, str(change)] for who, change in proof.balances],
        }
    if finding.suppression is not None:
        record["suppressed"] = {
            "where": finding.suppression.where,
            "reason": finding.suppression.reason,
        }
    return record


def finding_from_record(record: dict[str, Any]) -> Finding:
    """The finding that a record holds."""
    proof = record.get("proof")
    suppressed = record.get("suppressed")
    return Finding(
        rule=record["rule"],
        path=record["path"],
        lines=tuple(record["lines"]),
        contract=record["contract"],
        function=record["function"],
        message=record["message"],
        engines=tuple(record["engines"]),
        severity=severity_named(record["severity"]),
        confidence=record["confidence_ppm"],
        detectors=tuple(record["detectors"]),
        trace=tuple(Step(*step) for step in record["trace"]),
        snippet=record["snippet"],
        proof=None
        if proof is None
        else Proof(
            proof["template"],
            proof["summary"],
            tuple(proof["transactions"]),
            tuple(proof["calls"]),
            tuple((who, int(change)) for who, change in proof["balances"]),
        ),
        suppression=None
        if suppressed is None
        else Suppression(suppressed["where"], suppressed["reason"]),
    )


def analysis_record(analysis: Analysis) -> dict[str, Any]:
    """An analysis as JSON holds it."""
    failed = analysis.not_analysed
    return {
        "path": analysis.path,
        "findings": [finding_record(one) for one in analysis.findings],
        "not_analysed": None if failed is None else not_analysed_record(failed),
        "depends": [list(pair) for pair in analysis.depends],
        "compilers": list(analysis.compilers),
        "notes": list(analysis.notes),
    }


def not_analysed_record(failed: NotAnalysed) -> dict[str, str]:
    """What could not be read, as JSON holds it."""
    return {
        "path": failed.path,
        "engine": failed.engine,
        "reason": failed.reason,
        "hint": failed.hint,
    }


def analysis_from_record(record: dict[str, Any]) -> Analysis:
    """The analysis that a record holds."""
    failed = record["not_analysed"]
    return Analysis(
        path=record["path"],
        findings=tuple(finding_from_record(one) for one in record["findings"]),
        not_analysed=None if failed is None else NotAnalysed(**failed),
        depends=tuple((path, digest) for path, digest in record["depends"]),
        compilers=tuple(record["compilers"]),
        notes=tuple(record["notes"]),
    )
