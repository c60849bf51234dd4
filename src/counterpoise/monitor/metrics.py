"""What the service counts, in the text format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from counterpoise.monitor.blocks import Block
from counterpoise.monitor.book_reads import BookReader, Event
from counterpoise.monitor.graph import Cuts
from counterpoise.monitor.watch import Outcome

PREFIX = "counterpoise_monitor_"
BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Seconds; upper bounds of the buckets of the time a block takes."""

Sample = tuple[dict[str, str], float]


class Metrics:
    """Counters of one service; written by its thread, read by any."""

    def __init__(self) -> None:
        self.blocks = self.transactions = self.unknown = self.idle = 0
        self.reorgs = self.undone = self.raised = self.retracted = 0
        self.number = self.time = 0
        self.head: int | None = None
        self.arrived = self.seconds = 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.waiting_blocks = self.source_failures = self.state_bytes = 0
        self.cuts = Cuts(0, 0, 0, 0, 0)
        self.faults: Mapping[str, int] = {}
        self.sinks: dict[str, dict[str, int]] = {}

    def count_block(
        self,
        block: Block,
        outcome: Outcome,
        events: Sequence[Event],
        seconds: float,
        now: float,
    ) -> None:
        """Count a block that was dealt with."""
        self.blocks += 1
        self.transactions += len(block.transactions)
        self.unknown += outcome.unknown
        self.idle += outcome.idle
        self.reorgs += outcome.undone > 0
        self.undone += outcome.undone
        self.raised += sum(event.kind == "raised" for event in events)
        self.retracted += sum(event.kind == "retracted" for event in events)
        self.number, self.time, self.arrived = block.number, block.time, now
        self.seconds += seconds
        self.buckets[sum(seconds > bound for bound in BOUNDS)] += 1

    @property
    def lag(self) -> int:
        """How many blocks are known of and not dealt with."""
        return self.waiting_blocks if self.head is None else max(0, self.head - self.number)

    def lines(self, book: BookReader, now: float) -> Iterable[str]:
        """The whole page, version 0.0.4 of the text format."""
        for name, count, told in (
            ("blocks", self.blocks, "Blocks dealt with since the start."),
            ("transactions", self.transactions, "Transactions in them."),
            ("reorgs", self.reorgs, "Blocks that displaced others."),
            ("blocks_undone", self.undone, "Blocks taken back."),
            ("alerts_raised", self.raised, "Alerts raised."),
            ("alerts_retracted", self.retracted, "Alerts retracted."),
            ("transfers_unknown", self.unknown, "Transfers of tokens without a scale."),
            ("transfers_idle", self.idle, "Transfers of nothing, or to oneself."),
        ):
            yield from _lines(f"{name}_total", "counter", told, [({}, count)])
        cut = [({"limit": key}, value) for key, value in asdict(self.cuts).items()]
        yield from _lines(
            "cuts_total", "counter", "Searches that a limit cut, of all transfers.", cut
        )
        for name, value, told in (
            ("block_number", self.number, "The newest block dealt with."),
            ("block_time_seconds", self.time, "Its time, Unix."),
            ("lag_blocks", self.lag, "Blocks known of and not dealt with."),
            ("waiting_blocks", self.waiting_blocks, "Blocks that wait in memory."),
            ("source_failures", self.source_failures, "Questions in a row without an answer."),
            ("seconds_since_block", self._silence(now), "Since a block came."),
            ("state_bytes", self.state_bytes, "Size of the state when last written."),
        ):
            yield from _lines(name, "gauge", told, [({}, value)])
        left = [({"kind": kind}, count) for kind, count in self.faults.items()]
        yield from _lines("source_faults_total", "counter", "Left out by the source.", left)
        found = [
            ({"detector": detector, "status": standing}, count)
            for (detector, standing), count in sorted(book.counts().items())
        ]
        yield from _lines("alerts", "gauge", "Alerts in the book.", found)
        for what in ("delivered", "failed", "dead"):
            told = f"Events {what}, by sink."
            rows = [({"sink": sink}, found.get(what, 0)) for sink, found in self.sinks.items()]
            yield from _lines(f"sink_{what}_total", "counter", told, rows)
        yield from self._histogram()

    def _silence(self, now: float) -> float:
        return max(0.0, now - self.arrived) if self.arrived else 0.0

    def _histogram(self) -> Iterable[str]:
        name, total = f"{PREFIX}block_seconds", 0
        yield f"# HELP {name} Time that a block took, from queue to book."
        yield f"# TYPE {name} histogram"
        for bound, count in zip((*BOUNDS, "+Inf"), self.buckets, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self.seconds:.6f}"
        yield f"{name}_count {total}"


def _lines(name: str, kind: str, told: str, samples: Sequence[Sample]) -> Iterable[str]:
    if not samples:
        return
    yield f"# HELP {PREFIX}{name} {told}"
    yield f"# TYPE {PREFIX}{name} {kind}"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_quoted(text)}"' for key, text in labels.items())
        shown = value if isinstance(value, int) else f"{value:.3f}"
        yield f"{PREFIX}{name}{f'{{{inside}}}' if inside else ''} {shown}"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
