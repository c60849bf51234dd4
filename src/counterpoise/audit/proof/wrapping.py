"""Numbers that wrap around: small arguments tell the line, a large one leaves the range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from counterpoise.audit.findings import Proof
from counterpoise.audit.proof.arena import Arena, Function
from counterpoise.audit.proof.arguments import argument_lists, is_unsigned
from counterpoise.audit.proof.telling import calls_of, shown
from counterpoise.chain import Account
from counterpoise.core.digest import keccak
from counterpoise.core.errors import ChainError, InputError

__all__ = ["wrap_around"]

SLOTS = 12
WORD = 1 << 256


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that can be read off: by a view, or straight from storage; `bits` wide."""

    name: str
    bits: int
    read: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Knob:
    """A function called by an account, with one argument left open."""

    account: Account
    function: Function
    arguments: tuple[Any, ...]
    place: int
    before: tuple[Function, tuple[Any, ...]] | None = None

    def filled(self, number: int) -> tuple[Any, ...]:
        """The arguments with a number in the open place."""
        return (*self.arguments[: self.place], number, *self.arguments[self.place + 1 :])


def wrap_around(arena: Arena, names: frozenset[str]) -> Proof | None:
    """A number that moved in a straight line leaves its range, and nothing stops it.

    Three small arguments tell how the number depends on the argument. If they lie on a line, an
    argument is computed at which the line leaves the number's range; the attack has worked
    if that goes through and the number is what remains of the line modulo 2**bits. A function
    that merely stores its argument stays in its range, so it proves nothing.
    """
    seen = set()
    for knob in _knobs(arena, names):
        mark = repr((knob.account.address, knob.before, knob.function.name, knob.filled(0)))
        if (mark, knob.place) in seen:
            continue
        seen.add((mark, knob.place))
        found = _wrapped(arena, knob)
        if found is not None:
            return found
    return None


def _knobs(arena: Arena, names: frozenset[str]) -> Iterator[Knob]:
    first: list[tuple[Function, tuple[Any, ...]] | None] = [None]
    simple = [one for one in arena.functions if not one.view and one.name and not one.inputs]
    first += [(one, ()) for one in simple]
    known = arena.known(1)
    for before in first[:4]:
        for function in arena.functions:
            if function.view or (names and function.name not in names):
                continue
            for account in (arena.owner, arena.attacker, arena.victim):
                for arguments in list(argument_lists(function.inputs, known))[:4]:
                    for place, one in enumerate(function.inputs):
                        if is_unsigned(str(one["type"])):
                            yield Knob(account, function, tuple(arguments), place, before)


def _wrapped(arena: Arena, knob: Knob) -> Proof | None:
    gauges = list(_gauges(arena, knob))
    rows: list[list[int]] = []
    for number in (1, 2, 3):
        row = arena.tried(partial(_turned, arena, knob, number, gauges))
        if row is None:
            return None
        rows.append(row)
    for gauge, one, two, three in zip(gauges, *rows, strict=True):
        size = 1 << gauge.bits
        slope = (two - one) % size
        if not slope or (three - two) % size != slope:
            continue
        slope -= size if slope > size // 2 else 0
        start = (one - slope) % size
        for number in _leaving(start, slope, size, knob):
            line = start + slope * number
            after = arena.tried(partial(_turned, arena, knob, number, [gauge]))
            if after is not None and after[0] == line % size:
                return arena.tried(partial(_proof, arena, knob, number, gauge, start))  # type: ignore[no-any-return]
    return None


def _leaving(start: int, slope: int, size: int, knob: Knob) -> list[int]:
    """Arguments at which the line ``start + slope * x`` is out of range."""
    most = 1 << is_unsigned(str(knob.function.inputs[knob.place]["type"]))
    least = (size - start + slope - 1) // slope if slope > 0 else start // -slope + 1
    return [one for one in (least, most // 2, most - 1) if 0 < least <= one < most]


def _turned(arena: Arena, knob: Knob, number: int, gauges: list[Gauge]) -> list[int] | None:
    """What the gauges show after a call; None where it is refused."""
    if knob.before is not None and not arena.by_account(knob.account, *knob.before):
        return None
    if not arena.by_account(knob.account, knob.function, knob.filled(number)):
        return None
    return [gauge.read() for gauge in gauges]


def _gauges(arena: Arena, knob: Knob) -> Iterator[Gauge]:
    people = [knob.account.address, *(one for one in knob.arguments if _is_address(one))]
    for function in arena.functions:
        if not function.view or len(function.outputs) != 1 or len(function.inputs) > 1:
            continue
        bits = is_unsigned(str(function.outputs[0]["type"]))
        kind = str(function.inputs[0]["type"]) if function.inputs else ""
        keys: list[tuple[Any, ...]] = [()]
        if kind:
            keys = [(one,) for one in people] if kind == "address" else [(0,), (1,)]
        for key in keys if bits and kind in ("", "address", "uint256") else []:
            name = f"{function.name}({', '.join(shown(arena, one) for one in key)})"
            yield Gauge(name, bits, partial(_viewed, arena, arena.data(function, key)))
    for slot in range(SLOTS):
        yield Gauge(f"storage slot {slot}", 256, partial(_stored, arena, slot))
        for key in [*(one.rjust(32, b"\0") for one in people), bytes(32)]:
            for pair in ((slot.to_bytes(32, "big"), key), (key, slot.to_bytes(32, "big"))):
                place = int.from_bytes(keccak(b"".join(pair)), "big")
                name = f"an entry of the mapping at slot {slot}"
                yield Gauge(name, 256, partial(_stored, arena, place))


def _is_address(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == 20


def _viewed(arena: Arena, data: bytes) -> int:
    try:
        return int.from_bytes(arena.chain.call(arena.address, data)[:32], "big")
    except (ChainError, InputError):
        return 0


def _stored(arena: Arena, slot: int) -> int:
    return int.from_bytes(arena.chain.storage(arena.address, slot), "big")


def _proof(arena: Arena, knob: Knob, number: int, gauge: Gauge, start: int) -> Proof:
    before = gauge.read()
    _turned(arena, knob, number, [])
    after = gauge.read()
    who = arena.names[knob.account.address]
    arguments = ", ".join(shown(arena, one) for one in knob.filled(number))
    call = f"{who}: {arena.name}.{knob.function.name}({arguments})"
    first = () if knob.before is None else (f"{who}: {arena.name}.{knob.before[0].name}()",)
    summary = (
        f"{gauge.name} follows the argument of {knob.function.name} in a straight line, and wraps"
        f" around at 2**{gauge.bits}: from {before} to {after}"
    )
    lines = tuple(calls_of(arena, *arena.trees([arena.chain.block().number])))
    return Proof("wrap-around", summary, (*first, call), lines, ())
