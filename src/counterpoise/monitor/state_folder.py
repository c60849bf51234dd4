"""Where a watch lives between runs: its state, the place in the source, the alert book.

DIR/watch.state      the watch and where it stood, written in one atomic step
DIR/alerts.sqlite    the alert book
DIR/lock             held by the one process that writes
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from counterpoise.core.digest import sha256
from counterpoise.core.errors import Busy, InputError, StorageError
from counterpoise.monitor.detector import Detector
from counterpoise.monitor.graph import Graph
from counterpoise.monitor.graph_state import Limits
from counterpoise.monitor.snapshot import graph_from_bytes, watch_bytes, watch_from_bytes
from counterpoise.monitor.source import Place
from counterpoise.monitor.watch import FINALITY, Watch

FORMAT = "counterpoise-watch-state/1"
STATE, BOOK, LOCK = "watch.state", "alerts.sqlite", "lock"
ANEW = "move the file away to watch from the beginning again: the alert book stays as it is"


class StateFolder:
    """The folder of one watch, held by one process at a time.

    Raises
    ------
    Busy :
        Another process watches with this folder.
    StorageError :
        The folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.book_path = folder, folder / BOOK
        self._scales: dict[bytes, int] = {}
        with _disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._held = _hold(folder)

    def save(self, watch: Watch, places: Sequence[Place]) -> int:
        """Write the watch that `load` gave and its places, the old or the new after a crash.

        Returns
        -------
        int
            How many bytes were written.
        """
        import cbor2

        body = watch_bytes(watch)
        record = {
            "format": FORMAT,
            "chain": watch.chain_id,
            "scales": sorted(self._scales.items()),
            "places": [[place.number, place.hash, place.note] for place in places],
            "watch": body,
        }
        packed = cbor2.dumps(record)
        with _disk_errors(self.folder):
            _write(self.folder / STATE, sha256(packed) + packed)
        return len(packed)

    def load(
        self,
        chain_id: int,
        detectors: Sequence[Detector],
        scales: Mapping[bytes, int],
        *,
        limits: Limits | None = None,
        finality: int = FINALITY,
    ) -> tuple[Watch, list[Place]]:
        """The watch as it was saved, with its places; a new one if there is none.

        Raises
        ------
        InputError :
            It was saved of another chain, or with other scales.
        StorageError :
            The file is damaged, or was saved with other detectors.
        """
        path, self._scales = self.folder / STATE, dict(scales)
        if not path.exists():
            return Watch(chain_id, detectors, scales, limits=limits, finality=finality), []
        record = _record(path)
        if record["chain"] != chain_id:
            raise InputError(
                f"{path} is of chain {record['chain']}, the source is of chain {chain_id}",
                hint="give each chain a folder of its own with --home",
            )
        if dict(record["scales"]) != dict(scales):
            raise InputError(f"{path} was saved with other scales of tokens", hint=ANEW)
        watch = watch_from_bytes(record["watch"], detectors, scales, finality=finality)
        if limits is not None and watch.flows.graph.limits != limits:
            raise InputError(f"{path} was saved with {watch.flows.graph.limits}", hint=ANEW)
        return watch, [Place(*place) for place in record["places"]]

    def close(self) -> None:
        """Let the folder go."""
        self._held.close()


def saved_graph(folder: Path) -> Graph:
    """The window of a watch as it was last saved; reads only, and needs no detectors.

    Raises
    ------
    StorageError :
        The file is damaged, or there is none.
    """
    return graph_from_bytes(_record(folder / STATE)["watch"])


def _record(path: Path) -> dict[str, Any]:
    import cbor2

    with _disk_errors(path.parent):
        data = path.read_bytes()
    if sha256(data[32:]) != data[:32]:
        raise StorageError(f"{path} is damaged", hint=ANEW)
    record: dict[str, Any] = cbor2.loads(data[32:])
    if record.get("format") != FORMAT:
        raise StorageError(f"{path} has format {record.get('format')}, not {FORMAT}", hint=ANEW)
    return record


def _write(path: Path, data: bytes) -> None:
    """Write a file so that after a crash either the old or the new one is there, whole."""
    waiting = path.with_suffix(".new")
    with waiting.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise StorageError(
            f"the state of the watch in {folder} could not be kept: {failed.strerror}",
            hint="what was kept before is intact: make room, and run the same again",
        ) from failed


def _hold(folder: Path) -> TextIO:
    held = (folder / LOCK).open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise Busy(
            f"another process watches with {folder}",
            hint="stop it, or give this one a folder of its own with --home",
        ) from None
    return held
