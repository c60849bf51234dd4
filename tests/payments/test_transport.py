"""The buyers' transports: connections that stay open, answers of every form, cut off, too long."""

import asyncio
import socket
import threading
from contextlib import contextmanager

import pytest

from counterpoise.core.errors import InputError, Unreachable
from counterpoise.payments import Connections
from counterpoise.payments.engines.async_http import AsyncConnections

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Name: Text\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody"
HINTED = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + WHOLE
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


class Scripted:
    """A server that answers each request of a connection with the next of its answers.

    An answer that is None closes the connection instead.
    """

    def __init__(self, *answers):
        self.answers, self.requests, self.connections = list(answers), [], 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}/place?x=1"
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self.talk(connection)

    def talk(self, connection):
        while self.answers:
            request = b""
            while b"\r\n\r\n" not in request or (b"POST" in request and b"end" not in request):
                part = connection.recv(65_536)
                if not part:
                    return
                request += part
            self.requests.append(request)
            answer = self.answers.pop(0)
            if answer is None:
                return
            connection.sendall(answer)
            if b"close" in answer or answer.endswith(b"cut"):
                return

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


@contextmanager
def scripted(*answers):
    server = Scripted(*answers)
    try:
        yield server
    finally:
        server.close()


class Waiting:
    """An `AsyncConnections` that is used as if it were a `Connections`."""

    def __init__(self, **options):
        self.runner = asyncio.Runner()
        self.inner = AsyncConnections(**options)

    def __call__(self, *request):
        return self.runner.run(self.inner(*request))

    def close(self):
        self.inner.close()
        self.runner.run(asyncio.sleep(0))
        self.runner.close()


@pytest.fixture(params=[Connections, Waiting])
def opened(request):
    made = []

    def make(**options):
        made.append(request.param(**options))
        return made[-1]

    make.kind = request.param
    yield make
    for one in made:
        one.close()


def test_one_connection_serves_many_requests(opened):
    third = HINTED if opened.kind is Waiting else WHOLE
    with scripted(WHOLE, CHUNKED, third, EMPTY, WHOLE) as server:
        send = opened()
        found = [send("GET", server.address, {"X-A": "b"}, b"") for _ in range(5)]
    assert [answer.body for answer in found] == [b"body"] * 3 + [b""] + [b"body"]
    assert [answer.status for answer in found] == [200, 200, 200, 204, 200]
    assert found[0].headers["x-name"] == "Text"
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /place?x=1 HTTP/1.1\r\n")
    assert b"x-a: b\r\n" in server.requests[0].lower()


def test_a_body_is_sent_with_its_length(opened):
    with scripted(WHOLE) as server:
        assert opened()("POST", server.address, {}, b"the end").status == 200
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert (b"content-length: 7" in head.lower(), body) == (True, b"the end")


def test_an_answer_without_a_length_ends_with_its_connection(opened):
    with scripted(CLOSING, WHOLE) as server:
        send = opened()
        assert [send("GET", server.address, {}, b"").body for _ in range(2)] == [b"body"] * 2
        assert server.connections == 2


def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(opened):
    with scripted(WHOLE + b"", None, WHOLE) as server:
        send = opened()
        assert send("GET", server.address, {}, b"").status == 200
        with pytest.raises(Unreachable):
            send("GET", server.address, {}, b"")
        assert send("GET", server.address, {}, b"").status == 200
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ncut",
        b"HTTP/1.1 200 OK\r\nContent-cut",
        b"nonsense\r\n\r\ncut",
    ],
)
def test_an_answer_that_is_cut_off_is_none(opened, answer):
    with scripted(answer) as server, pytest.raises(Unreachable, match="does not answer"):
        opened()("GET", server.address, {}, b"")


def test_nobody_there_or_silence_is_unreachable(opened):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(Unreachable):
            opened(seconds=0.05)("GET", address, {}, b"")
    with pytest.raises(Unreachable):
        opened()("GET", address, {}, b"")


def test_an_answer_may_not_be_longer_than_the_limit(opened):
    with scripted(WHOLE, WHOLE) as server, pytest.raises(InputError, match="more than 3 bytes"):
        opened(most=3)("GET", server.address, {}, b"")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "http:///x", "ftp://x/"])
def test_other_addresses_are_refused(opened, address):
    with pytest.raises(InputError, match="no address of HTTP"):
        opened()("GET", address, {}, b"")


def test_a_header_cannot_smuggle_another_request_in(opened):
    with scripted(WHOLE) as server, pytest.raises(InputError, match="line break"):
        opened()("GET", server.address, {"X": "a\r\nY: b"}, b"")


def test_a_slow_reader_holds_the_sender_back(monkeypatch):
    size = 8 << 20
    long = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    most = []

    async def read(address):
        connections = AsyncConnections()
        total = 0
        async with connections.stream("GET", address, {}, b"") as (_, parts):
            async for part in parts:
                total += len(part)
                (held,) = HELD
                most.append(held._length)
                await asyncio.sleep(0)
        connections.close()
        return total

    from counterpoise.payments.engines import async_http

    HELD = []
    made = async_http._Connection.__init__
    monkeypatch.setattr(
        async_http._Connection, "__init__", lambda self: (HELD.append(self), made(self))[1]
    )
    with scripted(long) as server:
        assert asyncio.run(read(server.address)) == size
    assert max(most) < 2 << 20
