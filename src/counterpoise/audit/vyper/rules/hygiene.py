"""What trusted accounts set: zero addresses, silent changes, rates without bound."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, Found, at
from counterpoise.audit.vyper.rules.numbers import Bounds
from counterpoise.audit.vyper.trust import Contract, atoms, chosen
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["hygiene"]


def hygiene(contract: Contract) -> Iterator[Found]:
    """Every rule about settings, for every entry and the constructor."""
    rates = _rates(contract)
    for entry in contract.entries:
        if entry.is_view:
            continue
        for event, name, new in _settings(entry):
            yield from _zero(contract, entry, event, name, new)
            if not event.value.args and not entry.is_deploy:
                yield from _silent(contract, entry, event)
            if name in rates and not entry.is_deploy:
                yield from _unbounded(contract, entry, event, name, new)


def _settings(entry: Entry) -> Iterator[tuple[Event, str, Value]]:
    for event in entry.of_kind("write", "set"):
        if event.new is not None:
            yield event, event.value.tag, event.new


def _zero(contract: Contract, entry: Entry, event: Event, name: str, new: Value) -> Iterator[Found]:
    bare = strip(new)
    if name not in contract.trusted or bare.op != "param" or bare.kind != "address":
        return
    if event.value.args:
        return
    for value, _ in atoms(entry.known(event)):
        if bare in value.leaves or bare in value.parts:
            return
    if any(bare in call.args or call.target is bare for _, call in entry.calls):
        return
    if not entry.is_deploy and not contract.is_guarded(entry, event):
        return
    yield at(
        "missing-zero-check",
        entry,
        event,
        f"{name} can be set to the empty address, and then nobody holds it",
        LIKELY,
        severity=Severity.INFO if entry.is_deploy else None,
    )


def _silent(contract: Contract, entry: Entry, event: Event) -> Iterator[Found]:
    is_setting = event.variable in contract.trusted and contract.is_guarded(entry, event)
    if is_setting and not any(entry.of_kind("log")):
        yield at(
            "missing-event", entry, event, f"{event.variable} changes without an event", LIKELY
        )


def _rates(contract: Contract) -> frozenset[str]:
    """Variables that something is multiplied by, and the product divided: rates and fees."""
    found: set[str] = set()
    for entry in contract.outside:
        for event in entry.of_kind("op"):
            value = event.value
            if value.op != "bin" or value.tag != "FloorDiv":
                continue
            for part in value.args[0].parts:
                if part.op == "bin" and part.tag == "Mult":
                    found |= {leaf.tag for arg in part.args for leaf in _plain_loads(arg)}
    return frozenset(found)


def _plain_loads(value: Value) -> Iterator[Value]:
    bare = strip(value)
    while bare.op == "bin" and bare.tag in ("BitAnd", "RShift", "Add", "Sub"):
        loads = [arg for arg in bare.args if arg.leaves]
        if len(loads) != 1:
            return
        bare = strip(loads[0])
    if bare.op == "load" and not any(key.has_env("msg.sender") for key in bare.args):
        yield bare


def _unbounded(
    contract: Contract, entry: Entry, event: Event, name: str, new: Value
) -> Iterator[Found]:
    if any(key.op != "param" for key in event.value.args):
        return
    if not chosen(new) or event.value in new.leaves or not contract.is_guarded(entry, event):
        return
    if not Bounds(entry.known(event)).is_bounded(new):
        yield at(
            "missing-bound",
            entry,
            event,
            f"{name}, by which amounts are multiplied, can be set to anything",
            MAYBE,
        )
