"""An OpenAI-compatible endpoint: one question, one bounded answer, one deadline, no redirects."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.json_text import read_json

__all__ = ["KEY_VARIABLE", "Endpoint", "NoAnswer"]

KEY_VARIABLE = "COUNTERPOISE_ADJUDICATOR_KEY"
"""Environment variable that holds the key; it is sent to the endpoint, and shown nowhere."""
MOST_BYTES = 1_000_000
CHUNK = 16_384
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NoAnswer(CounterpoiseError):
    """The endpoint gave no answer that can be used."""


class Endpoint:
    """Where a model answers.

    Parameters
    ----------
    url :
        Up to and without ``/chat/completions``, such as ``http://localhost:8000/v1``.
    model :
        Its name, as the endpoint knows it.
    seconds :
        For one whole answer, connecting included.

    Raises
    ------
    InputError :
        The address is none, holds a password, or would send the key in the clear.
    """

    def __init__(self, url: str, model: str, *, seconds: float = 60) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url!r} is no address of an endpoint", hint="write https://host/v1")
        if parts.username or parts.password:
            raise InputError("a password in an address ends in logs; it is not taken")
        if not model:
            raise InputError("no model is named", hint="--model NAME")
        self.model, self.seconds = model, seconds
        self._key = os.environ.get(KEY_VARIABLE, "").strip()
        if self._key and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise InputError(f"the key would go to {parts.hostname} in the clear", hint="use https")
        path = parts.path.rstrip("/")
        if not path.endswith("/chat/completions"):
            path += "/chat/completions" if path else "/v1/chat/completions"
        self._place, self._path = (parts.scheme, parts.hostname, parts.port), path

    def ask(self, request: dict[str, Any]) -> tuple[str, int]:
        """Send one request; gives what the model wrote, and the tokens that were spent.

        Raises
        ------
        NoAnswer :
            No whole answer came in time, or it is not of the shape that was agreed.
        """
        until = time.monotonic() + self.seconds
        status, body = self._posted(json.dumps({**request, "model": self.model}).encode(), until)
        if status != 200:
            raise NoAnswer(f"the endpoint answered with HTTP status {status}")
        try:
            answer = read_json(body.decode("utf-8"))
            text = answer["choices"][0]["message"]["content"]
            spent = int((answer.get("usage") or {}).get("total_tokens") or 0)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            raise NoAnswer("the endpoint's answer is not a chat completion") from None
        if not isinstance(text, str):
            raise NoAnswer("the endpoint's answer holds no text")
        return text, max(0, spent)

    def _posted(self, body: bytes, until: float) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        connection = self._connection()
        try:
            connection.request("POST", self._path, body, headers)
            response = connection.getresponse()
            parts, size = [], 0
            while part := response.read1(CHUNK):
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise NoAnswer(f"the endpoint answered with more than {MOST_BYTES:,} bytes")
                if time.monotonic() > until:
                    raise NoAnswer(f"the endpoint was still answering after {self.seconds:g} s")
                if connection.sock is not None:
                    connection.sock.settimeout(max(0.01, until - time.monotonic()))
            return response.status, b"".join(parts)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"the endpoint gave no answer: {type(error).__name__}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        scheme, host, port = self._place
        if scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                host or "", port, timeout=self.seconds, context=context
            )
        return http.client.HTTPConnection(host or "", port, timeout=self.seconds)
