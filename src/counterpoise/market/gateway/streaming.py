"""An answer that leaves in pieces, each after its charge is kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from counterpoise.market.gateway.outcome import RESPONSE, Outcome
from counterpoise.market.gateway.record import Answered, Record
from counterpoise.market.gateway.service import Call, Chunk, Reply, Stream, UpstreamFailed
from counterpoise.payments import Refusal, Response, Ticket, pack


@dataclass(slots=True)
class Streaming:
    """One stream under way.

    Parameters
    ----------
    seconds :
        How long the service may take for a piece.
    count :
        Told what was charged in the end, in base units.
    """

    record: Record
    service: str
    call: Call
    ticket: Ticket
    stream: Stream
    headers: Mapping[str, str]
    seconds: float
    count: Callable[[int], None]

    def outcome(self, begun: Response) -> Outcome:
        """Give the stream as it may leave; the whole price is told ahead of it."""
        headers = {**self.stream.headers, RESPONSE: pack(begun)}
        answered = self.record.turnstile.seller.answered
        return Outcome(
            self.stream.status,
            self._pieces(),
            self.stream.media,
            headers,
            response=begun,
            ticket=self.ticket,
            on_left=lambda: answered(self.ticket),
        )

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        """Charge for a piece, then let it leave; what is cut off stays at what was charged."""
        total, digest, is_whole = 0, hashlib.sha256(), False
        try:
            async for chunk in _in_time(self.stream.chunks, self.seconds):
                if chunk.charge > total:
                    await self.record.charge_to(self.ticket, chunk.charge)
                    total = chunk.charge
                digest.update(chunk.body)
                yield chunk.body
            last = await self._finish(total, digest.digest())
            is_whole = True
            if last:
                yield last
        finally:
            if not is_whole:
                await self.record.abandon(
                    self.service, self.call, self.ticket, self._answered(digest.digest()), total
                )
            self.count(total)

    async def _finish(self, total: int, digest: bytes) -> bytes:
        done = await self.record.finish_stream(
            self.service, self.call, self.ticket, total, self._answered(digest), self.headers
        )
        if isinstance(done, Refusal):
            raise UpstreamFailed(f"the payment failed at the end: {done.reason}")
        return b"" if self.stream.farewell is None else self.stream.farewell(done[1])

    def _answered(self, digest: bytes) -> Answered:
        stream = self.stream
        return Answered(
            digest, digest, stream.model, stream.commitment, None, None, self.call.level
        )


async def gathered(stream: Stream, seconds: float) -> Reply:
    """Give a stream that costs nothing as one reply: there is no step to wait for."""
    pieces = [chunk.body async for chunk in _in_time(stream.chunks, seconds)]
    last = b"" if stream.farewell is None else stream.farewell({})
    return Reply(
        b"".join(pieces) + last,
        stream.status,
        stream.media,
        model=stream.model,
        commitment=stream.commitment,
        headers=stream.headers,
    )


async def _in_time(chunks: AsyncIterator[Chunk], seconds: float) -> AsyncGenerator[Chunk, None]:
    """Give chunks, and stop the service where one takes too long."""
    try:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise UpstreamFailed(f"nothing came for {seconds:g} s", status=504) from None
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
