"""Calls out of the contract: what changes after them, and whether they are heard."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.bytecode.facts import Function, Site, hands_over_control, slots_of
from counterpoise.audit.bytecode.rules import LIKELY, MAYBE, RARELY, Hint
from counterpoise.audit.bytecode.values import slot_name

__all__ = ["reentrancy", "unchecked"]


def reentrancy(function: Function) -> Iterator[Hint]:
    """State that was asked about, and changes after a call that may come back."""
    for call in function.named("CALL", "DELEGATECALL", "CALLCODE"):
        if not hands_over_control(call.event) or _is_trusted(call):
            continue
        writes = list(function.after(call, "SSTORE"))
        if not writes or function.locks(call):
            continue
        relied = set().union(*(slots_of(one.labels) for one in function.asked_before(call)))
        relied |= slots_of(call.event.values[2].labels)
        late = [one for one in writes if slot_name(one.event.values[0]) in relied - {"?"}]
        if late:
            yield _late(function, call, late[0])
        else:
            text = "storage changes after a call, without a lock"
            steps = ((call.event.pc, "calls out"), (writes[0].event.pc, "writes storage"))
            yield Hint(
                "reentrancy-unlocked", function.name, call.event.pc, text, RARELY, steps=steps
            )


def _is_trusted(call: Site) -> bool:
    """Whether the target is written into the code."""
    target = call.event.values[1]
    return target.const is not None or target.labels == {"code"}


def _late(function: Function, call: Site, write: Site) -> Hint:
    slot = slot_name(write.event.values[0])
    target, value = call.event.values[1:3]
    strange = bool(target.labels & {"calldata", "caller", "by-caller", "origin"})
    pays = value.const != 0
    text = f"slot {slot} is asked about before this call and written after it"
    steps = ((call.event.pc, "calls out"), (write.event.pc, f"writes slot {slot}"))
    severity = "high" if pays or strange else "medium"
    sure = LIKELY if pays else MAYBE
    return Hint("reentrancy-state", function.name, call.event.pc, text, sure, severity, steps)


def unchecked(function: Function) -> Iterator[Hint]:
    """Calls whose success nobody looks at."""
    heard: set[str] = set()
    for condition in function.conditions.values():
        heard |= condition.labels
    for site in function.sites:
        heard |= site.event.data
        if site.event.name in ("SSTORE", "TSTORE", "MSTORE") or site.event.name.startswith("LOG"):
            heard |= {label for one in site.event.values for label in one.labels}
    for site in function.named("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"):
        target = site.event.values[1]
        is_precompile = target.const is not None and target.const <= 10
        if not is_precompile and f"result:{site.event.pc}" not in heard:
            text = "whether the call succeeded is not looked at"
            yield Hint("unchecked-raw", function.name, site.event.pc, text, LIKELY)
