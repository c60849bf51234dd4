"""The gateway as an ASGI application: requests in, bounded; outcomes out, and who saw them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.market.gateway.body import Gone, Receive, at_once, check_media, read_body
from counterpoise.market.gateway.limits import Buckets, Limits
from counterpoise.market.gateway.metrics import Metrics
from counterpoise.market.gateway.outcome import Outcome, problem_of
from counterpoise.market.gateway.paid import PaidDesk
from counterpoise.market.gateway.problems import plain_problem, status_of, text_of
from counterpoise.market.gateway.routing import OUTSIDE, Routes
from counterpoise.market.gateway.service import (
    NO_LEVEL,
    Call,
    NotServed,
    Route,
    Service,
    Stream,
    UpstreamFailed,
    request_digest,
)
from counterpoise.market.gateway.turnstile import SIGNATURES

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Lifespan = Callable[[], Awaitable[None]]


class Gateway:
    """Answers HTTP for a desk and its services.

    Parameters
    ----------
    services :
        Free pages are services too.
    opened, closed :
        Run on the event loop before the first request and after the last.
    """

    def __init__(
        self,
        services: Iterable[Service],
        desk: PaidDesk,
        *,
        opened: Lifespan,
        closed: Lifespan,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.routes, self.desk = Routes(services), desk
        self._limits: Limits = desk.limits
        self._metrics: Metrics = desk.metrics
        self._opened, self._closed, self._clock = opened, closed, clock
        self._addresses: Buckets[str] = Buckets(self._limits.address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, pattern = scope["method"], OUTSIDE
        try:
            raw_path = scope["raw_path"].decode("ascii", "replace")
            service, route, parts = self.routes.find(method, raw_path)
            pattern = route.path
            outcome = await self._outcome(scope, receive, service, route, raw_path, parts)
        except NotServed as wrong:
            outcome = self._nowhere(wrong)
        except Gone:
            self._metrics.count(method, pattern, 499)
            return
        self._metrics.count(method, pattern, outcome.status)
        await self._send(outcome, receive, send)

    async def _outcome(
        self,
        scope: Scope,
        receive: Receive,
        service: Service,
        route: Route,
        raw_path: str,
        parts: Mapping[str, str],
    ) -> Outcome:
        """Read a request, and have it answered; mistakes in the words of its service."""
        client = scope.get("client")
        wait = self._addresses.wait(client[0] if client else "", time.monotonic())
        if wait:
            self._metrics.limited["address"] += 1
            return problem_of(service, 429, "too many calls from this address", wait=wait)
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        try:
            if route.method != "GET":
                check_media(headers, route.media)
            body = await read_body(receive, headers, self._limits.body, self._limits.upload_seconds)
            query = scope["query_string"].decode("latin-1")
            call = self._call(scope["method"], raw_path, query, route, parts, body, headers)
        except NotServed as wrong:
            return problem_of(service, wrong.status, text_of(wrong.message, wrong.hint))
        if route.is_free:
            return await self._free(service, call)
        if call.method == "GET" and route.method != "GET":
            return await self.desk.door(service, call, headers)
        return await self.desk.call(service, call, headers)

    def _call(
        self,
        method: str,
        path: str,
        query: str,
        route: Route,
        parts: Mapping[str, str],
        body: bytes,
        headers: Mapping[str, str],
    ) -> Call:
        target = f"{path}?{query}" if query else path
        level = parse_qs(query).get("verification", [NO_LEVEL])[-1] if query else NO_LEVEL
        return Call(
            method,
            path,
            route.path,
            body,
            request_digest(method, target, body),
            parts,
            {name: text for name, text in headers.items() if name not in SIGNATURES},
            query,
            None,
            level,
            int(self._clock()),
        )

    async def _free(self, service: Service, call: Call) -> Outcome:
        try:
            async with asyncio.timeout(self._limits.seconds):
                reply = await service.serve(call)
        except TimeoutError:
            return problem_of(service, 504, "no answer came in time")
        except InputError as wrong:
            return problem_of(service, status_of(wrong), text_of(wrong.message, wrong.hint))
        except UpstreamFailed as failed:
            return problem_of(service, failed.status, failed.message)
        except CounterpoiseError as failed:
            return problem_of(service, 503, failed.message)
        if isinstance(reply, Stream):
            return problem_of(service, 503, "a free route has no streams")
        return Outcome(reply.status, reply.body, reply.media, reply.headers, on_left=reply.left)

    async def _send(self, outcome: Outcome, receive: Receive, send: Send) -> None:
        headers = [
            (name.encode(), text.encode("latin-1")) for name, text in outcome.headers.items()
        ]
        headers.append((b"content-type", outcome.media.encode()))
        start = {"type": "http.response.start", "status": outcome.status, "headers": headers}
        if isinstance(outcome.body, bytes):
            headers.append((b"content-length", b"%d" % len(outcome.body)))
            after = at_once(receive)  # behind a whole body only a disconnect can come
            is_here = after is None or after["type"] != "http.disconnect"
            await send(start)
            await send({"type": "http.response.body", "body": outcome.body})
        else:
            is_here = await self._stream(start, outcome.body, receive, send)
        if is_here:
            outcome.left()
        else:
            self._metrics.lost += 1

    async def _stream(
        self,
        start: MutableMapping[str, Any],
        pieces: AsyncGenerator[bytes, None],
        receive: Receive,
        send: Send,
    ) -> bool:
        """Send pieces while the buyer is there; gives whether it was there to the end."""
        watch = asyncio.ensure_future(_leaves(receive))
        self._metrics.in_flight += 1
        try:
            piece = await anext(pieces, b"")
            await send(start)
            while not watch.done():
                async with asyncio.timeout(self._limits.seconds):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    await send({"type": "http.response.body", "body": b""})
                    return not watch.done()
            return False
        except (TimeoutError, CounterpoiseError):
            return False  # the answer ends without its end, which a reader of HTTP notices
        finally:
            self._metrics.in_flight -= 1
            watch.cancel()
            await pieces.aclose()

    def _nowhere(self, wrong: NotServed) -> Outcome:
        body, media = plain_problem(wrong.status, wrong.message)
        headers = {"allow": wrong.hint} if wrong.status == 405 else {}
        return Outcome(wrong.status, body, media, headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._opened()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._closed()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
