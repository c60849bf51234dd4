"""A watch as bytes, so that it goes on after a restart where it stopped."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from counterpoise.core.digest import sha256
from counterpoise.core.errors import StorageError
from counterpoise.monitor.alert_record import alert_of, alert_value, frozen
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
    record, graph = _parts(data)
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


def graph_from_bytes(data: bytes) -> Graph:
    """The graph alone of what `watch_bytes` wrote, whatever the detectors were."""
    return Graph.from_bytes(_parts(data)[1])


def _parts(data: bytes) -> tuple[Any, bytes]:
    """The record of a snapshot and its graph; damaged bytes are a `StorageError`."""
    import cbor2

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            body, graph, digest = (archive.read(name) for name in ("watch", "graph", "digest"))
        if sha256(body + graph) != digest:
            raise StorageError("this snapshot of a watch is damaged", hint=HINT)
        return frozen(cbor2.loads(body)), graph
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        raise StorageError(f"these bytes are no snapshot of a watch: {error}", hint=HINT) from error


def _names(detectors: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {version}" for name, version in detectors) or "none"


def _step_value(step: Step) -> list[Any]:
    alerts = [alert_value(alert) for alert in step.alerts]
    marks = [step.memory, step.graph.head, step.graph.tail]
    return [step.number, step.hash, step.parent, *marks, alerts]


def _step(value: tuple[Any, ...]) -> Step:
    number, hash_, parent, memory, head, tail, alerts = value
    return Step(number, hash_, parent, memory, Mark(head, tail), tuple(map(alert_of, alerts)))
