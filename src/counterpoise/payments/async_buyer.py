"""Our client of paid routes for asyncio; what it decides, `Buyer` decides by the same code."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from counterpoise.chain import Account
from counterpoise.core.errors import Unreachable
from counterpoise.payments.budget import Budget
from counterpoise.payments.buyer import ReadChannel
from counterpoise.payments.purse import Pocket, Purse
from counterpoise.payments.shopping import Answer, Bought, Request, Shopper, Step, Steps, T, Told
from counterpoise.payments.wire import BATCH, EXACT, Response


class AsyncTransport(Protocol):
    """What sends for an `AsyncBuyer`; each raises `Unreachable` if no answer comes."""

    async def __call__(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send a request and read the whole answer."""
        ...

    def stream(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> AbstractAsyncContextManager[tuple[Answer, AsyncIterator[bytes]]]:
        """Send a request; gives the head of the answer, and its body as it comes."""
        ...

    async def whole(self, address: str, parts: AsyncIterator[bytes]) -> bytes:
        """Read a body to its end."""
        ...


@dataclass(frozen=True, slots=True)
class Streamed:
    """A paid stream: what was told ahead of it (`bought.answer` has no body), and its blocks."""

    bought: Bought
    blocks: AsyncIterator[bytes]


class AsyncBuyer:
    """Fetches what must be paid for, in one event loop; any number of tasks may share it.

    The parameters are those of `Buyer`; `transport` is `engines.async_http.AsyncConnections` by
    default, and `read_channel` runs in a thread.
    """

    def __init__(
        self,
        account: Account,
        budget: Budget,
        *,
        transport: AsyncTransport | None = None,
        read_channel: ReadChannel | None = None,
        lanes: int = 1,
        schemes: tuple[str, ...] = (BATCH, EXACT),
        resends: int = 2,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.budget, self._purse = budget, Purse(account, budget, random)
        self._transport = transport or _transport()
        self._read_channel = read_channel
        reads = read_channel is not None
        self._shopper = Shopper(self._purse, budget, schemes, resends, clock, reads)
        self._count, self._all = lanes, asyncio.Lock()
        self._lanes: asyncio.Queue[int] = asyncio.Queue()
        for lane in range(lanes):
            self._lanes.put_nowait(lane)

    async def fetch(
        self, address: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> Bought:
        """Fetch an address, and pay for it where that is asked; errors as in `Buyer.fetch`."""
        lane = await self._lanes.get()
        try:
            steps = self._shopper.fetch(lane, Request(method, address, headers, body))
            return await self._run(steps, self._send)
        finally:
            self._lanes.put_nowait(lane)

    @asynccontextmanager
    async def stream(
        self, address: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> AsyncIterator[Streamed]:
        """Fetch an address whose answer comes in blocks; `async with` it, and leave it to stop.

        `Bought.paid` is what was told ahead. Where the stream cost less, the seller says so in
        the answer to the next call, and the budget gets the rest back then.
        """
        lane = await self._lanes.get()
        try:
            async with AsyncExitStack() as stack:
                blocks: list[AsyncIterator[bytes]] = []

                async def send(request: Request) -> Answer:
                    head, parts = await stack.enter_async_context(
                        self._transport.stream(
                            request.method, request.address, request.headers, request.body
                        )
                    )
                    if head.status < 400:
                        blocks.append(parts)
                        return head
                    body = await self._transport.whole(request.address, parts)
                    blocks.append(_one(body))
                    return Answer(head.status, head.headers, body)

                steps = self._shopper.fetch(lane, Request(method, address, headers, body))
                bought = await self._run(steps, send)
                yield Streamed(bought, blocks[-1])
        finally:
            self._lanes.put_nowait(lane)

    async def refund(
        self, address: str, method: str = "GET", amount: int | None = None
    ) -> list[Response]:
        """Ask the seller of an address for what is left in the channels to it; see `Buyer`."""
        async with self._all:
            lanes = sorted([await self._lanes.get() for _ in range(self._count)])
            try:
                request = Request(method, address)
                asked = [
                    await self._run(self._shopper.refund(lane, request, amount), self._send)
                    for lane in lanes
                ]
            finally:
                for lane in lanes:
                    self._lanes.put_nowait(lane)
        return [response for response in asked if response is not None]

    def pockets(self) -> list[Pocket]:
        """Give what is known of every channel: its terms, balance and what was charged."""
        return self._purse.pockets()

    async def _run(self, steps: Steps[T], send: Callable[[Request], Awaitable[Answer]]) -> T:
        """Do what a call asks for, one thing after the other."""
        try:
            step = next(steps)
            while True:
                try:
                    told = await self._do(step, send)
                except Unreachable as failed:
                    step = steps.throw(failed)
                else:
                    step = steps.send(told)
        except StopIteration as done:
            value: T = done.value
            return value

    async def _do(self, step: Step, send: Callable[[Request], Awaitable[Answer]]) -> Told:
        if isinstance(step, Request):
            return await send(step)
        assert self._read_channel is not None
        return await asyncio.to_thread(self._read_channel, step)

    async def _send(self, request: Request) -> Answer:
        return await self._transport(request.method, request.address, request.headers, request.body)


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _transport() -> AsyncTransport:
    engine = import_module("counterpoise.payments.engines.async_http")
    return cast("AsyncTransport", engine.AsyncConnections())
