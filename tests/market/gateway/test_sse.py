"""Server-sent events are read however their bytes are cut."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.market.gateway import sse
from counterpoise.market.gateway.service import UpstreamFailed


def read(pieces):
    async def source():
        for piece in pieces:
            yield piece

    async def inside():
        return [content async for content in sse.events(source())]

    return asyncio.run(inside())


STREAM = (
    b"\n: a comment\n\ndata: one\n\nevent: x\nid: 3\r\ndata:two\r\ndata:  2\r\n\r\n"
    b"data: three\r\rdata\n\ndata: \xe2\x82\xac\n\ndata: [DONE]\n\ndata: without an end"
)
WANTED = [b"one", b"two\n 2", b"three", "€".encode(), sse.DONE]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_do_not_depend_on_how_bytes_are_cut(places):
    cuts = [0, *sorted(places), len(STREAM)]
    assert read([STREAM[a:b] for a, b in itertools.pairwise(cuts)]) == WANTED


def test_bytes_one_by_one_are_the_same_events():
    assert read([STREAM[n : n + 1] for n in range(len(STREAM))]) == WANTED


@given(st.lists(st.binary(min_size=1, max_size=40)))
def test_what_is_written_is_read_again(contents):
    plain = [c.replace(b"\r\n", b"\n").replace(b"\r", b"\n") for c in contents]
    told = sse.comment("payment\r\ndata: forged")
    assert read([sse.event(c) for c in contents] + [told]) == plain


def test_an_event_without_an_end_is_bounded():
    for piece in (b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"):
        with pytest.raises(UpstreamFailed):
            read([piece] * 32)
