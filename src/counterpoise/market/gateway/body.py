"""Reads a request's body within bounds of size and time, and strict JSON out of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, NoReturn

from counterpoise.core.errors import CounterpoiseError
from counterpoise.core.json_text import check_nesting
from counterpoise.market.gateway.service import NotServed

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Gone(CounterpoiseError):
    """The buyer went away before the request was whole."""


_LEFT = "the buyer left before the request was whole"


def at_once(receive: Receive) -> MutableMapping[str, Any] | None:
    """Give the next message if it is there already; None where one would have to wait for it.

    One step of `receive` either ends with a message, or waits for one and is given up.
    """
    step = receive().__await__()
    try:
        next(step)
    except StopIteration as ended:
        message: MutableMapping[str, Any] = ended.value
        return message
    finally:
        close = getattr(step, "close", None)
        if close is not None:
            close()
    return None


async def read_body(
    receive: Receive, headers: Mapping[str, str], most: int, seconds: float
) -> bytes:
    """Read a whole body.

    Raises
    ------
    NotServed :
        413 as soon as it is known to be too large, 408 where it does not arrive in time.
    Gone :
        The buyer left.
    """
    length = headers.get("content-length", "")
    if length.isascii() and length.isdecimal() and int(length) > most:
        raise NotServed(413, f"a body of {length} bytes, at most {most} are taken")
    message = at_once(receive)
    if message is None:
        message = await _next(receive, seconds)
    elif message["type"] == "http.disconnect":
        raise Gone(_LEFT)
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        _check_size(body, most)
        return body
    parts, size = [body], len(body)
    try:
        async with asyncio.timeout(seconds):
            while message.get("more_body"):
                message = await _taken(receive)
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise NotServed(413, f"a body beyond {most} bytes, more are not taken")
    except TimeoutError:
        raise NotServed(408, f"the body did not arrive in {seconds:g} s") from None
    whole = b"".join(parts)
    _check_size(whole, most)
    return whole


def check_media(headers: Mapping[str, str], taken: Sequence[str]) -> None:
    """Refuse a body of another type with 415; a body without a type counts as right."""
    said = headers.get("content-type", "")
    media = said.partition(";")[0].strip().lower()
    if media and taken and media not in taken:
        raise NotServed(415, f"a body of type {media[:80]!r}, {' or '.join(taken)} is taken")


def read_json(body: bytes) -> Any:
    """Read JSON as RFC 8259 has it: UTF-8, no NaN, no name twice, at most 64 levels.

    Raises
    ------
    NotServed :
        400, with what was found and where.
    """
    try:
        check_nesting(body)
    except ValueError as deep:
        raise NotServed(400, f"the body is {deep} levels") from None
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique
        )
    except NotServed:
        raise
    except UnicodeDecodeError as wrong:
        raise NotServed(400, f"the body is no UTF-8: byte {wrong.start}") from None
    except json.JSONDecodeError as wrong:
        raise NotServed(
            400, f"the body is no JSON: {wrong.msg} (line {wrong.lineno}, column {wrong.colno})"
        ) from None
    except ValueError:
        raise NotServed(400, "the body is no JSON: a number is too long to read") from None


async def _next(receive: Receive, seconds: float) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            return await _taken(receive)
    except TimeoutError:
        raise NotServed(408, f"the body did not arrive in {seconds:g} s") from None


async def _taken(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone(_LEFT)
    return message


def _check_size(body: bytes, most: int) -> None:
    if len(body) > most:
        raise NotServed(413, f"a body of {len(body)} bytes, at most {most} are taken")


def _no_constant(text: str) -> NoReturn:
    raise NotServed(400, f"{text} is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotServed(400, "the JSON names a member twice")
    return found
