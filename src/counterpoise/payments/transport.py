"""Sends requests over HTTP/1.1 with the standard library, and keeps its connections open."""

from __future__ import annotations

import http.client
import select
import socket
import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from counterpoise.core.errors import InputError, Unreachable
from counterpoise.payments.shopping import Answer

SECONDS = 60
"""How long an answer is waited for."""
MOST_IDLE = 64
MOST_BYTES = 1 << 26
"""Bytes that an answer may have."""


class Connections:
    """A transport whose connections serve one request after the other. Threads may share it.

    Redirections are not followed: a payment is for the address it was signed for.

    Parameters
    ----------
    seconds :
        How long an answer, or the next part of one, is waited for.
    most :
        Bytes that an answer may have.
    """

    def __init__(self, seconds: float = SECONDS, most: int = MOST_BYTES) -> None:
        self._seconds, self._most = seconds, most
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()

    def __call__(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send a request; `Unreachable` if no answer comes in time."""
        parts = split(address)
        check_headers(headers)
        place = parts.scheme, parts.netloc
        connection = self._take(place)
        try:
            connection.request(method, target(parts), body or None, dict(headers))
            found = connection.getresponse()
            answer = Answer(found.status, lowered(found.getheaders()), found.read(self._most + 1))
            if len(answer.body) <= self._most and _is_cut_off(found):
                raise ConnectionResetError("the answer was cut off")
        except (OSError, http.client.HTTPException) as failed:
            connection.close()
            raise Unreachable(f"{address} does not answer: {failed}") from None
        if len(answer.body) > self._most:
            connection.close()
            raise InputError(f"{address} answers more than {self._most} bytes")
        if found.will_close:
            connection.close()
        else:
            self._put(place, connection)
        return answer

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            idle = [one for row in self._idle.values() for one in row]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        self.close()

    def _take(self, place: tuple[str, str]) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                row = self._idle.get(place)
                connection = row.pop() if row else None
            if connection is None:
                scheme, host = place
                if scheme == "https":
                    return http.client.HTTPSConnection(host, timeout=self._seconds)
                return http.client.HTTPConnection(host, timeout=self._seconds)
            if connection.sock is not None and not _has_news(connection.sock):
                return connection
            connection.close()

    def _put(self, place: tuple[str, str], connection: http.client.HTTPConnection) -> None:
        with self._lock:
            row = self._idle.setdefault(place, [])
            if len(row) < MOST_IDLE:
                row.append(connection)
                return
        connection.close()


def send_by_http(method: str, address: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send one request over a connection of its own; `Unreachable` if no answer comes in 60 s."""
    connections = Connections()
    try:
        return connections(method, address, headers, body)
    finally:
        connections.close()


def _is_cut_off(found: http.client.HTTPResponse) -> bool:
    """Whether an answer ended before its length, or has neither a length nor the word to close.

    The standard library takes what it got for the whole in both cases.
    """
    if found.length is not None or found.chunked:
        return bool(found.length)
    return found.version > 10 and "close" not in found.headers.get("connection", "").lower()


def _has_news(sock: socket.socket) -> bool:
    """Whether an idle connection has something to read: the end that the server sent."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def split(address: str) -> SplitResult:
    """Take an address of HTTP apart."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{address!r} is no address of HTTP")
    return parts


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise `InputError` where a header would begin another line."""
    for name, text in headers.items():
        if any(sign in name + text for sign in "\r\n\0"):
            raise InputError(f"the header {name!r} has a line break")


def target(parts: SplitResult) -> str:
    """Give what the first line of a request names."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def lowered(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Give headers by their names in lower case."""
    return {name.lower(): text for name, text in headers}
