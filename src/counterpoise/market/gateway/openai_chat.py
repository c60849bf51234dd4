"""Chats of an upstream that speaks OpenAI's form, whole or streamed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from counterpoise.core.digest import sha256
from counterpoise.market.gateway import sse
from counterpoise.market.gateway.openai_requests import ChatRequest, read_chat
from counterpoise.market.gateway.service import (
    Chunk,
    Reply,
    Stream,
    UpstreamFailed,
)
from counterpoise.market.gateway.tariff import Bounds, Meter, Tariff
from counterpoise.market.gateway.upstream import Upstream, json_object_of


@dataclass(frozen=True, slots=True)
class UpstreamChat:
    """One chat model of an upstream.

    Parameters
    ----------
    name :
        What buyers call it.
    theirs :
        What the upstream calls it.
    most_tokens :
        Tokens that one choice may have at most.
    block :
        Tokens to one step of a stream's charge.
    """

    name: str
    upstream: Upstream
    tariff: Tariff
    theirs: str
    most_tokens: int = 1024
    block: int = 16

    task = "chat"

    @property
    def digest(self) -> bytes:
        """What the model is called in evidence: only the seller knows what stands behind it."""
        return sha256(f"upstream chat {self.upstream.base} {self.theirs}".encode())

    def read(self, source: Mapping[str, Any]) -> tuple[int, ChatRequest]:
        """Read a request; gives what it costs at most and what `serve` wants."""
        asked = read_chat(source, self.most_tokens)
        return self.tariff.of(asked.most_in, asked.most_out), asked

    async def serve(self, asked: ChatRequest) -> Reply | Stream:
        """Ask the upstream."""
        body = {**asked.body, "model": self.theirs}
        if asked.stream:
            return await self._stream(asked, body)
        answer = await self.upstream.post("/chat/completions", body)
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices:
            raise UpstreamFailed("the upstream's answer has no choices")
        answer["model"] = self.name
        content = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
        size = sum(len(_said(one, "message")) for one in choices)
        bounds = Bounds(asked.most_in, asked.most_out)
        used = bounds.used(answer.get("usage"), _text_in(asked), size)
        return Reply(content, charge=self.tariff.of(*used), model=self.digest)

    async def close(self) -> None:
        """Let go of the upstream's connections."""
        await self.upstream.close()

    async def _stream(self, asked: ChatRequest, body: Mapping[str, Any]) -> Stream:
        bounds = Bounds(asked.most_in, asked.most_out)
        meter = Meter(self.tariff, bounds, self.block, _text_in(asked))
        chunks = self._chunks(asked, body, meter)
        # A refusal must be known before the answer's status is sent.
        first = await anext(chunks, None)
        if first is None:
            raise UpstreamFailed("the upstream's stream is empty")
        return Stream(_after(first, chunks), model=self.digest, farewell=_farewell)

    async def _chunks(
        self, asked: ChatRequest, body: Mapping[str, Any], meter: Meter
    ) -> AsyncGenerator[Chunk]:
        """Pass events on as they come; an upstream that dies is told of and charges no more."""
        usage: object = None
        has_begun = is_whole = False
        try:
            async with self.upstream.stream("/chat/completions", body) as pieces:
                async for content in sse.events(pieces):
                    if content == sse.DONE:
                        is_whole = True
                        break
                    said = _event(content)
                    usage = said.get("usage") or usage
                    if not said.get("choices") and not asked.shows_usage:
                        continue
                    text = sum(len(_said(one, "delta")) for one in said["choices"])
                    charge = meter.delivered(text)
                    has_begun = True
                    yield Chunk(sse.event(_written(said, self.name)), charge)
        except UpstreamFailed as failed:
            if not has_begun:
                raise
            error = {"message": failed.message, "type": "upstream_error", "code": failed.status}
            yield Chunk(sse.event(json.dumps({"error": error}).encode()), meter.charge)
            return
        if has_begun or is_whole:
            yield Chunk(b"", meter.ended(usage))


async def _after(first: Chunk, rest: AsyncGenerator[Chunk]) -> AsyncGenerator[Chunk]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


def _event(content: bytes) -> dict[str, Any]:
    """Read one event; `choices` of what is given is a list."""
    said = json_object_of(content)
    if said is None or said.get("error"):
        raise UpstreamFailed("the upstream's stream is broken, or tells of an error")
    if not isinstance(said.get("choices"), list):
        said["choices"] = []
    return said


def _said(choice: object, member: str) -> bytes:
    """Give what a choice says, as bytes: its text, and its calls of tools as JSON."""
    found = choice.get(member) if isinstance(choice, dict) else None
    if not isinstance(found, dict):
        return b""
    said = "".join(
        value if isinstance(value, str) else json.dumps(value)
        for name, value in found.items()
        if name != "role" and value
    )
    return said.encode(errors="replace")


def _written(said: Mapping[str, Any], name: str) -> bytes:
    text = json.dumps({**said, "model": name}, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


def _text_in(asked: ChatRequest) -> int:
    """Give the bytes of text in a chat's messages."""
    texts = [_said({"message": message}, "message") for message in asked.body["messages"]]
    return sum(map(len, texts))


def _farewell(headers: Mapping[str, str]) -> bytes:
    """End a stream: what was paid as comments, which clients pass over, then the end's mark."""
    told = b"".join(sse.comment(f"{name}: {text}") for name, text in headers.items())
    return told + sse.event(sse.DONE)
