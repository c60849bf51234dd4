"""What every detector gives, and the table of those there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from counterpoise.monitor.alert import Finding
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.flow import Flow
from counterpoise.monitor.memory import Memory


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

    name: str
    version: int

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Look at the next block."""
        ...
