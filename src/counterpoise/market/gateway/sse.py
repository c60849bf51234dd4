"""Server-sent events: what a stream of bytes says, and how one is written.

References
----------
WHATWG HTML, section 9.2, *Server-sent events*.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from counterpoise.market.gateway.service import UpstreamFailed

MAX_EVENT = 1 << 20
"""Bytes of the longest event that is read."""

DONE = b"[DONE]"


def event(content: bytes) -> bytes:
    """Write one event; line ends inside become lines of their own."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


def comment(text: str) -> bytes:
    """Write a comment, which clients pass over; its line ends become spaces."""
    return b": " + " ".join(text.split()).encode() + b"\n\n"


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Read the content of each event, however the bytes are cut.

    An event that has no end because the stream ends is passed over, as the standard says.

    Raises
    ------
    UpstreamFailed :
        An event is longer than `MAX_EVENT`.
    """
    rest, lines, size = b"", list[bytes](), 0
    async for chunk in chunks:
        rest += chunk
        # A carriage return at the end may be half of a line end.
        held = b"\r" if rest.endswith(b"\r") else b""
        whole = rest[: len(rest) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *found, rest = whole.split(b"\n")
        rest += held
        for line in found:
            if line == b"":
                if lines:
                    yield b"\n".join(lines)
                lines, size = [], 0
            elif line.startswith(b"data:"):
                lines.append(line[5:].removeprefix(b" "))
                size += len(line)
        if size + len(rest) > MAX_EVENT:
            raise UpstreamFailed(f"an event of more than {MAX_EVENT} bytes")
