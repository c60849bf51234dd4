"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.audit import Outcome
from counterpoise.audit.findings import Finding, Severity
from counterpoise.audit.report.json_form import counts
from counterpoise.audit.report.plain import plain

__all__ = ["write"]


def write(outcome: Outcome) -> str:
    """Findings by severity, then what was not analysed, then a line of sums."""
    return "\n".join(map(plain, _lines(outcome))) + "\n"


def _lines(outcome: Outcome) -> Iterator[str]:
    found = sorted(outcome.counted(), key=lambda one: (-one.severity, -one.confidence))
    for finding in found:
        yield from _finding(finding)
        yield ""
    for failed in outcome.not_analysed:
        by = f" by {failed.engine}" if failed.engine else ""
        yield f"NOT ANALYSED{by}  {failed.path}: {failed.reason}"
        if failed.hint:
            yield f"    {failed.hint}"
    for name, reason in outcome.absent:
        yield f"engine {name} did not run: {reason}"
    for note in outcome.notes:
        yield f"note: {note}"
    yield summary(outcome)


def _finding(finding: Finding) -> Iterator[str]:
    proven = "  CONFIRMED" if finding.proof else ""
    where = f"{finding.path}:{finding.line}" if finding.lines else finding.path
    inside = f" in {finding.function}" if finding.function else ""
    yield f"{finding.severity.label.upper()}  {finding.rule}  {where}{inside}{proven}"
    yield f"    {finding.message}"
    if finding.snippet:
        yield f"    > {finding.snippet}"
    for step in finding.trace:
        yield f"      {step.path}:{step.line}  {step.text}"
    if finding.proof:
        yield f"    proof: {finding.proof.summary}"
        yield from (f"      {line}" for line in finding.proof.transactions)
    names = [finding.swc, finding.cwe, *(f"OWASP {one}" for one in finding.owasp)]
    sure = f"{finding.confidence // 10_000} % sure"
    yield f"    {finding.advice}"
    yield f"    {', '.join([*filter(None, names), sure, 'by ' + ' and '.join(finding.engines)])}"


def summary(outcome: Outcome) -> str:
    """One line: how many of each severity, accepted, not analysed."""
    found = counts(outcome)
    severities = [one.label for one in reversed(Severity)]
    parts = [f"{found[label]} {label}" for label in severities]
    parts += [f"{found['accepted']} accepted", f"{found['not_analysed']} not analysed"]
    return f"{len(outcome.project.sources)} sources: {', '.join(parts)}"
