"""An alert budget: of what a ranked detector finds, only the best of the day so many an hour."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Finding
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.detector import Context, Detector
from counterpoise.monitor.memory import Table

HOUR = 3600
HOURS = 24
GRAIN = 1000
"""Ranks are told apart to a thousandth: 1000 ppm of confidence."""
BURST = 2
"""In one hour at most so many times the budget passes, however many are above the bar."""


class Ranked:
    """A detector whose findings compete with those of the last 24 hours.

    The bar of an hour is the running quantile: the rank that ``24 * per_hour`` findings of the 24
    hours before reached, scaled down while fewer hours have been seen; 0 if there were not so
    many. Everything is counted in the watch's memory, by block time, in integers: a reorg takes
    it back, and the same blocks pass the same findings.

    Parameters
    ----------
    detector :
        Gives candidates with `Finding.confidence` as their rank.
    per_hour :
        How many are wanted, on average.
    """

    def __init__(self, detector: Detector, per_hour: int) -> None:
        if per_hour < 1:
            raise InputError(f"a budget of {per_hour} alerts an hour", hint="give at least 1")
        self.detector, self.per_hour = detector, per_hour
        self.name, self.version = detector.name, detector.version

    def inspect(self, block: Block, context: Context) -> Iterator[Finding]:
        """Pass what is above the bar, within the hour's budget."""
        table = context.memory.table(f"budget {self.name}")
        hour = block.time // HOUR
        for finding in self.detector.inspect(block, context):
            if table.get("hour") != hour:
                self._turn(table, hour)
            rank = finding.confidence // GRAIN
            counts = table.get(hour, ())
            table.put(hour, _counted(counts, rank))
            passed = table.get("passed", 0)
            if rank >= table.get("bar", 0) and passed < BURST * self.per_hour:
                table.put("passed", passed + 1)
                yield finding
            else:
                table.put("held back", table.get("held back", 0) + 1)

    def _turn(self, table: Table, hour: int) -> None:
        """Begin an hour: forget what is a day old, set the bar anew."""
        for old in [key for key in table if isinstance(key, int) and key < hour - HOURS]:
            table.drop(old)
        known = [key for key in table if isinstance(key, int) and key < hour]
        first = table.get("first")
        if first is None:
            table.put("first", hour)
            first = hour
        total: dict[int, int] = {}
        for key in known:
            for rank, count in table.get(key):
                total[rank] = total.get(rank, 0) + count
        wanted, bar = min(HOURS, max(1, hour - first)) * self.per_hour, 0
        for rank in sorted(total, reverse=True):
            wanted -= total[rank]
            if wanted <= 0:
                bar = rank
                break
        for name, value in (("hour", hour), ("bar", bar), ("passed", 0)):
            table.put(name, value)


def _counted(counts: tuple[tuple[int, int], ...], rank: int) -> tuple[tuple[int, int], ...]:
    found = dict(counts)
    found[rank] = found.get(rank, 0) + 1
    return tuple(sorted(found.items()))
