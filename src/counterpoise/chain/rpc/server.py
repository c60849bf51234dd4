"""The embedded chain over HTTP, on loopback, guarded against the pages of a browser.

A node without passwords must not be reachable from a web page: a page can make a browser send
requests to 127.0.0.1, and can make its own name resolve to 127.0.0.1 (DNS rebinding). So the
Host header must name loopback, the Origin header, if there is one, a page served from loopback
or a browser extension (a wallet), and the body must be declared as JSON, which a page cannot do
without asking first.
"""

import ipaddress
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from counterpoise.chain.embedded import EmbeddedChain
from counterpoise.chain.rpc.dispatch import Dispatcher
from counterpoise.core.errors import Busy, InputError

MAX_BODY = 2 * 1024 * 1024
MAX_CONNECTIONS = 64
IDLE_SECONDS = 60
EXTENSIONS = ("chrome-extension", "moz-extension", "safari-web-extension")

log = logging.getLogger(__name__)


class RpcServer(ThreadingHTTPServer):
    """Serves one embedded chain.

    Parameters
    ----------
    chain :
        The chain; it is not closed with the server.
    host, port :
        Where to listen; port 0 takes a free one.

    Raises
    ------
    InputError :
        The host is not a loopback address.
    Busy :
        The port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, chain: EmbeddedChain, host: str = "127.0.0.1", port: int = 8545) -> None:
        address = "127.0.0.1" if host == "localhost" else host
        if not is_loopback(address):
            raise InputError(
                f"{host} is no loopback address",
                hint="this node asks for no password and holds public keys; use 127.0.0.1",
            )
        self.dispatcher = Dispatcher(chain)
        self.places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise Busy(
                f"port {port} cannot be listened on: {error.strerror}",
                hint="another node may run there: counterpoise chain status; or use --port 0",
            ) from None

    @property
    def url(self) -> str:
        """Where clients find the server."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or refuse it when there are too many."""
        if not self.places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note a connection that broke; the others go on."""
        log.debug("a connection broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection, kept alive over many requests."""

    server: RpcServer
    protocol_version = "HTTP/1.1"
    server_version = "counterpoise"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_OPTIONS(self) -> None:
        """Answer a browser that asks whether a page may send requests."""
        if self._is_refused():
            return
        self._reply(204, b"")

    def do_GET(self) -> None:
        """Say what this is."""
        if self._is_refused():
            return
        self._reply(405, b'{"error":"POST JSON-RPC requests here"}')

    def do_POST(self) -> None:
        """Answer a JSON-RPC request or batch."""
        if self._is_refused():
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self._refuse(411, "a Content-Length is wanted")
        elif int(length) > MAX_BODY:
            self._refuse(413, f"a body has at most {MAX_BODY} bytes")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(415, "the body must be declared as application/json")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._reply(200, self.server.dispatcher.answer(body))

    def _is_refused(self) -> bool:
        if not is_loopback_host(self.headers.get("Host", "")):
            self._refuse(403, "the Host header does not name loopback")
            return True
        if not _is_trusted_origin(self.headers.get("Origin")):
            self._refuse(403, "pages of this origin may not use this node")
            return True
        return False

    def _refuse(self, status: int, words: str) -> None:
        self.close_connection = True
        self._reply(status, f'{{"error":"{words}"}}'.encode())

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        origin = self.headers.get("Origin")
        if origin and status < 400:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Headers", "content-type")
            self.send_header("Access-Control-Allow-Methods", "POST")
            self.send_header("Vary", "Origin")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Write a line for debugging only."""
        log.debug(*args)


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_loopback_host(host: str) -> bool:
    """Whether a Host header names this machine, with or without a port."""
    name = urlsplit(f"//{host}").hostname or ""
    return name == "localhost" or is_loopback(name)


def _is_trusted_origin(origin: str | None) -> bool:
    if origin is None:
        return True
    parts = urlsplit(origin)
    return parts.scheme in EXTENSIONS or is_loopback_host(parts.netloc)
