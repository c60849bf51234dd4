"""Alerts taken apart into plain values, for files of ours, and put together again."""

from __future__ import annotations

from typing import Any

from counterpoise.monitor.alert import Alert, Edge, Entity, Finding, Severity, Standing


def frozen(value: Any) -> Any:
    """Lists as tuples all the way down, as they were before they were written."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return value


def alert_value(alert: Alert) -> list[Any]:
    """An alert as lists, numbers, text and bytes."""
    finding = alert.finding
    entities = [[e.address, e.role, e.label, e.listed] for e in finding.entities]
    edges = [[e.src, e.dst, e.token, e.amount, e.transaction] for e in finding.edges]
    head = [alert.chain_id, alert.block_number, alert.block_hash, alert.time, alert.standing.value]
    what = [finding.detector, finding.version, int(finding.severity), finding.confidence]
    told = [list(finding.transactions), entities, list(finding.reasons), edges, finding.scheme]
    rest = [finding.loss, finding.loss_token, list(finding.limits), finding.model]
    return [head, [*what, *told, *rest]]


def alert_of(value: tuple[Any, ...]) -> Alert:
    """The alert that `alert_value` took apart; `value` is frozen."""
    (chain, number, hash_, time, standing), found = value
    detector, version, severity, confidence, hashes, entities, reasons, edges, *rest = found
    finding = Finding(
        detector,
        version,
        Severity(severity),
        confidence,
        hashes,
        tuple(Entity(*entity) for entity in entities),
        reasons,
        tuple(Edge(*edge) for edge in edges),
        *rest,
    )
    return Alert(chain, number, hash_, time, finding, Standing(standing))
