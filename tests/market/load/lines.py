"""Kept connections to a gateway, and requests of HTTP/1.1 written by hand: cheap to drive."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """Give a header's text, or nothing."""
        start = self.head.lower().find(b"\r\n" + name.lower().encode() + b":")
        if start < 0:
            return ""
        start += len(name) + 3
        return self.head[start : self.head.find(b"\r\n", start)].decode().strip()

    def told(self, name: str) -> dict:
        """Give what one of x402's headers says."""
        return json.loads(base64.b64decode(self.header(name)))


class Lost(Exception):
    """The connection ended before the answer did."""


class Line(asyncio.Protocol):
    """One connection, one request at a time."""

    opened: ClassVar[set[Line]] = set()

    def __init__(self) -> None:
        self._seen, self._answer = bytearray(), None
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()

    def connection_made(self, transport) -> None:
        self._transport = transport
        self.opened.add(self)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        end = self._seen.find(b"\r\n\r\n")
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = bytes(self._seen[: end + 2])
        lowered = head.lower()
        at = lowered.find(b"\r\ncontent-length:")
        if at >= 0:
            length = int(lowered[at + 17 : lowered.find(b"\r\n", at + 2)])
            body = bytes(self._seen[end + 4 : end + 4 + length])
            whole = len(body) == length
        else:
            body = bytes(self._seen[end + 4 :])
            whole = body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n"
        if whole:
            self._seen.clear()
            self._answer.set_result(Answer(int(head[9:12]), head, body))

    def connection_lost(self, _error) -> None:
        self._transport = None
        self.opened.discard(self)
        self._gone.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost())

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its whole answer."""
        if self._transport is None:
            raise Lost
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    async def close(self) -> None:
        """Break the connection off; what was asked for and is still to come is lost."""
        if self._transport is not None:
            self._transport.abort()
            await self._gone.wait()


async def connect(port: int, patience: float = 20.0) -> Line:
    """Open a connection to loopback; waits for a server that is just starting."""
    loop, started = asyncio.get_running_loop(), perf_counter()
    while True:
        try:
            return (await loop.create_connection(Line, "127.0.0.1", port))[1]
        except OSError:
            if perf_counter() - started > patience:
                raise
            await asyncio.sleep(0.05)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine, and close every connection that it leaves open."""

    async def whole() -> Any:
        try:
            return await main
        finally:
            for line in list(Line.opened):
                await line.close()
            Line.opened.clear()

    return asyncio.run(whole())


def http(path: str, body: bytes, payment: str = "", *, method: str = "POST") -> bytes:
    """Write a request of HTTP/1.1."""
    paid = f"PAYMENT-SIGNATURE: {payment}\r\n" if payment else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}{paid}Content-Length: {len(body)}\r\n\r\n".encode() + body
