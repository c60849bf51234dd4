"""Events by HTTP to somebody else: signed, tried again, put aside when all fails, never lost."""

from __future__ import annotations

import hmac
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from counterpoise.core.errors import InputError, StorageError
from counterpoise.monitor.alert_book import AlertBook
from counterpoise.monitor.book_reads import Event

SIGNATURE = "X-Counterpoise-Signature"
STAMP = "X-Counterpoise-Timestamp"
KEY = "Idempotency-Key"
REFUSALS = range(400, 500)
LATER = frozenset({408, 425, 429})
MAX_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one event is tried.

    Parameters
    ----------
    tries :
        How often it is sent before it is put aside.
    pause :
        Seconds before the second try; doubles from try to try.
    timeout :
        Seconds for the receiver to answer.
    """

    tries: int = 8
    pause: float = 0.5
    timeout: float = 10.0


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the time, a full stop and the body, in hex.

    A receiver computes the same, compares in constant time, and refuses old times.
    """
    return hmac.new(secret, stamp.encode() + b"." + body, sha256).hexdigest()


class Webhook:
    """Sends events in order, in a thread of its own, and remembers how far it came.

    An event comes at least once; ``Idempotency-Key`` is the same every time. One that fails
    `Patience.tries` times, or is refused for good, goes into the dead-letter file, and the next
    is sent; `resend` sends what lies there.

    Parameters
    ----------
    url :
        Where to send; plain ``http`` only to this machine.
    secret :
        Key of the signature; at least 16 bytes.
    book_path, dead :
        The alert book and the dead-letter file.
    counts :
        Counted in: delivered, failed, dead.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        book_path: Path,
        dead: Path,
        *,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
        counts: dict[str, int] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._parts = urlsplit(url)
        self.name = f"webhook {self._parts.scheme}://{self._parts.netloc}{self._parts.path}"
        self._check(secret)
        self._secret, self._dead = secret, dead
        self._book_path, self._patience = book_path, patience or Patience()
        self._clock, self._say = clock, say
        self.counts = counts if counts is not None else {}
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: StorageError | None = None

    def _check(self, secret: bytes) -> None:
        host = self._parts.hostname
        local = host in ("127.0.0.1", "::1", "localhost")
        if self._parts.scheme != "https" and not (self._parts.scheme == "http" and local):
            raise InputError(f"{self.name}: alerts are sent by https, or to this machine")
        if self._parts.username or self._parts.password:
            raise InputError("a password in the address of a webhook ends in logs; it is not taken")
        if len(secret) < 16:
            raise InputError(
                f"the webhook's secret has {len(secret)} bytes, at least 16 are wanted"
            )

    def deliver(self, book: AlertBook) -> None:
        """Have the thread send what is new; begin it at the first call."""
        if self._failure is not None:
            raise self._failure
        if self._thread is None:
            if book.told(self.name) is None:
                book.tell(self.name, book.last_event())
            self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
            self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Send what can be sent at once, then stop; the rest goes out after a restart."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def resend(self) -> tuple[int, int]:
        """Send the dead letters again; give how many went and how many stay."""
        if not self._dead.exists():
            return 0, 0
        lines = self._dead.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not self._resent(json.loads(line))]
        waiting = self._dead.with_suffix(".new")
        waiting.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        waiting.replace(self._dead)
        return len(lines) - len(kept), len(kept)

    def _resent(self, letter: dict[str, object]) -> bool:
        if letter.get("to") != self.name:
            return False
        return not self._try(json.dumps(letter["event"]).encode(), str(letter["key"]))

    def _work(self) -> None:
        book = AlertBook(self._book_path)
        try:
            while True:
                self._wake.wait()
                self._wake.clear()
                self._drain(book)
                if self._stop.is_set():
                    return
        except StorageError as failed:
            self._failure = failed
        finally:
            book.close()

    def _drain(self, book: AlertBook) -> None:
        told = book.told(self.name)
        at = told[0] if told else 0
        while events := book.events(at, 64):
            for event in events:
                if not self._send(event):
                    return
                book.tell(self.name, event.sequence)
            at = events[-1].sequence

    def _send(self, event: Event) -> bool:
        """Send one event or put it aside; False if told to stop before that."""
        body, key = _body(event), f"{event.sequence}-{event.alert.id.hex()}"
        for number in range(self._patience.tries):
            fault = self._try(body, key)
            if not fault:
                self._count("delivered")
                return True
            self._count("failed")
            if fault.startswith("refused"):
                break
            if number + 1 < self._patience.tries:
                pause = min(self._patience.pause * 2**number, MAX_PAUSE)
                if self._stop.wait(pause):
                    return False
        self._bury(event, key, fault)
        return True

    def _try(self, body: bytes, key: str) -> str:
        """Send once; an empty text if it was taken, else why not."""
        stamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            STAMP: stamp,
            SIGNATURE: signature(self._secret, stamp, body),
            KEY: key,
        }
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        connection = self._connection()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read(1 << 16)
        except (OSError, http.client.HTTPException) as failed:
            return f"no answer: {failed}"
        finally:
            connection.close()
        if 200 <= answer.status < 300:
            return ""
        if answer.status in REFUSALS and answer.status not in LATER:
            return f"refused: {answer.status} {answer.reason}"
        return f"answered {answer.status} {answer.reason}"

    def _connection(self) -> http.client.HTTPConnection:
        host, port, timeout = self._parts.hostname or "", self._parts.port, self._patience.timeout
        if self._parts.scheme == "https":
            trust = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=trust)
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _bury(self, event: Event, key: str, fault: str) -> None:
        letter = {"to": self.name, "key": key, "why": fault, "event": event.to_value()}
        try:
            self._dead.parent.mkdir(parents=True, exist_ok=True)
            with self._dead.open("a", encoding="utf-8") as file:
                file.write(json.dumps(letter) + "\n")
        except OSError as failed:
            raise StorageError(
                f"the dead-letter file {self._dead} could not be written: {failed.strerror}",
                hint="make room, and run the same again: the event is tried once more",
            ) from failed
        self._count("dead")
        self._say(f"{self.name}: event {event.sequence} is put aside in {self._dead} ({fault})")

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _body(event: Event) -> bytes:
    return json.dumps(event.to_value()).encode()
