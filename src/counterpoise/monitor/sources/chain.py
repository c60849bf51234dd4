"""Follows a chain: its blocks in order, and another branch from the fork on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from counterpoise.chain import Block as Head
from counterpoise.chain import Chain
from counterpoise.core.errors import ChainError, InputError, Unreachable
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.source import Place
from counterpoise.monitor.sources.local_blocks import LocalBlocks, Runs
from counterpoise.monitor.sources.node_blocks import Node, NodeBlocks
from counterpoise.monitor.watch import FINALITY

BATCH = 32


class Reader(Protocol):
    """Reads whole blocks."""

    untraced: int

    def block(self, head: Head) -> Block | None:
        """The block of a head; None if it was replaced meanwhile."""
        ...


class ChainSource:
    """Every block of a chain, each after its parent.

    Parameters
    ----------
    chain :
        The embedded chain, or a node behind JSON-RPC. It is the caller's to close.
    start :
        The first block, unless `resume` says otherwise.
    confirmations :
        How many blocks must lie above a block before it is given.
    kept :
        How many blocks it can step back over.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        start: int = 0,
        confirmations: int = 0,
        kept: int = FINALITY,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.chain_id = chain.chain_id()
        self._chain, self._start, self._confirmations = chain, start, confirmations
        self._given: deque[tuple[int, bytes]] = deque(maxlen=kept + 1)
        self._reader = _reader(chain, say)
        self._head: int | None = None

    @property
    def head(self) -> int | None:
        """Number of the newest block that may be given."""
        return self._head

    @property
    def faults(self) -> Mapping[str, int]:
        """Transactions whose calls the node did not show."""
        return {"untraced transactions": self._reader.untraced}

    def resume(self, places: Sequence[Place]) -> None:
        """Go on after the newest of these blocks that is still on the chain."""
        self._given.extend((place.number, place.hash) for place in places)

    def poll(self) -> list[Block]:
        """The next blocks of the best chain."""
        self._head = self._chain.block("latest").number - self._confirmations
        self._step_back()
        found: list[Block] = []
        while len(found) < BATCH:
            number = self._given[-1][0] + 1 if self._given else self._start
            if number > self._head:
                break
            try:
                block = self._fetch(number)
            except Unreachable:
                if found:
                    break
                raise
            if block is None:  # replaced while it was read: the next poll sees the new branch
                break
            found.append(block)
            self._given.append((block.number, block.hash))
        return found

    def note(self, block: Block) -> str:
        """Nothing: the block's number and hash say where it is."""
        return ""

    def acknowledge(self, place: Place) -> None:
        """Nothing to note: a chain keeps its blocks."""

    def close(self) -> None:
        """Nothing is held: the chain is the caller's."""

    def _fetch(self, number: int) -> Block | None:
        try:
            head = self._chain.block(number)
        except InputError:
            return None
        if self._given and head.parent != self._given[-1][1]:
            return None
        return self._reader.block(head)

    def _step_back(self) -> None:
        """Let go of blocks that are not on the chain any more.

        A head below the newest given block says nothing about the blocks above it, unless the
        chain has another block at the head's height: the node may lag.
        """
        head = self._head
        at = self._start if head is None else head
        shown = [place for place in self._given if place[0] <= at]
        if not self._given or not shown or self._is_on_chain(*shown[-1]):
            return
        oldest = self._given[0][0]
        while self._given and not (
            self._given[-1][0] <= at and self._is_on_chain(*self._given[-1])
        ):
            self._given.pop()
        if not self._given and oldest != self._start:
            raise ChainError(
                f"the chain was reorganised below block {oldest}, the oldest that is remembered",
                hint="watch from the beginning again: move the file watch.state away",
            )

    def _is_on_chain(self, number: int, digest: bytes) -> bool:
        try:
            return self._chain.block(number).hash == digest
        except InputError:
            return False


def _reader(chain: Chain, say: Callable[[str], None]) -> Reader:
    if isinstance(chain, Runs):
        return LocalBlocks(chain)
    if isinstance(chain, Node):
        return NodeBlocks(chain, say)
    raise InputError(
        f"a chain of kind {chain.features.name} does not show its blocks",
        hint="give the embedded chain, or a node's address",
    )
