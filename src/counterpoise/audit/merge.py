"""One finding where several engines say the same thing of the same place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from counterpoise.audit.findings import Finding

__all__ = ["merge", "order"]

NEAR = 1
"""Lines by which two engines may differ about one flaw."""


def order(finding: Finding) -> tuple[object, ...]:
    """The order of reports: by place, then by rule, so that equal input gives equal bytes."""
    return (
        finding.path,
        finding.lines,
        finding.rule,
        finding.contract,
        finding.function,
        finding.message,
        finding.engines,
    )


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Join findings of one category, function and place from different engines.

    The one that is surer speaks; the others' engines and detectors are named beside, and of lines
    and severity the most is kept. Findings of one engine are never joined: it knows why it says
    two things. Equal findings, as of a module that several contracts use, count once.
    """
    kept: list[Finding] = []
    ranked = sorted(set(findings), key=lambda one: (-one.confidence, -one.severity, order(one)))
    for finding in ranked:
        same = next((n for n, other in enumerate(kept) if _is_same(other, finding)), None)
        if same is None:
            kept.append(finding)
        else:
            kept[same] = _joined(kept[same], finding)
    return sorted(kept, key=order)


def _is_same(one: Finding, other: Finding) -> bool:
    if one.path != other.path or one.function != other.function:
        return False
    if one.rule == other.rule and one.lines == other.lines:
        return one.engines != other.engines or one.message == other.message
    if set(one.engines) & set(other.engines) or one.about.dasp != other.about.dasp:
        return False
    return any(abs(a - b) <= NEAR for a in one.lines for b in other.lines)


def _joined(sure: Finding, other: Finding) -> Finding:
    return replace(
        sure,
        lines=tuple(sorted({*sure.lines, *other.lines})),
        engines=tuple(sorted({*sure.engines, *other.engines})),
        detectors=tuple(sorted({*sure.detectors, *other.detectors})),
        severity=max(sure.severity, other.severity),
        trace=sure.trace or other.trace,
        proof=sure.proof or other.proof,
    )
