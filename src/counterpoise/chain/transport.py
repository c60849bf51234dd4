"""Carries JSON-RPC to a node: one connection kept alive, bounded answers, patient retries."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from counterpoise.core.errors import ChainError, InputError, Unreachable

MAX_ANSWER = 64 * 1024 * 1024
MAX_BATCH = 100
BUSY_STATUS = frozenset({429, 502, 503, 504})
MAX_PAUSE = 5.0

Call = tuple[str, Sequence[Any]]


class NodeError(ChainError):
    """The node answered with an error object; `code` and `data` are its own."""

    def __init__(self, method: str, error: Any) -> None:
        found = error if isinstance(error, dict) else {"message": str(error)}
        self.words = str(found.get("message", "no words"))
        self.code = found.get("code")
        self.data = found.get("data")
        super().__init__(f"the node refused {method}: {self.words}")


class Transport:
    """One connection to a node, used by one thread at a time.

    Parameters
    ----------
    url :
        The node, ``http://`` or ``https://``.
    timeout :
        Seconds for connecting and for each wait on the node.
    tries :
        How often a request is sent before `Unreachable`; pauses double from `pause` seconds.
    on_reconnect :
        Called after a broken connection was opened anew, before it is used.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 30.0,
        tries: int = 5,
        pause: float = 0.2,
        on_reconnect: Callable[[], None] = lambda: None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url!r} is no address of a node", hint="write http://host:port")
        if parts.username or parts.password:
            raise InputError("a password in a node's address ends in logs; it is not taken")
        self.shown = f"{parts.scheme}://{parts.netloc}"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._place = (parts.scheme, parts.hostname, parts.port)
        self._timeout, self._tries, self._pause = timeout, tries, pause
        self._on_reconnect = on_reconnect
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.RLock()
        self._next_id = 0
        self._broke = False

    def request(self, method: str, *params: Any, tries: int | None = None) -> Any:
        """Ask one question and give its result.

        Raises
        ------
        NodeError :
            The node answered with an error.
        Unreachable :
            It gave no whole answer in all tries.
        """
        (answer,) = self.batch([(method, params)], tries=tries)
        if isinstance(answer, NodeError):
            raise answer
        return answer

    def batch(self, calls: Sequence[Call], *, tries: int | None = None) -> list[Any]:
        """Ask many questions, `MAX_BATCH` at a time; errors stand where results would."""
        answers: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            with self._lock:
                answers += self._patiently(calls[start : start + MAX_BATCH], tries or self._tries)
        return answers

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None

    def _patiently(self, calls: Sequence[Call], tries: int) -> list[Any]:
        pause, trouble = self._pause, ""
        for attempt in range(tries):
            try:
                return self._once(calls)
            except _Retry as again:
                self.close()
                trouble = str(again)
                if attempt + 1 < tries:
                    time.sleep(min(again.pause or pause, MAX_PAUSE))
                    pause *= 2
        raise Unreachable(
            f"{self.shown} gave no answer to {calls[0][0]} in {tries} tries: {trouble}",
            hint="check that the node runs and that the address is right",
        )

    def _once(self, calls: Sequence[Call]) -> list[Any]:
        first = self._next_id
        self._next_id += len(calls)
        asked: list[dict[str, Any]] = [
            {"jsonrpc": "2.0", "id": first + place, "method": method, "params": list(params)}
            for place, (method, params) in enumerate(calls)
        ]
        answered = self._post(json.dumps(asked[0] if len(asked) == 1 else asked).encode())
        by_id = _by_id(answered)
        if any(one["id"] not in by_id for one in asked):
            raise _Retry(_refusal(answered) or "the answer lacks the id of a request")
        return [_result(one["method"], by_id[one["id"]]) for one in asked]

    def _post(self, body: bytes) -> Any:
        try:
            connection = self._connected()
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            self._broke = True
            raise _Retry(f"{type(error).__name__}: {error}") from None
        if response.status in BUSY_STATUS:
            raise _Retry(f"HTTP status {response.status}", _seconds(response))
        if response.status != 200 and not answer.lstrip().startswith((b"{", b"[")):
            raise ChainError(f"{self.shown} answered with HTTP status {response.status}")
        if len(answer) > MAX_ANSWER:
            self.close()
            raise ChainError(f"{self.shown} answered with more than {MAX_ANSWER} bytes")
        try:
            return json.loads(answer)
        except (ValueError, RecursionError):
            raise _Retry(f"an answer of {len(answer)} bytes that is not whole JSON") from None

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            scheme, host, port = self._place
            if scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(
                    host, port, timeout=self._timeout, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
            self._connection.connect()
            if self._broke:
                self._broke = False
                self._on_reconnect()
        return self._connection


class _Retry(Exception):
    """Something that may pass: worth another try, after a pause if the node named one."""

    def __init__(self, words: str, pause: float | None = None) -> None:
        super().__init__(words)
        self.pause = pause


def _by_id(answered: Any) -> dict[Any, Any]:
    listed = answered if isinstance(answered, list) else [answered]
    return {
        one["id"]: one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), int)
    }


def _refusal(answered: Any) -> str:
    """Give the words of an error that answers no request in particular."""
    error = answered.get("error") if isinstance(answered, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _result(method: str, answer: dict[str, Any]) -> Any:
    if answer.get("error") is not None:
        return NodeError(method, answer["error"])
    if "result" not in answer:
        return NodeError(method, "an answer without result or error")
    return answer["result"]


def _seconds(response: http.client.HTTPResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
