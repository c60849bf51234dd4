"""Embeddings in OpenAI's form: by a model of our own, or by an upstream."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import sha256
from counterpoise.market.gateway.openai_requests import EmbeddingRequest, read_embedding
from counterpoise.market.gateway.service import NotServed, Reply, UpstreamFailed
from counterpoise.market.gateway.tariff import Bounds, Tariff
from counterpoise.market.gateway.upstream import Upstream

Tokens = Sequence[Sequence[int]]
AT_ONCE = 8192
"""Bytes of text that are cut into tokens on the event loop, which takes some milliseconds."""


class Embedder(Protocol):
    """Turns texts into numbers; `market.engines.minilm.MiniLm` is one."""

    @property
    def digest(self) -> bytes:
        """Names the weights."""

    @property
    def dimensions(self) -> int:
        """Numbers to a text."""

    @property
    def most_tokens(self) -> int:
        """Tokens that a text can have at most."""

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Cut texts into tokens, quickly."""

    def embed(self, tokens: Tokens) -> NDArray[np.float32]:
        """Give (n, dimensions) float32; may take a while."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A request whose texts were cut into tokens."""

    asked: EmbeddingRequest
    tokens: Tokens

    @property
    def count(self) -> int:
        """Tokens in all."""
        return sum(map(len, self.tokens))


@dataclass(frozen=True, slots=True)
class LocalEmbeddings:
    """One embedding model in this process.

    Parameters
    ----------
    most_in :
        Tokens that one request may have in all.
    """

    name: str
    embedder: Embedder
    tariff: Tariff
    most_in: int = 8192
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "embeddings"), compare=False, repr=False
    )

    task = "embeddings"

    @property
    def most_tokens(self) -> int:
        """Tokens that one text may have."""
        return self.embedder.most_tokens

    def read(self, source: Mapping[str, Any]) -> tuple[int, EmbeddingRequest | Cut]:
        """Read a request; gives what it costs at most and what `serve` wants.

        Short texts are cut into tokens at once and their price is exact; long ones would keep
        other calls waiting, so that their bytes bound it.
        """
        asked = read_embedding(source)
        if asked.dimensions not in (None, self.embedder.dimensions):
            raise NotServed(400, f"dimensions: this model gives {self.embedder.dimensions}")
        if asked.size > 8 * self.most_in:
            raise NotServed(413, f"input: the texts are longer than {self.most_in} tokens")
        if asked.size > AT_ONCE:
            return self.tariff.of(min(asked.size, self.most_in)), asked
        cut = self._cut(asked)
        return self.tariff.of(cut.count), cut

    async def serve(self, asked: EmbeddingRequest | Cut) -> Reply:
        """Run the model beside the event loop."""
        loop = asyncio.get_running_loop()
        cut, rows = await loop.run_in_executor(self.threads, self._run, asked)
        entries = [
            {"object": "embedding", "index": index, "embedding": _written(row, cut.asked.base64)}
            for index, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": cut.count, "total_tokens": cut.count}
        found = {"object": "list", "model": self.name, "data": entries, "usage": usage}
        body = json.dumps(found, separators=(",", ":")).encode()
        return Reply(body, charge=self.tariff.of(cut.count), model=self.embedder.digest)

    async def close(self) -> None:
        """End the thread."""
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, asked: EmbeddingRequest | Cut) -> tuple[Cut, NDArray[np.float32]]:
        cut = asked if isinstance(asked, Cut) else self._cut(asked)
        return cut, self.embedder.embed(cut.tokens)

    def _cut(self, asked: EmbeddingRequest) -> Cut:
        cut = Cut(asked, self.embedder.tokens(asked.texts))
        longest, most = max(map(len, cut.tokens)), self.embedder.most_tokens
        if longest > most:
            raise NotServed(400, f"input: a text of {longest} tokens, at most {most} are read")
        if cut.count > self.most_in:
            raise NotServed(413, f"input: {cut.count} tokens in all, at most {self.most_in}")
        return cut


@dataclass(frozen=True, slots=True)
class UpstreamEmbeddings:
    """One embedding model of an upstream."""

    name: str
    upstream: Upstream
    tariff: Tariff
    theirs: str
    most_in: int = 1 << 18

    task = "embeddings"

    @property
    def most_tokens(self) -> int:
        """Tokens that one text may have, as far as this side knows."""
        return self.most_in

    @property
    def digest(self) -> bytes:
        """What the model is called in evidence: only the seller knows what stands behind it."""
        return sha256(f"upstream embeddings {self.upstream.base} {self.theirs}".encode())

    def read(self, source: Mapping[str, Any]) -> tuple[int, EmbeddingRequest]:
        """Read a request; gives what it costs at most and what `serve` wants."""
        asked = read_embedding(source)
        if asked.size > self.most_in:
            raise NotServed(413, f"input: {asked.size} bytes, at most {self.most_in}")
        return self.tariff.of(asked.size), asked

    async def serve(self, asked: EmbeddingRequest) -> Reply:
        """Ask the upstream."""
        body: dict[str, Any] = {"model": self.theirs, "input": list(asked.texts)}
        body["encoding_format"] = "base64" if asked.base64 else "float"
        if asked.dimensions is not None:
            body["dimensions"] = asked.dimensions
        answer = await self.upstream.post("/embeddings", body)
        entries = answer.get("data")
        if not isinstance(entries, list) or len(entries) != len(asked.texts):
            raise UpstreamFailed("the upstream's answer has not one embedding for each text")
        answer["model"] = self.name
        content = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
        text = sum(len(one.encode()) for one in asked.texts)
        used, _ = Bounds(asked.size).used(answer.get("usage"), text, 0)
        return Reply(content, charge=self.tariff.of(used), model=self.digest)

    async def close(self) -> None:
        """Let go of the upstream's connections."""
        await self.upstream.close()


def _written(row: NDArray[np.float32], as_base64: bool) -> str | list[float]:
    if as_base64:
        return base64.b64encode(row.astype("<f4").tobytes()).decode()
    return [float(value) for value in row]
