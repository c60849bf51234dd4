"""A service of somebody else that ours stands in front of, reached over HTTP.

Its key never leaves: not in an answer, not in an error, not in a printed form.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from counterpoise.core.errors import InputError
from counterpoise.core.json_text import read_json
from counterpoise.market.gateway.service import NotServed, UpstreamFailed

if TYPE_CHECKING:
    import httpx

MAX_ANSWER = 16 << 20
"""Bytes of the longest answer that is taken."""

_MAX_TOLD = 300
_THEIR_MISTAKE = frozenset({400, 404, 409, 413, 415, 422})
"""What an upstream answers where the caller's request is wrong, not the seller's account."""


class Upstream:
    """Sends JSON to one upstream over connections that stay open. Belongs to one event loop.

    Parameters
    ----------
    base :
        Address that paths are added to, such as ``http://127.0.0.1:8000/v1``.
    key :
        Sent as a bearer's token; empty for none.
    timeout :
        Seconds that one wait may take: for a connection, for a piece of the answer.
    """

    def __init__(self, base: str, key: str = "", *, timeout: float = 60) -> None:
        if not re.match(r"https?://[^/]+", base):
            raise InputError(f"{base!r} is no address of HTTP")
        if not key.isascii() or any(letter.isspace() for letter in key):
            raise InputError("the upstream's key has letters that no header can carry")
        self.base, self._key, self._timeout = base.rstrip("/"), key, timeout
        self._client: httpx.AsyncClient | None = None

    @classmethod
    def from_environment(cls, base: str, name: str, *, timeout: float = 60) -> Upstream:
        """Take the key from an environment variable; from none where `name` is empty."""
        if not name:
            return cls(base, timeout=timeout)
        key = os.environ.get(name, "")
        if not key:
            raise InputError(f"{name} is not set", hint="it holds the upstream's key")
        return cls(base, key, timeout=timeout)

    def __repr__(self) -> str:
        return f"Upstream({self.base!r})"

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send an object and give the object that is answered.

        Raises
        ------
        NotServed :
            The upstream says that the request is wrong.
        UpstreamFailed :
            Anything else than an object with status 200 came.
        """
        async with self._sent(path, body) as answer:
            found = json_object_of(await self._read(answer))
        if found is None:
            raise UpstreamFailed("the upstream's answer is no JSON object")
        return found

    @asynccontextmanager
    async def stream(
        self, path: str, body: Mapping[str, Any]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send an object; inside, the answer's bytes come as they arrive."""
        async with self._sent(path, body) as answer:
            yield self._pieces(answer)

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def _sent(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """Send a request and see that the answer has status 200."""
        import httpx

        headers = {"content-type": "application/json"}
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        request = self._open().build_request(
            "POST", self.base + path, content=content, headers=headers
        )
        try:
            answer = await self._open().send(request, stream=True)
        except httpx.TimeoutException:
            raise UpstreamFailed("the upstream took too long", status=504) from None
        except httpx.HTTPError:
            raise UpstreamFailed("the upstream cannot be reached") from None
        try:
            if answer.status_code != 200:
                raise self._refusal(answer.status_code, json_object_of(await self._read(answer)))
            yield answer
        finally:
            await asyncio.shield(answer.aclose())

    def _open(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
            limits = httpx.Limits(max_connections=256, max_keepalive_connections=64)
            self._client = httpx.AsyncClient(
                headers=headers, timeout=self._timeout, limits=limits, trust_env=False
            )
        return self._client

    async def _pieces(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        import httpx

        try:
            async for piece in answer.aiter_bytes():
                yield piece
        except httpx.TimeoutException:
            raise UpstreamFailed("the upstream stopped in its answer", status=504) from None
        except httpx.HTTPError:
            raise UpstreamFailed("the upstream broke off its answer") from None

    async def _read(self, answer: httpx.Response) -> bytes:
        found = bytearray()
        async for piece in self._pieces(answer):
            found += piece
            if len(found) > MAX_ANSWER:
                raise UpstreamFailed(f"the upstream's answer is longer than {MAX_ANSWER} bytes")
        return bytes(found)

    def _refusal(self, status: int, told: Mapping[str, Any] | None) -> Exception:
        if status in _THEIR_MISTAKE:
            shown = 400 if status in {404, 409} else status
            return NotServed(shown, f"the upstream refuses the request{self._told(told)}")
        if status in {429, 503}:
            return UpstreamFailed("the upstream is busy", status=503)
        return UpstreamFailed(f"the upstream failed with status {status}")

    def _told(self, found: Mapping[str, Any] | None) -> str:
        """Give the upstream's own words, with nothing in them that looks like a key."""
        error = (found or {}).get("error")
        text = error.get("message") if isinstance(error, dict) else error
        if not isinstance(text, str) or not text:
            return ""
        if self._key:
            text = text.replace(self._key, "…")
        text = re.sub(r"(?i)\b(sk-|bearer\s+)\S+", "…", text)
        return f": {' '.join(text.split())[:_MAX_TOLD]}"


def json_object_of(body: bytes) -> dict[str, Any] | None:
    """Give the JSON object that bytes are, or None if they are none."""
    try:
        found = read_json(body, parse_constant=_no)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _no(constant: str) -> object:
    raise ValueError(f"{constant} is no number of JSON")
