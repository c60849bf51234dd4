"""Takes blocks from a source in a thread of its own: never more than it has room for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from counterpoise.core.errors import Unreachable
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.source import Exhausted, Place, Source

ROOM = 20_000
"""Transactions that may wait; one block may always wait, however large."""
MAX_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A block as it waits, with the source's note of its place."""

    block: Block
    note: str


class Intake:
    """A bounded queue before a source; when it is full the source is not asked, nothing is dropped.

    The source is used by the thread alone, acknowledgements included.

    Parameters
    ----------
    room :
        How many transactions may wait.
    pause :
        Seconds between two questions while there is nothing new; doubles while the source does
        not answer, to at most half a minute.
    """

    def __init__(
        self,
        source: Source,
        *,
        room: int = ROOM,
        pause: float = 0.2,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._source, self._room, self._pause, self._say = source, room, pause, say
        self._waiting: deque[Arrival] = deque()
        self._held = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._done: deque[Place] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._reading: Future[None] | None = None
        self.failures = 0
        self.most_held = 0

    def start(self) -> None:
        """Begin to ask the source."""
        self._reading = self._pool.submit(self._read)

    def take(self, seconds: float) -> Arrival | None:
        """The next block; None if none came in time.

        Raises
        ------
        Exhausted :
            The source has ended and every block was taken.
        CounterpoiseError :
            What the source failed with, after the blocks that it gave before.
        """
        reading = self._reading
        with self._changed:
            if not self._waiting and (reading is None or not reading.done()):
                self._changed.wait(seconds)
            if self._waiting:
                arrival = self._waiting.popleft()
                self._held -= len(arrival.block.transactions)
                self._changed.notify_all()
                return arrival
        if reading is not None and reading.done():
            reading.result()
            raise Exhausted
        return None

    def acknowledge(self, place: Place) -> None:
        """Have the source told that a block was dealt with, before it is asked again."""
        self._done.append(place)

    @property
    def waiting(self) -> int:
        """How many blocks wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Stop asking; what waits is let go, and comes again after a restart."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._pool.shutdown(wait=True)
        self._tell()

    def _read(self) -> None:
        try:
            while not self._stop.is_set():
                self._tell()
                blocks = self._ask()
                if blocks is None:
                    return
                for block in blocks:
                    self._put(Arrival(block, self._source.note(block)))
                if not blocks:
                    self._stop.wait(min(self._pause * 2**self.failures, MAX_PAUSE))
        finally:
            with self._changed:
                self._changed.notify_all()

    def _ask(self) -> list[Block] | None:
        """Ask once; no blocks while the source does not answer, None after its end."""
        try:
            blocks = self._source.poll()
        except Exhausted:
            return None
        except Unreachable as error:
            if not self.failures:
                self._say(f"the source does not answer: {error.message}; asking again")
            self.failures = min(self.failures + 1, 16)
            return []
        if self.failures:
            self._say("the source answers again")
        self.failures = 0
        return blocks

    def _put(self, arrival: Arrival) -> None:
        size = len(arrival.block.transactions)
        with self._changed:
            while self._waiting and self._held + size > self._room and not self._stop.is_set():
                self._changed.wait()
            self._waiting.append(arrival)
            self._held += size
            self.most_held = max(self.most_held, self._held)
            self._changed.notify_all()

    def _tell(self) -> None:
        newest = None
        while self._done:
            newest = self._done.popleft()
        if newest is not None:
            self._source.acknowledge(newest)
