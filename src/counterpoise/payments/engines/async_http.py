"""Sends requests over HTTP/1.1 for asyncio, with httptools, and keeps its connections open."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import httptools

from counterpoise.core.errors import InputError, Unreachable
from counterpoise.payments.shopping import Answer
from counterpoise.payments.transport import (
    MOST_BYTES,
    MOST_IDLE,
    SECONDS,
    check_headers,
    split,
    target,
)

_T = TypeVar("_T")
_HIGH, _LOW = 1 << 20, 1 << 18
"""Bytes that wait to be read, from which on the sender is held back, and is let on again."""


class AsyncConnections:
    """A transport for one event loop; redirections are not followed.

    Parameters
    ----------
    seconds :
        How long an answer, or the next part of one, is waited for.
    most :
        Bytes that an answer may have, where it is not read as a stream.
    """

    def __init__(self, seconds: float = SECONDS, most: int = MOST_BYTES) -> None:
        self._seconds, self._most = seconds, most
        self._idle: dict[tuple[str, str], list[_Connection]] = {}

    async def __call__(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send a request; `Unreachable` if no answer comes in time."""
        async with self.stream(method, address, headers, body) as (head, parts):
            return Answer(head.status, head.headers, await self.whole(address, parts))

    @asynccontextmanager
    async def stream(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """Send a request; gives the head of the answer, and its body as it comes.

        Who leaves before the end closes the connection: the server is told that nobody listens.
        """
        split_address = split(address)
        check_headers(headers)
        place = split_address.scheme, split_address.netloc
        connection = await self._open(place, address)
        is_done = False
        try:
            lines = _written(method, split_address.netloc, target(split_address), headers, body)
            connection.send(lines)
            head = await self._in_time(connection.head(), address)
            yield head, self._parts(connection, address)
            is_done = connection.is_done and connection.stays
        finally:
            if is_done:
                self._put(place, connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close the connections that are idle."""
        for row in self._idle.values():
            for connection in row:
                connection.close()
        self._idle.clear()

    async def whole(self, address: str, parts: AsyncIterator[bytes]) -> bytes:
        """Read a body to its end; `InputError` if it is longer than it may be."""
        found, length = [], 0
        async for part in parts:
            found.append(part)
            length += len(part)
            if length > self._most:
                raise InputError(f"{address} answers more than {self._most} bytes")
        return b"".join(found)

    async def _parts(self, connection: _Connection, address: str) -> AsyncIterator[bytes]:
        while True:
            part = await self._in_time(connection.part(), address)
            if not part:
                return
            yield part

    async def _in_time(self, waiting: Awaitable[_T], address: str) -> _T:
        try:
            async with asyncio.timeout(self._seconds):
                return await waiting
        except TimeoutError:
            raise Unreachable(f"{address} does not answer in {self._seconds} s") from None
        except (OSError, httptools.HttpParserError) as failed:
            raise Unreachable(f"{address} does not answer: {failed}") from None

    async def _open(self, place: tuple[str, str], address: str) -> _Connection:
        row = self._idle.get(place, [])
        while row:
            connection = row.pop()
            if connection.stays:
                return connection
        parts = split(address)
        context = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if context else 80)
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(_Connection, parts.hostname or "", port, ssl=context)
        _, made = await self._in_time(opening, address)
        return made

    def _put(self, place: tuple[str, str], connection: _Connection) -> None:
        row = self._idle.setdefault(place, [])
        if len(row) < MOST_IDLE:
            row.append(connection)
        else:
            connection.close()


class _Connection(asyncio.Protocol):
    """One connection: a request at a time, its answer in parts."""

    def __init__(self) -> None:
        self.stays, self.is_done = True, True
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: OSError | httptools.HttpParserError | None = None
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._status, self._length = 0, 0
        self._parts: deque[bytes] = deque()

    def send(self, data: bytes) -> None:
        """Begin the next request."""
        self._begin()
        self.is_done = False
        assert self._transport is not None
        self._transport.write(data)

    async def head(self) -> Answer:
        """Wait for status and headers."""
        while not self._status:
            await self._wait()
        return Answer(self._status, self._headers)

    async def part(self) -> bytes:
        """Wait for the next part of the body; empty at its end."""
        while not self._parts:
            if self.is_done:
                return b""
            await self._wait()
        found = self._parts.popleft()
        self._length -= len(found)
        if self._length < _LOW and self._transport is not None and not self.is_done:
            self._transport.resume_reading()
        return found

    def close(self) -> None:
        self.stays = False
        if self._transport is not None:
            self._transport.close()

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self.is_done:  # nothing was asked for
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as wrong:
            self._fail(wrong)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stays = False
        ends = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        if self._status and ends and exc is None:
            self.is_done = True
        if not self.is_done:
            self._fail(exc if isinstance(exc, OSError) else ConnectionResetError("cut off"))
        self._wake()

    def _fail(self, failure: OSError | httptools.HttpParserError) -> None:
        self._failure = failure
        self.close()
        self._wake()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status
            self._wake()

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._length += len(body)
        if self._length > _HIGH and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self._status:
            self.is_done = True
            self.stays = self.stays and self._parser.should_keep_alive()
            self._wake()


def _written(method: str, host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {text}" for name, text in headers.items()]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
