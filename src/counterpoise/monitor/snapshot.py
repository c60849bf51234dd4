"""A watch as bytes, so that it goes on after a restart where it stopped."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.core.digest import sha256
from counterpoise.core.errors import StorageError
from counterpoise.monitor.alert import Alert, Edge, Entity, Finding, Severity, Standing
from counterpoise.monitor.detector import Detector
from counterpoise.monitor.graph import Graph, Mark
from counterpoise.monitor.memory import Memory
from counterpoise.monitor.watch import Step, Watch

FORMAT = "counterpoise-watch/1"
HINT = "start from the source again, or from an older snapshot"


def watch_bytes(watch: Watch) -> bytes:
    """Everything a watch knows, its journal included: a restart can still be taken back.

    What it was given (detectors, scales, finality) is not in it, but its names and versions are.
    """
    import cbor2

    changes, dropped = watch.memory.journal()
    record = {
        "format": FORMAT,
        "chain": watch.chain_id,
        "detectors": [[detector.name, detector.version] for detector in watch.detectors],
        "tables": [[name, list(t.items())] for name, t in sorted(watch.memory.summary().items())],
        "journal": changes,
        "dropped": dropped,
        "steps": [_step_value(step) for step in watch.steps],
    }
    body, graph = cbor2.dumps(record), watch.flows.graph.to_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("watch", body)
        archive.writestr("graph", graph)
        archive.writestr("digest", sha256(body + graph))
    return buffer.getvalue()


def watch_from_bytes(
    data: bytes, detectors: Sequence[Detector], scales: Mapping[bytes, int], *, finality: int = 64
) -> Watch:
    """The watch that `watch_bytes` wrote down.

    Raises
    ------
    StorageError :
        The bytes are damaged, or were written with other detectors.
    """
    import cbor2

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            body, graph, digest = (archive.read(name) for name in ("watch", "graph", "digest"))
        if sha256(body + graph) != digest:
            raise StorageError("this snapshot of a watch is damaged", hint=HINT)
        record = _frozen(cbor2.loads(body))
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        raise StorageError(f"these bytes are no snapshot of a watch: {error}", hint=HINT) from error
    if record["format"] != FORMAT:
        raise StorageError(f"a snapshot of format {record['format']}, not {FORMAT}", hint=HINT)
    wanted = tuple((detector.name, detector.version) for detector in detectors)
    if record["detectors"] != wanted:
        raise StorageError(
            f"a snapshot with detectors {_names(record['detectors'])}, not {_names(wanted)}",
            hint="give the same detectors again, or start from the source",
        )
    watch = Watch(record["chain"], detectors, scales, finality=finality)
    tables = {name: dict(items) for name, items in record["tables"]}
    watch.memory = Memory.of(tables, record["journal"], record["dropped"])
    watch.flows.restore(Graph.from_bytes(graph), watch.memory)
    watch.steps.extend(_step(value) for value in record["steps"])
    return watch


def _names(detectors: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {version}" for name, version in detectors) or "none"


def _frozen(value: Any) -> Any:
    """Lists as tuples all the way down, as the memory's values were."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def _step_value(step: Step) -> list[Any]:
    alerts = [_alert_value(alert) for alert in step.alerts]
    marks = [step.memory, step.graph.head, step.graph.tail]
    return [step.number, step.hash, step.parent, *marks, alerts]


def _step(value: tuple[Any, ...]) -> Step:
    number, hash_, parent, memory, head, tail, alerts = value
    return Step(number, hash_, parent, memory, Mark(head, tail), tuple(map(_alert, alerts)))


def _alert_value(alert: Alert) -> list[Any]:
    finding = alert.finding
    entities = [[e.address, e.role, e.label, e.listed] for e in finding.entities]
    edges = [[e.src, e.dst, e.token, e.amount, e.transaction] for e in finding.edges]
    head = [alert.chain_id, alert.block_number, alert.block_hash, alert.time, alert.standing.value]
    what = [finding.detector, finding.version, int(finding.severity), finding.confidence]
    told = [list(finding.transactions), entities, list(finding.reasons), edges, finding.scheme]
    rest = [finding.loss, finding.loss_token, list(finding.limits), finding.model]
    return [head, [*what, *told, *rest]]


def _alert(value: tuple[Any, ...]) -> Alert:
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
