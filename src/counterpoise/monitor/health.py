"""How the chain itself behaves: reorgs, forks, a head that falls behind, clocks, nodes at odds.

A reorg leaves no trace in a detector's memory, so a detector cannot tell of it. This one keeps its
own, and nothing that it says is ever retracted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from counterpoise.monitor.alert import Finding, Severity
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.watch import Outcome

KEPT = 256


@dataclass(slots=True)
class Health:
    """Tells of what is odd about a block's arrival: at most one finding a block.

    Parameters
    ----------
    depths :
        Reorgs of so many blocks are medium, high, critical.
    forks :
        Blocks taken back, in ppm of the last 256 taken in, from which on forks are frequent.
    lag :
        Seconds by which a head may be behind the machine's clock once it was not.
    ahead :
        Seconds by which a block's time may be ahead of it.
    """

    depths: tuple[int, int, int] = (2, 7, 32)
    forks: int = 50_000
    lag: int = 120
    ahead: int = 15
    name: str = "health"
    version: int = 1
    _undone: deque[int] = field(init=False, default_factory=lambda: deque(maxlen=KEPT))
    _live: bool = field(init=False, default=False)
    _frequent: bool = field(init=False, default=False)
    _newest: int = field(init=False, default=-1)

    def observe(self, block: Block, outcome: Outcome, now: float) -> Iterable[Finding]:
        """Look at a block that was taken in at `now`, Unix seconds by the machine's clock."""
        odd = [*self._reorg(outcome), *self._rate(outcome), *self._clock(block, int(now))]
        if block.number > self._newest + 1 >= 1:
            missing = block.number - self._newest - 1
            odd.append((Severity.LOW, f"{missing} block numbers were not seen"))
        self._newest = block.number
        if odd:
            worst = max(severity for severity, _ in odd)
            reasons = tuple(reason for _, reason in odd)
            yield Finding(self.name, self.version, worst, 990_000, (block.hash,), (), reasons)

    def _reorg(self, outcome: Outcome) -> Iterable[tuple[Severity, str]]:
        levels = (Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
        reached = [
            level
            for level, depth in zip(levels, self.depths, strict=True)
            if outcome.undone >= depth
        ]
        if reached:
            count = len(outcome.retracted)
            yield reached[-1], f"{outcome.undone} blocks were taken back, and {count} alerts"

    def _rate(self, outcome: Outcome) -> Iterable[tuple[Severity, str]]:
        self._undone.append(outcome.undone)
        taken_back = sum(self._undone)
        frequent = len(self._undone) == KEPT and 1_000_000 * taken_back >= self.forks * KEPT
        if frequent and not self._frequent:
            yield Severity.MEDIUM, f"{taken_back} of the last {KEPT} blocks were taken back"
        self._frequent = frequent

    def _clock(self, block: Block, now: int) -> Iterable[tuple[Severity, str]]:
        behind = now - block.time
        if -behind > self.ahead:
            yield Severity.MEDIUM, f"the block's time is {-behind} s ahead of the clock"
        if behind <= self.lag:
            self._live = True
        elif self._live:
            self._live = False
            yield Severity.MEDIUM, f"the head is {behind} s behind the clock"


@dataclass(slots=True)
class Heads:
    """Compares what several nodes say of the same chain.

    Parameters
    ----------
    behind :
        Blocks by which a node may be behind the furthest.
    """

    behind: int = 5
    name: str = "heads"
    version: int = 1
    _told: set[tuple[str, ...]] = field(init=False, default_factory=set)

    def compare(
        self, heads: Mapping[str, int], hashes: Mapping[str, bytes], number: int
    ) -> Iterable[Finding]:
        """Compare two or more nodes.

        Parameters
        ----------
        heads :
            The newest block's number by node.
        hashes :
            What each node holds to be the hash of block `number`, which all of them have: the
            lowest of the heads, or one some blocks below it.
        """
        furthest = max(heads.values(), default=0)
        late = [node for node in sorted(heads) if furthest - heads[node] > self.behind]
        odd: list[tuple[Severity, str, tuple[str, ...]]] = [
            (Severity.LOW, f"{node} is {furthest - heads[node]} blocks behind", ("late", node))
            for node in late
        ]
        groups: dict[bytes, list[str]] = {}
        for node in sorted(hashes):
            groups.setdefault(hashes[node], []).append(node)
        if len(groups) > 1:
            words = "; ".join(f"{', '.join(g)}: {h.hex()[:16]}" for h, g in sorted(groups.items()))
            key = ("split", *(node for group in sorted(groups.values()) for node in (*group, "|")))
            odd.append((Severity.HIGH, f"nodes disagree about block {number}: {words}", key))
        fresh = [one for one in odd if one[2] not in self._told]
        self._told = {one[2] for one in odd}
        if fresh:
            worst = max(severity for severity, _, _ in fresh)
            reasons = tuple(reason for _, reason, _ in fresh)
            digest = min(groups) if groups else number.to_bytes(32, "big")
            yield Finding(self.name, self.version, worst, 990_000, (digest,), (), reasons)
