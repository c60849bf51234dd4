"""What the walk of a contract's functions says is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterpoise.audit.bytecode.facts import Function, Site, is_guard, slots_of
from counterpoise.audit.bytecode.values import ADDRESS, Value, slot_name

__all__ = ["Hint", "hints"]

SURE, LIKELY, MAYBE, RARELY = 850_000, 650_000, 400_000, 200_000
"""Confidence in ppm: one step below what the rules over source say, for names are missing here."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What one rule says of one place.

    Parameters
    ----------
    severity :
        Where it is not the rule's own.
    steps :
        Offsets on the way there, with what happens at each.
    """

    rule: str
    function: str
    pc: int
    message: str
    confidence: int
    severity: str = ""
    steps: tuple[tuple[int, str], ...] = ()


def hints(functions: list[Function]) -> Iterator[Hint]:
    """Every hint about a contract, function by function."""
    from counterpoise.audit.bytecode.reentry import reentrancy, unchecked

    trusted = _trusted(functions)
    for function in functions:
        yield from _destroys(function)
        yield from _origin(function)
        yield from _delegates(function, functions)
        yield from _writes(function, trusted)
        yield from _by_selector(function)
        yield from _pays(function)
        yield from reentrancy(function)
        yield from unchecked(function)


def _trusted(functions: list[Function]) -> dict[str, set[int]]:
    """Slots that hold who is trusted: callers are compared with them; with the part of the word."""
    found: dict[str, set[int]] = {}
    for function in functions:
        for condition in function.conditions.values():
            for label in condition.labels:
                if label.startswith("auth:") and ">>" in label:
                    slot, shift = label[5:].split(">>")
                    found.setdefault(slot, set()).add(int(shift))
    return found


def _destroys(function: Function) -> Iterator[Hint]:
    for site in function.named("SELFDESTRUCT"):
        if site.block in function.open:
            heir = _who(site.event.values[0])
            text = f"anyone can destroy it; what it holds goes to {heir}"
            yield Hint("selfdestruct", function.name, site.event.pc, text, SURE)
        else:
            text = "whom its guard lets through can destroy it"
            yield Hint("selfdestruct", function.name, site.event.pc, text, LIKELY, "low")


def _origin(function: Function) -> Iterator[Hint]:
    for key, condition in function.conditions.items():
        if "origin" in condition.labels:
            text = "a branch depends on who signed the transaction, not on who calls"
            yield Hint("tx-origin", function.name, key[0], text, LIKELY)


def _delegates(function: Function, functions: list[Function]) -> Iterator[Hint]:
    from counterpoise.audit.bytecode.code import PROXY_SLOTS

    for site in function.named("DELEGATECALL", "CALLCODE"):
        target = site.event.values[1]
        slots = slots_of(target.labels)
        proxies = {
            PROXY_SLOTS[int(one)] for one in slots if one.isdigit() and int(one) in PROXY_SLOTS
        }
        if proxies or target.const is not None:
            continue
        is_open = site.block in function.open
        if target.labels & {"calldata", "caller", "origin"} and not slots:
            text = "runs code of the caller's choice on this contract's storage"
            sure = SURE if is_open else LIKELY
            yield Hint(
                "delegate-target",
                function.name,
                site.event.pc,
                text,
                sure,
                "" if is_open else "medium",
            )
        elif slots:
            name = ", ".join(sorted(slots))
            writers = [one.name for one in functions if _writes_open(one, slots)]
            text = f"runs the code at an address kept in slot {name}"
            if writers:
                text += f", which anyone may set through {writers[0]}"
                yield Hint("delegate-target", function.name, site.event.pc, text, LIKELY)
            else:
                yield Hint("delegate-target", function.name, site.event.pc, text, MAYBE, "low")


def _writes_open(function: Function, slots: set[str]) -> bool:
    return any(
        slot_name(site.event.values[0]) in slots and site.block in function.open
        for site in function.named("SSTORE")
    )


def _writes(function: Function, trusted: dict[str, set[int]]) -> Iterator[Hint]:
    """Writes of a slot that callers are compared with, which no caller is asked before."""
    for site in function.named("SSTORE"):
        slot, value = site.event.values
        name = slot_name(slot)
        if name not in trusted or site.block not in function.open or _is_own(slot):
            continue
        if all(_is_kept(name, shift, value) for shift in trusted[name]):
            continue
        once = {one for cond in function.asked_before(site) for one in slots_of(cond.labels)}
        written = {slot_name(one.event.values[0]) for one in function.named("SSTORE")}
        if function.asked_always(site, once & written):
            if name.startswith("map:"):
                continue  # whoever makes a record is the one that it trusts
            text = f"whoever comes first sets slot {_short(name)}, which says who is trusted"
            yield Hint("unprotected-init", function.name, site.event.pc, text, RARELY, "low")
        else:
            text = f"anyone may set slot {_short(name)}, which callers are compared with elsewhere"
            yield Hint("unprotected-write", function.name, site.event.pc, text, SURE)


def _is_own(slot: Value) -> bool:
    return bool(slot.labels & {"caller", "by-caller"})


def _is_kept(name: str, shift: int, value: Value) -> bool:
    """Whether a write leaves the part of a packed slot that holds the address as it was."""
    part = ADDRESS << shift
    marks = (one.split(":") for one in value.labels if one.startswith("kept:"))
    masks = [int(mark[-1], 16) for mark in marks if ":".join(mark[1:-1]) == name]
    return any(mask & part == part for mask in masks)


def _by_selector(function: Function) -> Iterator[Hint]:
    """Functions whose name says that not everyone may call them, and that ask nobody."""
    from counterpoise.audit.bytecode.names import role_of

    role = role_of(function.selector) if function.selector else ""
    if not role:
        return
    for site in function.named("SSTORE"):
        slot, value = site.event.values
        if site.block not in function.open or _is_own(slot):
            continue
        if role == "mint":
            paid = value.labels & {"value"} or any(function.before(site, "CALL", "STATICCALL"))
            if not paid:
                text = f"anyone may create or destroy balances (slot {_short(slot_name(slot))})"
                yield Hint("unprotected-mint", function.name, site.event.pc, text, LIKELY)
                return
        else:
            text = f"asks nobody, and sets slot {_short(slot_name(slot))}"
            severity = "high" if role == "owner" else "medium"
            sure = LIKELY if role == "owner" else MAYBE
            yield Hint("unprotected-write", function.name, site.event.pc, text, sure, severity)
            return


def _pays(function: Function) -> Iterator[Hint]:
    """Value that goes where a stranger says."""
    for site in function.named("CALL"):
        _, target, value = site.event.values
        if value.const == 0 or site.block not in function.open:
            continue
        chosen = target.labels & {"calldata", "caller", "origin"}
        if not chosen or slots_of(target.labels) or _is_funded(function, site, value):
            continue
        all_of_it = bool(value.labels & {"balance", "calldata"}) or slots_of(value.labels)
        text = f"sends wei to {_who(target)}, and asks nobody"
        if all_of_it:
            yield Hint("unprotected-transfer", function.name, site.event.pc, text, LIKELY)
        else:
            yield Hint("unprotected-transfer", function.name, site.event.pc, text, MAYBE, "medium")


def _is_funded(function: Function, site: Site, value: Value) -> bool:
    """Whether what is paid is what came in, or what the receiver is owed and is debited."""
    if value.labels and value.labels <= {"value", "size"}:
        return True
    slots = slots_of(value.labels)
    asked = set().union(*(one.labels for one in function.asked_before(site)))
    if "by-caller" in value.labels or any(is_guard(one) for one in function.asked_before(site)):
        return True
    debited = {slot_name(one.event.values[0]) for one in function.named("SSTORE")}
    maps = {one for one in (slots | slots_of(frozenset(asked))) & debited if one.startswith("map:")}
    return bool(maps)


def _who(target: Value) -> str:
    if "calldata" in target.labels:
        return "an address that the caller names"
    if "caller" in target.labels:
        return "the caller"
    if "origin" in target.labels:
        return "who signed the transaction"
    return "a fixed or stored address"


def _short(slot: str) -> str:
    return slot if len(slot) < 12 else f"0x{int(slot):064x}"[:10] + "…" if slot.isdigit() else slot
