"""Chance that can be known or chosen, and times that a few seconds decide."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.vyper.events import Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, SURE, Found, at
from counterpoise.audit.vyper.trust import Contract
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["chance"]

SOURCES = ("block.prevrandao", "block.difficulty", "block.coinbase")
CLOCKS = ("block.timestamp", "block.number")
HASHES = ("keccak256", "sha256")
MARGIN = 15
"""Seconds by which a block's maker can move its time."""
SMALL = 10_000
"""A modulus up to which a remainder of the clock is a draw, not a period."""


def chance(contract: Contract) -> Iterator[Found]:
    """Every rule about randomness and time, for every entry."""
    for entry in contract.outside:
        seen: set[int] = set()
        for event in entry.of_kind("op", "write", "test"):
            source = _draw(event)
            if source and event.place.line not in seen:
                seen.add(event.place.line)
                yield at(
                    "bad-randomness",
                    entry,
                    event,
                    f"a draw from {source}, which the block's maker or anyone in it knows",
                    LIKELY,
                )
        for event in entry.of_kind("test"):
            yield from _time(entry, event)


def _source(value: Value) -> str:
    """What of a value is drawn from the block; empty where nothing is."""
    for leaf in sorted(value.leaves, key=lambda one: one.serial):
        if leaf.is_env(*SOURCES):
            return leaf.tag
    for part in sorted(value.parts, key=lambda one: one.serial):
        if part.op == "call" and part.tag == "blockhash":
            return "blockhash"
    return ""


def _draw(event: Event) -> str:
    value = event.value
    if event.kind == "write":
        new = event.new
        return _source(new) if new is not None and not _is_hash(strip(new)) else ""
    if event.kind == "test":
        return _source(value)
    if value.op == "bin" and value.tag == "Mod":
        found = _source(value.args[0])
        if found:
            return found
        modulus = value.args[1].number
        hashed = any(_is_hash(part) and part.has_env(*CLOCKS) for part in value.args[0].parts)
        small = modulus is not None and 1 < modulus <= SMALL and modulus != 7
        direct = strip(value.args[0]).is_env(*CLOCKS)
        if hashed or (direct and (small or modulus is None)):
            return next(leaf.tag for leaf in value.leaves if leaf.is_env(*CLOCKS))
    elif _is_hash(value):
        return _source(value)
    return ""


def _is_hash(value: Value) -> bool:
    return value.op == "call" and value.tag in HASHES


def _time(entry: Entry, event: Event) -> Iterator[Found]:
    for part in sorted(event.value.parts, key=lambda one: one.serial):
        if part.op != "cmp" or not part.has_env("block.timestamp"):
            continue
        sides = [strip(arg) for arg in part.args]
        if part.tag in ("Eq", "NotEq") and any(_is_clock(side) for side in sides):
            yield at("timestamp", entry, event, "a time is compared for equality", SURE)
        elif part.tag in ("Lt", "LtE", "Gt", "GtE") and any(_is_thin(side) for side in sides):
            yield at(
                "timestamp",
                entry,
                event,
                f"a margin of at most {MARGIN} seconds decides",
                MAYBE,
            )


def _is_clock(value: Value) -> bool:
    """The time, or the time with something added, taken away or divided out."""
    bare = strip(value)
    if bare.op == "bin" and bare.tag in ("Add", "Sub", "Mod"):
        return any(_is_clock(arg) for arg in bare.args)
    return bare.is_env("block.timestamp")


def _is_thin(value: Value) -> bool:
    """A literal of a few seconds, beside a difference of times."""
    if value.op == "bin" and value.tag in ("Add", "Sub"):
        return any(arg.number is not None and 0 < arg.number <= MARGIN for arg in value.args)
    return value.number is not None and 0 < value.number <= MARGIN
