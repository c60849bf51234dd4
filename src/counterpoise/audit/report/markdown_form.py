"""The report as Markdown, for a pull request or a dossier."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.audit import Outcome
from counterpoise.audit.findings import Finding
from counterpoise.audit.report.json_form import LIMITS
from counterpoise.audit.report.plain import plain
from counterpoise.audit.report.text_form import summary

__all__ = ["write"]


def write(outcome: Outcome) -> str:
    """A table of what counts, a section each, what was accepted, what was not analysed, limits."""
    return "\n".join(_lines(outcome)) + "\n"


def _lines(outcome: Outcome) -> Iterator[str]:
    yield "# Audit\n"
    yield f"{summary(outcome)}.\n"
    found = sorted(outcome.counted(), key=lambda one: (-one.severity, -one.confidence))
    if found:
        yield "| severity | rule | where | sure |\n| --- | --- | --- | --- |"
        for one in found:
            sure = f"{one.confidence // 10_000} %"
            yield f"| {one.severity.label} | {one.rule} | {_where(one)} | {sure} |"
        yield ""
    for one in found:
        yield from _section(one)
    accepted = [one for one in outcome.findings if one.suppression is not None]
    if accepted:
        yield "## Accepted\n"
        for one in accepted:
            reason = one.suppression.reason if one.suppression else ""
            yield f"- {one.rule}, {_where(one)}: {_escaped(reason)}"
        yield ""
    if outcome.not_analysed:
        yield "## Not analysed\n"
        for failed in outcome.not_analysed:
            by = f" ({failed.engine})" if failed.engine else ""
            yield f"- {_escaped(failed.path)}{by}: {_escaped(failed.reason)}"
        yield ""
    yield "## Limits\n"
    yield from (f"- {line}" for line in (*LIMITS, *outcome.notes))
    engines = ", ".join(f"{name} {version}" for name, version in outcome.engines)
    yield f"\nEngines: {engines or 'none'}."


def _where(finding: Finding) -> str:
    inside = f", `{finding.function}`" if finding.function else ""
    return f"{_escaped(finding.path)}:{finding.line}{inside}"


def _section(finding: Finding) -> Iterator[str]:
    proven = ", confirmed" if finding.proof else ""
    yield f"## {finding.about.title} ({finding.severity.label}{proven})\n"
    yield f"{_where(finding)}: {_escaped(finding.message)}.\n"
    if finding.snippet:
        yield f"    {plain(finding.snippet)}\n"
    for number, step in enumerate(finding.trace, 1):
        yield f"{number}. {_escaped(step.path)}:{step.line} {_escaped(step.text)}"
    if finding.proof:
        yield f"\nProof: {_escaped(finding.proof.summary)}"
    names = [finding.swc, finding.cwe, *(f"OWASP {one}" for one in finding.owasp)]
    yield f"\n{finding.advice} ({', '.join(filter(None, names))})\n"


def _escaped(text: str) -> str:
    """Text that comes from a source, without the power to be markup."""
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, "\\" + mark)
    return plain(" ".join(text.split()))
