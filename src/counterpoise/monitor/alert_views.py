"""Alerts and cases as the command line shows them: a record, and lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from counterpoise.monitor.alert import Alert
from counterpoise.monitor.book_reads import BookReader
from counterpoise.monitor.cases import Case
from counterpoise.monitor.names import shown
from counterpoise.monitor.picture import draw_edges
from counterpoise.monitor.sinks.terminal import plain

View = tuple[Any, list[str]]


def alerts_view(alerts: Sequence[Alert], counts: Mapping[tuple[str, str], int]) -> View:
    """A list of alerts, one a line."""
    lines = [_line(alert) for alert in alerts]
    total = sum(counts.values())
    lines.append(f"{len(alerts)} of {total} alerts" if total else "no alerts")
    return [alert.to_value() for alert in alerts], lines


def cases_view(book: BookReader, limit: int) -> View:
    """A list of cases, one a line."""
    cases = book.cases()[:limit]
    records = [
        {
            "case": case.id.hex(),
            "status": case.standing.value,
            "severity": case.severity.name.lower(),
            "alerts": [alert.id.hex() for alert in case.alerts],
            "first": case.first,
            "last": case.last,
        }
        for case in cases
    ]
    lines = [
        f"{case.id.hex()[:10]}  {_time(case.last)}  {case.severity.name.lower():<8}  "
        f"{case.standing.value:<12}  {len(case.alerts)} alerts  "
        f"{plain(', '.join(sorted({a.finding.detector for a in case.alerts})))}"
        for case in cases
    ]
    return records, lines or ["no cases"]


def alert_view(alert: Alert, case: Case) -> View:
    """One alert with all that it says, and its picture."""
    finding = alert.finding
    lines = [_line(alert), f"id          {alert.id.hex()}", f"digest      {alert.digest.hex()}"]
    lines.append(f"case        {case.id.hex()[:10]}, {len(case.alerts)} alerts")
    lines += [f"transaction 0x{digest.hex()}" for digest in finding.transactions[:10]]
    lines += [f"why         {plain(reason)}" for reason in finding.reasons]
    for entity in finding.entities[:20]:
        label = f" ({entity.label}, list of {entity.listed})" if entity.label else ""
        lines.append(f"{plain(entity.role):<11} {shown(entity.address)}{plain(label)}")
    if finding.loss:
        lines.append(f"loss        {finding.loss} base units of {shown(finding.loss_token)}")
    if finding.limits:
        lines.append(f"cut by      {plain(', '.join(finding.limits))}")
    if finding.model:
        lines.append(f"model       {finding.model.hex()}")
    if finding.edges:
        lines += ["", *(plain(line) for line in draw_edges(alert, 100))]
    return alert.to_value() | {"case": case.id.hex(), "digest": alert.digest.hex()}, lines


def _line(alert: Alert) -> str:
    finding = alert.finding
    reason = plain(finding.reasons[0])[:60] if finding.reasons else ""
    return (
        f"{alert.id.hex()[:10]}  {_time(alert.time)}  {finding.severity.name.lower():<8}  "
        f"{alert.standing.value:<12}  {plain(finding.detector):<12}  {reason}"
    )


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
