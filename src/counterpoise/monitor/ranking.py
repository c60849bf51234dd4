"""A budget of alerts: the bar above which about so many rows an hour have lain of late.

A histogram of scores fades by a forty-eighth each hour. The bar is the lowest score above which
it holds no more than the budget for the hours it covers. All in integers, so that it can be taken
back with a block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOUR = 3600
BUCKETS = 256
BUCKET_BITS = 21
"""A bucket is 1 / 8 of log-odds wide: scores are in units of ``2**-24``."""

UNIT = 256
"""One row, so that what fades does not vanish at once."""

KEEP, OF = 47, 48
MOST = (1 << 32) - 1
FORGOTTEN = 1000
"""After so many hours of silence nothing is left of what was."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What scores have been seen of late.

    Parameters
    ----------
    hour :
        The newest, as hours of Unix time.
    hours :
        How many the histogram covers, faded alike, in units of 1 / 256.
    counts :
        ``(256,)`` int64, the histogram in units of 1 / 256.
    """

    hour: int
    hours: int
    counts: NDArray[np.int64]

    @classmethod
    def begin(cls, time: int) -> Ranking:
        """Nothing seen yet."""
        return cls(time // HOUR, UNIT, np.zeros(BUCKETS, np.int64))

    def at(self, time: int) -> Ranking:
        """What is left of it at a time, in Unix seconds."""
        passed = time // HOUR - self.hour
        if passed <= 0:
            return self
        if passed > FORGOTTEN:
            return self.begin(time)
        hours, counts = self.hours, self.counts
        for _ in range(passed):
            hours, counts = hours * KEEP // OF + UNIT, counts * KEEP // OF
        return Ranking(self.hour + passed, hours, counts)

    def bar(self, per_hour: int) -> int:
        """The score that at most `per_hour` rows an hour have reached."""
        above = np.cumsum(self.counts[::-1])[::-1]
        free = np.flatnonzero(above <= per_hour * self.hours)
        bucket = int(free[0]) if len(free) else BUCKETS
        return (bucket - BUCKETS // 2) << BUCKET_BITS

    def with_scores(self, scores: NDArray[np.int64]) -> Ranking:
        """The same with more rows seen."""
        buckets = np.clip((scores >> BUCKET_BITS) + BUCKETS // 2, 0, BUCKETS - 1)
        return replace(self, counts=self.counts + UNIT * np.bincount(buckets, minlength=BUCKETS))

    def to_value(self) -> tuple[int, int, bytes]:
        """A value that can stand in a table of the memory."""
        return self.hour, self.hours, np.minimum(self.counts, MOST).astype("<u4").tobytes()

    @classmethod
    def of_value(cls, value: tuple[Any, ...]) -> Ranking:
        """Read what `to_value` gave."""
        hour, hours, counts = value
        return cls(hour, hours, np.frombuffer(counts, "<u4").astype(np.int64))
