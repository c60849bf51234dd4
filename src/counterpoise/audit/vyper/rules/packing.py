"""Numbers packed into one word: fields that lose their high bits, or run into the next."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Entry, Event
from counterpoise.audit.vyper.found import LIKELY, Found, at
from counterpoise.audit.vyper.rules.moves import is_proven
from counterpoise.audit.vyper.rules.numbers import Bounds
from counterpoise.audit.vyper.trust import Contract, chosen
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["packing"]

WORD = 256
BITS = {"address": 160, "bool": 1, "bytes32": 256}


def packing(contract: Contract) -> Iterator[Found]:
    """Every rule about packed words, for every entry."""
    for entry in contract.outside:
        for event in entry.of_kind("op"):
            if event.value.op != "bin":
                continue
            bounds = Bounds(entry.known(event))
            if event.value.tag == "LShift":
                yield from _shifted(entry, event, bounds)
            elif event.value.tag == "BitOr":
                yield from _overlapping(entry, event, bounds)


def _shifted(entry: Entry, event: Event, bounds: Bounds) -> Iterator[Found]:
    left, by = event.value.args
    if by.number is not None and _bits(left) + by.number <= WORD:
        return
    if _is_loose(entry, event, left, bounds):
        yield _found(
            entry,
            event,
            "a shift drops the high bits of what the caller chooses, and nothing bounds it",
        )


def _overlapping(entry: Entry, event: Event, bounds: Bounds) -> Iterator[Found]:
    fields = list(_fields(event.value))
    for base, start in fields:
        above = [other for _, other in fields if other > start]
        if not above or start + _bits(base) <= min(above):
            continue
        if _is_loose(entry, event, base, bounds):
            yield _found(
                entry,
                event,
                f"what the caller chooses has {min(above) - start} bits in a word, and nothing "
                "keeps it out of the next field",
            )


def _fields(value: Value) -> Iterator[tuple[Value, int]]:
    """What a word is made of, each with the bit at which it begins."""
    bare = strip(value)
    if bare.op == "bin" and bare.tag == "BitOr":
        for arg in bare.args:
            yield from _fields(arg)
    elif bare.op == "bin" and bare.tag == "LShift":
        if bare.args[1].number is not None:
            yield bare.args[0], bare.args[1].number
    else:
        yield value, 0


def _is_loose(entry: Entry, event: Event, field: Value, bounds: Bounds) -> bool:
    """Whether the caller may make a field of a word that is kept as large as it likes."""
    if not chosen(field) or bounds.is_held(field) or not _is_kept(entry, event.value):
        return False
    return not is_proven(entry, event, chosen(field))


def _is_kept(entry: Entry, value: Value) -> bool:
    """Whether a value goes into storage or out of the contract, alone or in a packed word."""
    for event in entry.of_kind("write", "call"):
        given = event.call.args if event.call is not None else (event.new, event.value)
        if any(part is not None and value in part.parts for part in given):
            return True
    return False


def _found(entry: Entry, event: Event, message: str) -> Found:
    return at("unsafe-math", entry, event, message, LIKELY, severity=Severity.MEDIUM)


def _bits(value: Value) -> int:
    bare = strip(value)
    if bare.number is not None:
        return bare.number.bit_length()
    if bare.kind in BITS:
        return BITS[bare.kind]
    digits = bare.kind.removeprefix("u").removeprefix("int")
    return int(digits) if digits.isdigit() else WORD
