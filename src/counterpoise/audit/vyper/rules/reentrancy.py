"""Calls that can come back: state, other functions, views and events.

A call to an outer contract hands over control. What the contract writes afterwards was not yet
written while the callee ran; whoever the callee enters again sees, and works on, the old value.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Call, Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, RARELY, SURE, Found, at
from counterpoise.audit.vyper.trust import Contract, chosen
from counterpoise.audit.vyper.values import strip

__all__ = ["reentrancy"]

PAYS = ("transfer", "transferFrom", "safeTransfer", "safeTransferFrom", "mint", "withdraw", "burn")
"""Methods after which other contracts' books have changed as well."""


def reentrancy(contract: Contract) -> Iterator[Found]:
    """Every rule about re-entry, for every entry that may change state."""
    for entry in contract.changing:
        outer = [(event, call) for event, call in entry.calls if hands_over(call)]
        for event, call in outer:
            yield from _after(contract, entry, event, call)
        yield from _unlocked(contract, entry, outer)
        yield from _events(entry, outer)


def hands_over(call: Call) -> bool:
    """Whether the callee may run code of its own, and is not fixed in the source."""
    return call.gives_control and strip(call.target).op != "lit"


def moves_value(call: Call) -> bool:
    """Whether ether or tokens go along."""
    return call.sends or call.method in PAYS


def _target(call: Call) -> str:
    method = f".{call.method}" if call.method else f" ({call.kind})"
    value = strip(call.target)
    return f"{value.tag or 'an address'}{method}"


def _after(contract: Contract, entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    """Writes that follow a call, of variables that the call could have relied on."""
    for name, (before, write) in sorted(_late_writes(entry, event).items()):
        if before is event:
            yield _out_of_order(entry, event, call, write)
            continue
        steps = (
            (before.place, f"reads {name}"),
            (event.place, f"calls {_target(call)}"),
            (write.place, f"writes {name}"),
        )
        free = [other for other in contract.changing if not other.is_locked and other is not entry]
        users = [other.name for other in free if _uses(other, name)]
        if not event.locked:
            yield at(
                "reentrancy-state",
                entry,
                event,
                f"{name} is written after the call to {_target(call)}, which can come back; "
                "no lock is held",
                LIKELY if chosen(call.target) or call.sends else MAYBE,
                steps=steps,
            )
        elif users:
            yield at(
                "reentrancy-cross",
                entry,
                event,
                f"{name} is written after the call to {_target(call)}; "
                f"{', '.join(sorted(set(users)))} can be entered meanwhile and uses it",
                LIKELY,
                steps=steps,
            )
        else:
            yield from _view(contract, entry, event, call, write, steps)


def _late_writes(entry: Entry, event: Event) -> dict[str, tuple[Event, Event]]:
    """The first write of each variable after a call, with the read before it that was relied on.

    Where nothing was relied on, the call itself stands in the read's place.
    """
    late: dict[str, tuple[Event, Event]] = {}
    for write, _ in entry.writes:
        if write.variable not in late and entry.follows(write, event):
            before = _relied_on(entry, event, write)
            if before is not None:
                late[write.variable] = before, write
    for write, _ in entry.writes:
        if write.variable not in late and entry.follows(write, event):
            late[write.variable] = event, write
    return late


def _out_of_order(entry: Entry, event: Event, call: Call, write: Event) -> Found:
    """A write after a call on which nothing before the call relied."""
    return at(
        "reentrancy-state",
        entry,
        event,
        f"{write.variable} is written after the call to {_target(call)}; nothing relied on it yet",
        RARELY,
        severity=Severity.INFO,
        steps=((event.place, f"calls {_target(call)}"), (write.place, f"writes {write.variable}")),
    )


def _relied_on(entry: Entry, event: Event, write: Event) -> Event | None:
    """A read before the call on whose answer the call or the later write relies, if there is one.

    Either a condition around the call looked at the variable, or the write can be reached from the
    call without the slot being read anew. A slot that each turn of a loop names anew is another
    one in the next turn.
    """
    heads = _own_turns(write)
    if heads and not entry.follows_within(write, event, heads):
        return None
    reads = [
        read
        for read in entry.of_kind("read")
        if read.variable == write.variable and entry.follows(event, read)
    ]
    if not reads:
        return None
    checked = any(
        leaf.tag == write.variable
        for value, _ in event.facts
        for leaf in value.leaves
        if leaf.op == "load"
    )
    again = frozenset(read.id for read in entry.of_kind("read") if read.value is write.value)
    if checked or entry.follows_within(write, event, heads | again):
        return reads[0]
    return None


def _own_turns(write: Event) -> frozenset[int]:
    """Heads of the loops whose element is in the slot's keys."""
    parts = write.value.parts
    return frozenset(
        head
        for head, over in write.loops
        if any(part.op == "element" and part.args[0] is over for part in parts)
    )


def _view(
    contract: Contract,
    entry: Entry,
    event: Event,
    call: Call,
    write: Event,
    steps: tuple[tuple[object, str], ...],
) -> Iterator[Found]:
    """A lock is held, so that only views that ignore it can see half-changed state."""
    name = write.variable
    early = {w.variable for w, _ in entry.writes if entry.follows(event, w)}
    readers = []
    for other in contract.outside:
        if other.is_view and not other.is_locked and _uses(other, name):
            seen = {read.variable for read in other.of_kind("read")}
            if moves_value(call) or (early - {name}) & seen:
                readers.append(other.name)
    variable = contract.by_name.get(name)
    shown = variable is not None and variable.is_public and moves_value(call)
    if variable is not None and shown and (variable.is_reentrant or not _locks_getters(contract)):
        readers.append(name.rsplit(".", 1)[-1])
    if readers:
        yield at(
            "reentrancy-view",
            entry,
            event,
            f"{', '.join(sorted(set(readers)))} can be read during the call to {_target(call)}, "
            f"before {name} is written",
            MAYBE,
            steps=steps,  # type: ignore[arg-type]
        )
        return
    stranger = bool(chosen(call.target)) or strip(call.target).op == "load"
    serious = moves_value(call) or stranger or call.kind == "raw_call" or bool(early)
    yield at(
        "reentrancy-state",
        entry,
        event,
        f"{name} is written after the call to {_target(call)}; only the lock keeps it safe",
        RARELY,
        severity=Severity.LOW if serious else Severity.INFO,
        steps=steps,  # type: ignore[arg-type]
    )


def _locks_getters(contract: Contract) -> bool:
    return bool(contract.program.main.settings.get("nonreentrancy_by_default"))


def _unlocked(contract: Contract, entry: Entry, outer: list[tuple[Event, Call]]) -> Iterator[Found]:
    """A function that changes state and hands over control holds no lock at all."""
    if not any(entry.writes):
        return
    for event, call in outer:
        if not event.locked:
            yield at(
                "reentrancy-unlocked",
                entry,
                event,
                f"calls {_target(call)} in a function that changes state, without a lock",
                SURE if chosen(call.target) else MAYBE,
            )
            return


def _events(entry: Entry, outer: list[tuple[Event, Call]]) -> Iterator[Found]:
    for log in entry.of_kind("log"):
        earlier = [(event, call) for event, call in outer if entry.follows(log, event)]
        if earlier:
            event, call = earlier[0]
            yield at(
                "reentrancy-events",
                entry,
                log,
                f"{log.value.kind or 'an event'} is logged after the call to {_target(call)}",
                LIKELY,
                steps=((event.place, f"calls {_target(call)}"),),
            )


def _uses(entry: Entry, name: str) -> bool:
    return any(event.variable == name for event in entry.of_kind("read", "write"))
