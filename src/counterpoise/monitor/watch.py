"""The watch: blocks in, alerts raised and retracted, the same whatever forks it was shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from counterpoise.core.errors import InputError
from counterpoise.monitor.alert import Alert, Standing
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.detector import Context, Detector
from counterpoise.monitor.flow import Flow, FlowGraph
from counterpoise.monitor.graph import Graph, Mark
from counterpoise.monitor.graph_state import Limits
from counterpoise.monitor.memory import Memory

FINALITY = 64
"""A block with so many above it is not taken back."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the state was before a block, and what the block raised."""

    number: int
    hash: bytes
    parent: bytes
    memory: int
    graph: Mark
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a block did: alerts of blocks that it displaced, and its own.

    Parameters
    ----------
    undone :
        How many blocks were taken back.
    unknown, idle :
        Transfers that were not looked at: of tokens without a scale; of nothing, or to oneself.
    """

    retracted: tuple[Alert, ...]
    raised: tuple[Alert, ...]
    undone: int
    unknown: int
    idle: int


class Watch:
    """Everything that is known of one chain. One worker owns it.

    Parameters
    ----------
    chain_id :
        Of the chain; part of every alert's id.
    detectors :
        What to look for; names are unique.
    scales :
        See `FlowGraph`.
    finality :
        How many blocks can be taken back.

    Raises
    ------
    InputError :
        Two detectors have one name.
    """

    def __init__(
        self,
        chain_id: int,
        detectors: Sequence[Detector],
        scales: Mapping[bytes, int],
        *,
        limits: Limits | None = None,
        finality: int = FINALITY,
    ) -> None:
        names = [detector.name for detector in detectors]
        if len(set(names)) < len(names):
            raise InputError(f"two detectors of one name among {', '.join(names)}")
        self.chain_id, self.detectors, self.finality = chain_id, tuple(detectors), finality
        self.memory = Memory()
        self.flows = FlowGraph(Graph(limits), self.memory, scales)
        self.steps: deque[Step] = deque()

    @property
    def tip(self) -> Step | None:
        """The newest block, None before the first."""
        return self.steps[-1] if self.steps else None

    def accept(self, block: Block) -> Outcome:
        """Take the next block in, or a block of another branch after taking this one's back.

        A block that is known already changes nothing. If a detector fails, the state is as if
        the block had not come.

        Raises
        ------
        InputError :
            The block's parent is none of the blocks that can still be gone back to.
        """
        if any(step.hash == block.hash for step in self.steps):
            return Outcome((), (), 0, 0, 0)
        undone = self._make_way(block)
        memory, graph = self.memory.mark(), self.flows.mark()
        raised: tuple[Alert, ...] | None = None
        try:
            flow = self.flows.observe(block)
            raised = tuple(self._alerts(block, flow))
        finally:
            if raised is None:
                self._go_back(memory, graph)
        self.steps.append(Step(block.number, block.hash, block.parent, memory, graph, raised))
        self._settle()
        retracted = (a.standing_as(Standing.RETRACTED) for step in undone for a in step.alerts)
        return Outcome(tuple(retracted), raised, len(undone), flow.unknown, flow.idle)

    def _alerts(self, block: Block, flow: Flow) -> Iterator[Alert]:
        context = Context(self.chain_id, self.memory, flow)
        for detector in self.detectors:
            for finding in detector.inspect(block, context):
                yield Alert(self.chain_id, block.number, block.hash, block.time, finding)

    def _make_way(self, block: Block) -> list[Step]:
        """Take back blocks until the new one's parent is the newest."""
        if not self.steps:
            return []
        if block.parent not in {self.steps[0].parent, *(step.hash for step in self.steps)}:
            oldest, newest = self.steps[0], self.steps[-1]
            raise InputError(
                f"block {block.number} {block.hash.hex()[:16]} has parent "
                f"{block.parent.hex()[:16]}, which is none of blocks {oldest.number} to "
                f"{newest.number}",
                hint="a reorg deeper than finality: start again from a snapshot before the fork",
            )
        undone = []
        while self.steps and self.steps[-1].hash != block.parent:
            undone.append(self.steps.pop())
        if undone:
            self._go_back(undone[-1].memory, undone[-1].graph)
        return undone

    def _go_back(self, memory: int, graph: Mark) -> None:
        self.memory.go_back(memory)
        self.flows.graph.go_back(graph)

    def _settle(self) -> None:
        """Let go of what lies deeper than finality."""
        while len(self.steps) > self.finality + 1:
            self.steps.popleft()
        self.memory.forget(self.steps[0].memory)
        self.flows.graph.forget(self.steps[0].graph)
