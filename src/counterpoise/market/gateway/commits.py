"""Many calls wait for one write to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from counterpoise.core.errors import StorageError


class Commits:
    """Runs a blocking flush in a thread of its own; calls that come meanwhile share the next.

    Parameters
    ----------
    flush :
        Makes durable whatever was noted before it is called.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self.broken = ""

    async def durable(self) -> None:
        """Wait until all that was noted so far lies on the disk.

        Raises
        ------
        StorageError :
            The disk refused; this call's charge may be lost, and no other is taken.
        """
        if self.broken:
            raise StorageError(self.broken)
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if self._task is None:
            self._task = loop.create_task(self._run())
        await mine

    def close(self) -> None:
        """Let go of the thread."""
        self._pool.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            failure = "the writing was cut short"
            try:
                await loop.run_in_executor(self._pool, self._flush)
                failure = ""
            except StorageError as failed:
                failure = failed.message
            finally:
                self.broken = failure
                self._tell(batch)
        self._task = None

    def _tell(self, batch: list[asyncio.Future[None]]) -> None:
        for one in batch:
            if one.done():
                continue
            if self.broken:
                one.set_exception(StorageError(self.broken))
            else:
                one.set_result(None)
