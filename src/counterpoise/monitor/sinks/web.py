"""Alerts over HTTP: server-sent events, metrics for Prometheus, the open alerts as JSON.

It only reads, and serves this machine unless told otherwise. There is no sign-in: whoever can
reach the port sees every alert.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.monitor.alert import Standing
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.book_reads import BookReader
from counterpoise.monitor.metrics import Metrics

LISTENERS = 32
"""So many event streams at once; a further one is told to come back later."""
BEAT = 15.0
"""Seconds after which a silent stream says that it lives."""
LIMIT = 1000
NEWEST = 2**62


class WebSink:
    """Serves ``/events``, ``/metrics`` and ``/alerts``.

    ``/events`` begins after the event that ``Last-Event-ID`` (or ``?after=``) names, with the next
    one to come if neither is given; ``?after=0`` gives all.

    Parameters
    ----------
    host, port :
        Where to listen; port 0 takes a free one.

    Raises
    ------
    InputError :
        The port is taken.
    """

    def __init__(
        self,
        host: str,
        port: int,
        book_path: Path,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.book_path, self.metrics, self.clock = book_path, metrics, clock
        self.news = threading.Condition()
        self.closing = False
        self.listeners = threading.BoundedSemaphore(LISTENERS)
        try:
            self._server = _Server((host, port), self)
        except OSError as failed:
            raise InputError(f"{host}:{port} cannot be served: {failed.strerror}") from failed
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it serves."""
        host, port = self._server.server_address[:2]
        shown = host.decode() if isinstance(host, bytes) else host
        return f"http://{shown}:{port}"

    def deliver(self, book: BookReader) -> None:
        """Wake the streams: there is something new in the book."""
        with self.news:
            self.news.notify_all()

    def close(self) -> None:
        """End the streams and stop serving."""
        with self.news:
            self.closing = True
            self.news.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], sink: WebSink) -> None:
        self.sink = sink
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "counterpoise", ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer one request."""
        parts = urlsplit(self.path)
        pages = {"/events": self._events, "/metrics": self._metrics, "/alerts": self._alerts}
        page = pages.get(parts.path)
        if page is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", f"there are {', '.join(pages)}\n")
            return
        with contextlib.suppress(ConnectionError, TimeoutError):
            book = None
            try:
                book = AlertBook(self.server.sink.book_path)
                page(book, parse_qs(parts.query))
            except InputError as error:
                self._answer(HTTPStatus.BAD_REQUEST, "text/plain", f"{error.message}\n")
            except CounterpoiseError as error:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{error.message}\n")
            finally:
                if book is not None:
                    book.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: requests are nobody's business."""

    def _metrics(self, book: AlertBook, query: dict[str, list[str]]) -> None:
        sink = self.server.sink
        page = "".join(f"{line}\n" for line in sink.metrics.lines(book, sink.clock()))
        self._answer(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", page)

    def _alerts(self, book: AlertBook, query: dict[str, list[str]]) -> None:
        status = query.get("status", ["open"])[0]
        if status not in {one.value for one in Standing}:
            raise InputError(f"there is no status {status!r}")
        found = [alert.to_value() for alert in book.alerts(Standing(status), limit=LIMIT)]
        self._answer(HTTPStatus.OK, "application/json", json.dumps(found) + "\n")

    def _events(self, book: AlertBook, query: dict[str, list[str]]) -> None:
        after = self._first(book, query)
        if not self.server.sink.listeners.acquire(blocking=False):
            busy = "too many listen already\n"
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", busy)
            return
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.close_connection = True
            for piece in self._stream(book, after):
                self.wfile.write(piece.encode())
                self.wfile.flush()
        finally:
            self.server.sink.listeners.release()

    def _first(self, book: AlertBook, query: dict[str, list[str]]) -> int:
        given = self.headers.get("Last-Event-ID") or query.get("after", [""])[0]
        if not given:
            return book.last_event()
        if not given.isascii() or not given.isdigit() or int(given) > NEWEST:
            raise InputError(f"{given!r:.40} is no number of an event")
        return int(given)

    def _stream(self, book: AlertBook, after: int) -> Iterator[str]:
        sink = self.server.sink
        yield "retry: 2000\n\n"
        while not sink.closing:
            events = book.events(after, 64)
            for event in events:
                body = json.dumps(event.to_value())
                yield f"id: {event.sequence}\nevent: {event.kind}\ndata: {body}\n\n"
                after = event.sequence
            if not events:
                with sink.news:
                    if not sink.closing and book.last_event() <= after:
                        fresh = sink.news.wait(BEAT)
                        if not fresh:
                            yield ": still here\n\n"

    def _answer(self, status: HTTPStatus, kind: str, page: str) -> None:
        body = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
