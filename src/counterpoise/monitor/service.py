"""The service: blocks in, alerts out, each once in effect, whatever ends the process in between.

After each block its alerts stand in the alert book; now and then the state of the watch is
written, and only then is the source told. A restart begins at the state that was written last:
the blocks after it come again and give the same alerts under the same ids, which the book knows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from counterpoise.monitor.alert import Alert
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.detector import Observer
from counterpoise.monitor.intake import Arrival, Intake
from counterpoise.monitor.metrics import Metrics
from counterpoise.monitor.source import Exhausted, Place, Source
from counterpoise.monitor.state_folder import StateFolder
from counterpoise.monitor.watch import Outcome, Watch

PACE = 20
"""The state is written at most one part in so many of the time."""


class Sink(Protocol):
    """Where alerts go. It asks the book for what it was not told yet."""

    def deliver(self, book: AlertBook) -> None:
        """Pass on what is new; after a crash it may be asked for the same again."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the state is written.

    Parameters
    ----------
    blocks :
        After so many blocks, if `PACE` allows.
    seconds :
        After so many seconds, if a block came.
    """

    blocks: int = 256
    seconds: float = 30.0


class Service:
    """One watch on one source, with its book and its sinks.

    Parameters
    ----------
    watch, places :
        As `StateFolder.load` gives them.
    source :
        Of the watch's chain; closed by `close`.
    folder :
        Where state and book are.
    observers :
        What looks at the chain's behaviour.
    clock :
        Unix seconds.
    say :
        Told what an operator should know.
    """

    def __init__(
        self,
        watch: Watch,
        places: Sequence[Place],
        source: Source,
        folder: StateFolder,
        *,
        sinks: Sequence[Sink] = (),
        observers: Sequence[Observer] = (),
        metrics: Metrics | None = None,
        rhythm: Rhythm | None = None,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.watch, self.source, self.folder = watch, source, folder
        self.sinks, self.observers = tuple(sinks), tuple(observers)
        self.metrics, self._rhythm = metrics or Metrics(), rhythm or Rhythm()
        self._clock, self._say = clock, say
        self.book = AlertBook(folder.book_path)
        self._places = deque(places)
        self._unsaved, self._saved, self._cost = 0, time.monotonic(), 0.0
        self._intake = Intake(source, say=say)

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Watch until told to stop, or until the source ends; then write the state.

        Raises
        ------
        StorageError :
            A disk failed. Nothing is lost: what was not acknowledged comes again.
        InputError :
            The chain was reorganised deeper than finality, or blocks are missing.
        """
        if self._places:
            self.source.resume(list(self._places))
        self._deliver()
        self._intake.start()
        try:
            while not stop():
                try:
                    arrival = self._intake.take(0.2)
                except Exhausted:
                    break
                if arrival is not None:
                    self._accept(arrival)
                self._save_when_due()
                self._gauge()
            self._save()
        finally:
            self._intake.close()

    def close(self) -> None:
        """Let go of everything."""
        for sink in self.sinks:
            sink.close()
        self.book.close()
        self.source.close()
        self.folder.close()

    def _accept(self, arrival: Arrival) -> None:
        block = arrival.block
        started, now = time.perf_counter(), self._clock()
        outcome = self.watch.accept(block)
        observed = [
            Alert(self.watch.chain_id, block.number, block.hash, block.time, finding)
            for observer in self.observers
            for finding in observer.observe(block, outcome, now)
        ]
        events = self.book.record(block, outcome.raised, outcome.retracted, observed)
        self._remember(Place(block.number, block.hash, arrival.note))
        self.metrics.count_block(block, outcome, events, time.perf_counter() - started, now)
        if outcome.undone:
            self._say(_told_of_reorg(block, outcome))
        if events:
            self.book.file.settle()  # nobody is told of what a loss of power could take back
            self._deliver()

    def _remember(self, place: Place) -> None:
        """Keep the places of the blocks that the watch can still go back to."""
        tip = self.watch.tip
        if tip is None or tip.hash != place.hash or place in self._places:
            return
        known = {step.hash for step in self.watch.steps}
        while self._places and self._places[-1].hash not in known:
            self._places.pop()
        self._places.append(place)
        while len(self._places) > len(self.watch.steps):
            self._places.popleft()
        self._unsaved += 1

    def _deliver(self) -> None:
        for sink in self.sinks:
            sink.deliver(self.book)

    def _save_when_due(self) -> None:
        waited = time.monotonic() - self._saved
        due = self._unsaved >= self._rhythm.blocks or waited >= self._rhythm.seconds
        if due and self._unsaved and waited >= PACE * self._cost:
            self._save()

    def _save(self) -> None:
        if not self._unsaved:
            return
        started = time.monotonic()
        self.book.file.settle()
        self.metrics.state_bytes = self.folder.save(self.watch, self._places)
        newest = self._places[-1]
        self._unsaved, self._saved = 0, time.monotonic()
        self._cost = self._saved - started
        self._intake.acknowledge(newest)

    def _gauge(self) -> None:
        self.metrics.waiting_blocks = self._intake.waiting
        self.metrics.source_failures = self._intake.failures
        self.metrics.cuts = self.watch.flows.graph.cuts
        self.metrics.head = self.source.head
        self.metrics.faults = self.source.faults


def _told_of_reorg(block: Block, outcome: Outcome) -> str:
    return (
        f"reorg: {outcome.undone} blocks taken back below {block.number}, "
        f"{len(outcome.retracted)} alerts retracted"
    )
