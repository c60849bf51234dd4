"""What every detector gives, and what watches the chain itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from counterpoise.monitor.alert import Finding
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.flow import Flow
from counterpoise.monitor.memory import Memory

if TYPE_CHECKING:
    from counterpoise.monitor.watch import Outcome


@dataclass(frozen=True, slots=True)
class Context:
    """What a detector may use besides the block.

    Parameters
    ----------
    chain_id :
        Of the chain that is watched.
    memory :
        Tables; whatever a detector keeps elsewhere is lost in a reorg.
    flow :
        The block's transfers with their features, as `Graph.names` has them.
    """

    chain_id: int
    memory: Memory
    flow: Flow


class Detector(Protocol):
    """One kind of thing to look for.

    A detector is a function of the blocks so far: the same blocks give the same findings, and a
    block that was taken back has left no trace. So it keeps nothing outside `Context.memory`,
    reads no clock and draws no lots.
    """

    @property
    def name(self) -> str:
        """What its findings are filed under; unique in a watch."""
        ...

    @property
    def version(self) -> int:
        """Grows whenever the same blocks would give other findings."""
        ...

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Look at the next block."""
        ...


class Observer(Protocol):
    """Watches how the chain itself behaves: reorgs, clocks, nodes that disagree.

    What it finds is of what a source showed, so no reorg retracts it. After a restart the newest
    blocks may come again: the same block must then give findings of the same transactions, for
    which the hash of the block stands where there is none.
    """

    @property
    def name(self) -> str:
        """What it is called; part of every alert's id."""
        ...

    @property
    def version(self) -> int:
        """Rises with every change of what it finds."""
        ...

    def observe(self, block: Block, outcome: Outcome, now: float) -> Iterable[Finding]:
        """Look at a block that was taken in at `now`, Unix seconds by the machine's clock."""
        ...
