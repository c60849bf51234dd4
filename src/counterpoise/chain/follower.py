"""Follows the events of contracts through restarts and reorgs, each at least once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from counterpoise.chain.backend import Block, Chain, Log
from counterpoise.chain.contract import Contract, Event
from counterpoise.chain.cursor import Cursor
from counterpoise.core.errors import ChainError, InputError, Reverted, Unreachable

Kind = Literal["added", "removed"]

NEAR = 64
MAX_RANGE = 2_000
MAX_MISSES = 5


class Follower:
    """Gives the events of some contracts as they are added to the chain or removed from it.

    A block's events are written down before they are given, and ticked off when the consumer
    asks for more. So after a crash the events of the last block come again, and a reorg removes
    every event that was given; it may also remove one that was not. Consumers tell events apart
    by block hash and log index, and take a removal of the unknown lightly.

    Parameters
    ----------
    chain, contracts :
        What to follow. Logs of events that a contract's interface does not name are skipped.
    cursor_path :
        The SQLite file that remembers the place; one follower at a time.
    confirmations :
        How many blocks must lie above a block before its events are given. 0 gives them at
        once; what pays money should wait.
    start :
        The first block of a new cursor.
    window :
        How many blocks are kept to step back over. A reorg that goes deeper is an error.

    Raises
    ------
    InputError :
        The cursor belongs to another chain.
    Busy :
        Another follower holds the cursor.
    """

    def __init__(
        self,
        chain: Chain,
        contracts: Sequence[Contract],
        cursor_path: Path,
        *,
        confirmations: int = 0,
        start: int = 0,
        window: int = 256,
    ) -> None:
        self._chain = chain
        self._contracts = {contract.address: contract for contract in contracts}
        self._confirmations, self._window = confirmations, window
        self._cursor = Cursor(cursor_path)
        try:
            self._check_identity(start)
        except BaseException:
            self._cursor.close()
            raise

    def _check_identity(self, start: int) -> None:
        genesis = f"{self._chain.chain_id()} {self._chain.block(0).hash.hex()}"
        known = self._cursor.meta("chain")
        if known is None:
            with self._cursor.step():
                self._cursor.set_meta("chain", genesis)
                self._cursor.set_meta("delivered", str(start - 1))
                self._cursor.set_meta("start", str(start))
                if start > 0:
                    self._cursor.add(self._chain.block(start - 1), [])
        elif known != genesis:
            raise InputError(
                f"the cursor follows chain {known}, this is {genesis}",
                hint="give another cursor file, or the node of the first chain",
            )

    @property
    def block_number(self) -> int:
        """The last block whose events were taken."""
        return self._cursor.delivered()

    def close(self) -> None:
        """Let go of the cursor."""
        self._cursor.close()

    def poll(self) -> Iterator[tuple[Kind, Event]]:
        """Give what has changed since the last poll, up to the head as it is now.

        An event counts as taken when the iterator is asked for the next one, or is exhausted.

        Raises
        ------
        ChainError :
            A reorg went deeper than the window.
        Unreachable :
            The node does not answer; nothing is lost, poll again.
        """
        yield from self._step_back()
        yield from self._deliver()
        misses = 0
        while (target := self._target()) > self._tip() and misses < MAX_MISSES:
            if self._fetch(target):
                misses = 0
            else:
                misses += 1
                yield from self._step_back()
            yield from self._deliver()

    def _target(self) -> int:
        return self._chain.block("latest").number - self._confirmations

    def _tip(self) -> int:
        tip = self._cursor.tip()
        return tip[0] if tip else -1

    def _step_back(self) -> Iterator[tuple[Kind, Event]]:
        """Remove the events above the last block that is still on the chain."""
        common = self._common()
        if common >= self._tip():
            return
        for log in reversed(self._cursor.events(common)):
            yield from self._named("removed", log)
        with self._cursor.step():
            self._cursor.cut(common)
            self._cursor.set_meta("delivered", str(min(common, self._cursor.delivered())))

    def _common(self) -> int:
        """Give the newest kept block that is on the chain; the tip while the node lags.

        A head below our tip says nothing yet about the blocks above it: the node may be one
        of several that do not keep step.
        """
        head, tip = self._chain.block("latest").number, self._tip()
        blocks = self._cursor.blocks()
        seen = [(number, digest) for number, digest in blocks if number <= head]
        if not seen:
            return tip
        for number, digest in seen:
            if self._chain.block(number).hash == digest:
                return tip if number == seen[0][0] else number
        if self._cursor.meta("pruned") is None and self._cursor.meta("start") == "0":
            return -1
        raise ChainError(
            f"the chain was reorganised below block {blocks[-1][0]}, the deepest kept",
            hint="derive everything anew: delete the cursor and what was made from its events",
        )

    def _deliver(self) -> Iterator[tuple[Kind, Event]]:
        """Give the kept events that were not ticked off, block by block."""
        waiting: dict[int, list[Log]] = {}
        for log in self._cursor.events(self._cursor.delivered()):
            waiting.setdefault(log.block_number, []).append(log)
        for number, logs in waiting.items():
            for log in logs:
                yield from self._named("added", log)
            with self._cursor.step():
                self._cursor.set_meta("delivered", str(number))
        tip = self._tip()
        if tip > self._cursor.delivered() or waiting:
            with self._cursor.step():
                self._cursor.set_meta("delivered", str(tip))
                if tip > self._window:
                    self._cursor.prune(tip - self._window)
                    self._cursor.set_meta("pruned", "yes")

    def _fetch(self, target: int) -> bool:
        """Write down the next blocks; False if the chain moved meanwhile."""
        first, last = self._tip() + 1, target
        if last - first < NEAR:
            return self._fetch_block(first)
        last = min(first + MAX_RANGE - 1, last - NEAR)
        while True:
            block = self._chain.block(last)
            try:
                logs = self._chain.logs(first, last, list(self._contracts))
            except (Unreachable, Reverted):
                raise
            except ChainError:
                if last == first:
                    raise
                last = (first + last) // 2
                continue
            self._keep(block, logs)
            return True

    def _fetch_block(self, number: int) -> bool:
        """Near the head, ask by hash, so that two answers cannot mix two branches."""
        block = self._chain.block(number)
        if self._cursor.tip() not in (None, (number - 1, block.parent)):
            return False
        try:
            logs = self._chain.logs_of_block(block.hash, list(self._contracts))
        except (ChainError, InputError):
            if self._chain.block(number).hash == block.hash:
                raise
            return False
        self._keep(block, logs)
        return True

    def _keep(self, block: Block, logs: Sequence[Log]) -> None:
        with self._cursor.step():
            self._cursor.add(block, logs)

    def _named(self, kind: Kind, log: Log) -> Iterator[tuple[Kind, Event]]:
        contract = self._contracts.get(log.address)
        event = contract.decode(log) if contract else None
        if event is not None:
            yield kind, event
