"""Timing: blocks that came much later than those before them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from counterpoise.chain import LOCAL_CHAIN_ID
from counterpoise.monitor.alert import Finding, Severity
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.detector import Context

KEPT = 33


@dataclass(frozen=True, slots=True)
class Timing:
    """Finds gaps in a chain's own times; clocks and forks are `health.Health`'s.

    A local chain makes blocks when it is asked to, so of it nothing is said.

    Parameters
    ----------
    times :
        A gap of so many times the median of the last 33.
    least :
        And of so many seconds.
    """

    times: int = 8
    least: int = 60
    name: str = "timing"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Compare the time since the last block with those before."""
        if context.chain_id == LOCAL_CHAIN_ID:
            return
        table = context.memory.table("timing")
        last, gaps = table.get(0, (block.time, ()))
        gap = block.time - last
        if len(gaps) == KEPT:
            usual = sorted(gaps)[KEPT // 2]
            if gap >= max(self.least, self.times * max(usual, 1)):
                yield Finding(
                    self.name,
                    self.version,
                    Severity.LOW,
                    990_000,
                    (block.hash,),
                    (),
                    (f"no block for {gap} s; the median of {KEPT} gaps is {usual} s",),
                )
        table.put(0, (block.time, (*gaps, gap)[-KEPT:]))
