"""Who may write: guards that are missing, void or beside the point."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, SURE, Found, at
from counterpoise.audit.vyper.rules.moves import (
    is_lowered,
    is_open_by_design,
    is_proven,
    terms_of,
)
from counterpoise.audit.vyper.trust import Contract, atoms, chosen, equality
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["access"]


def access(contract: Contract) -> Iterator[Found]:
    """Every rule about who may do what."""
    for entry in contract.changing:
        for event, new in entry.writes:
            if not contract.is_guarded(entry, event):
                yield from _write(contract, entry, event, new)
    yield from _unequal(contract)
    for entry in contract.entries:
        yield from _conditions(entry)


def _write(contract: Contract, entry: Entry, event: Event, new: Value) -> Iterator[Found]:
    slot, name = event.value, event.variable
    if contract.is_own(entry, slot) or not chosen(new) | _callers(new):
        yield from _lowered(contract, entry, event, new)
        return
    if _is_change(new, slot):
        yield from _lowered(contract, entry, event, new)
        yield from _raised(contract, entry, event, new)
        return
    if name not in contract.trusted | _limits(contract):
        yield from _claimed(contract, entry, event, new)
        return
    if not slot.args and _was_empty(entry, event):
        yield at(
            "unprotected-init",
            entry,
            event,
            f"whoever calls first sets {name}",
            LIKELY,
        )
    elif not _is_taken_up(entry, event) and not _is_derived(slot, new):
        yield at(
            "unprotected-write",
            entry,
            event,
            f"anyone may write {name}, by which callers are judged",
            LIKELY,
        )


def _callers(value: Value) -> frozenset[Value]:
    return frozenset(leaf for leaf in value.leaves if leaf.is_env("msg.sender", "tx.origin"))


def _claimed(contract: Contract, entry: Entry, event: Event, new: Value) -> Iterator[Found]:
    """A record under a name of the caller's choice is fixed, or replaced, by whoever comes."""
    slot = event.value
    foreign = any(chosen(key) for key in slot.args) and not _is_derived(slot, new)
    plain = not slot.args and contract.by_name[event.variable].of == "address"
    if not (foreign or plain) or not chosen(new) or _is_taken_up(entry, event):
        return
    if any(c.method == "transferFrom" for _, c in entry.calls) or is_proven(entry, event, [new]):
        return
    if _is_vouched(entry, event, new) or _names_caller(entry, event):
        return
    yield at(
        "unprotected-write",
        entry,
        event,
        f"whoever comes first decides what {event.variable} holds for everyone",
        MAYBE,
        severity=Severity.MEDIUM,
    )


def _names_caller(entry: Entry, event: Event) -> bool:
    """Whether the slot's key is a hash of terms of which one is known to be the caller."""
    hashed = frozenset().union(
        *(
            chosen(part)
            for key in event.value.args
            for part in key.parts
            if part.op == "call" and part.tag in ("keccak256", "sha256")
        )
    )
    for value, truth in atoms(entry.known(event)):
        sides = equality(value, truth)
        for one, other in (sides, sides[::-1]) if sides else ():
            if one.has_env("msg.sender") and chosen(other) and chosen(other) <= hashed:
                return True
    return False


def _is_vouched(entry: Entry, event: Event, new: Value) -> bool:
    """Whether another contract, or signatures, were asked about the very thing that is written."""
    written = chosen(new) - frozenset().union(*map(chosen, event.value.args), frozenset())
    for value, _ in entry.known(event):
        for leaf in value.leaves:
            given = frozenset().union(*(chosen(part) for arg in leaf.args for part in arg.parts))
            if leaf.op == "result" and written and written <= given:
                return True
    signed = (e.value for e in entry.of_kind("op") if e.value.tag == "ecrecover")
    return any(written <= frozenset().union(*map(chosen, one.parts)) for one in signed)


def _is_taken_up(entry: Entry, event: Event) -> bool:
    """Whether an empty record is made, under a name that the caller's address is written to."""
    keys = event.value.args
    named = any(
        new.has_env("msg.sender")
        for write, new in entry.writes
        if write.value.args[: len(keys)] == keys
    )
    return named and _was_empty(entry, event)


def _is_derived(slot: Value, new: Value) -> bool:
    """Whether the slot's key is a hash of all that is written: then nobody can write it falsely."""
    keys = [part for key in slot.args for part in key.parts if part.op == "call"]
    hashed = frozenset().union(*(k.leaves for k in keys if k.tag in ("keccak256", "sha256")))
    return bool(hashed) and chosen(new) <= hashed


def _is_change(new: Value, slot: Value) -> bool:
    """Whether the new value is made from the old one of the same slot."""
    return slot in new.leaves


def _was_empty(entry: Entry, event: Event) -> bool:
    """Whether the slot, or one of the same keys, is known to be empty before it is written."""
    keys = event.value.args
    for value, truth in atoms(event.facts):
        sides = equality(value, truth)
        if sides and any(side.is_empty for side in sides):
            other = sides[0] if sides[1].is_empty else sides[1]
            for part in other.parts:
                beside = part.op == "load" and keys and part.args[: len(keys)] == keys
                if part is event.value or beside:
                    return True
        if value is event.value and not truth:
            return True
    return False


def _limits(contract: Contract) -> frozenset[str]:
    """Variables whose slot of the caller limits what it may do: allowances, not balances."""
    found = set()
    for entry in contract.changing:
        for value, _ in atoms(entry.ends):
            for leaf in value.leaves:
                if leaf.op == "load" and len(leaf.args) > 1 and leaf.args[-1].has_env("msg.sender"):
                    found.add(leaf.tag)
    return frozenset(found)


def _lowered(contract: Contract, entry: Entry, event: Event, new: Value) -> Iterator[Found]:
    """Another account's slot is lowered by an amount of the caller's choice."""
    slot = event.value
    keyed = [key for key in slot.args if chosen(key) and key.kind == "address"]
    if not keyed or slot.has_env("msg.sender") or contract.is_own(entry, slot):
        return
    if not any(chosen(term) and not sign for term, sign in terms_of(new)):
        return
    spends = any(
        is_lowered(other.value, value) and any(k.has_env("msg.sender") for k in other.value.args)
        for other, value in entry.writes
    )
    limited = any(
        leaf.op == "load" and any(key.has_env("msg.sender") for key in leaf.args)
        for value, _ in atoms(entry.known(event))
        for leaf in value.leaves
    )
    if not spends and not limited and not is_proven(entry, event, keyed):
        yield at(
            "unprotected-write",
            entry,
            event,
            f"anyone may lower {event.variable} of an account that it names",
            LIKELY,
        )


def _raised(contract: Contract, entry: Entry, event: Event, new: Value) -> Iterator[Found]:
    """A balance grows by an amount of the caller's choice, and nothing is taken for it."""
    slot = event.value
    if not slot.args or slot.kind not in ("uint256", "uint128", "uint96", "int256"):
        return
    if not any(sign and chosen(term) for term, sign in terms_of(new)) or is_lowered(slot, new):
        return
    taken = any(is_lowered(other.value, value) for other, value in entry.writes)
    pulled = any(
        call.method in ("transferFrom", "burnFrom", "receiveWithAuthorization")
        for _, call in entry.calls
    )
    paid = any(term.has_env("msg.value") for term, _ in terms_of(new))
    if not (taken or pulled or paid) and slot.args[-1].kind == "address":
        yield at(
            "unprotected-mint",
            entry,
            event,
            f"anyone may raise {event.variable} by any amount, and gives nothing for it",
            LIKELY,
        )


def _unequal(contract: Contract) -> Iterator[Found]:
    """Functions that change a variable check the caller, or take its tokens; one does neither."""
    for name in sorted({one.name for one in contract.program.stored()}):
        every = [
            (entry, event, new)
            for entry in contract.changing
            for event, new in entry.writes
            if event.variable == name
        ]
        writers = [
            (entry, event, new)
            for entry, event, new in every
            if not contract.is_own(entry, event.value)
            and not _is_taken_up(entry, event)
            and not _is_sum(event.value, new)
        ]
        guarded = {
            entry.name for entry, event, _ in writers if contract.checks_caller(entry, event)
        }
        paid = {entry.name for entry, _, _ in every if _is_paid_for(entry)}
        for entry, event, new in writers:
            if not guarded and not (paid and any(map(chosen, event.value.args))):
                continue
            if contract.is_guarded(entry, event):
                continue
            if is_open_by_design(entry, event) or _is_derived(event.value, new):
                continue
            how = "check the caller" if guarded else "take tokens of the caller for it"
            yield at(
                "unequal-guard",
                entry,
                event,
                f"{name} is written unchecked here; {', '.join(sorted(guarded or paid))} {how}",
                MAYBE,
            )


def _is_paid_for(entry: Entry) -> bool:
    return any(
        call.method == "transferFrom" and call.args[0].has_env("msg.sender")
        for _, call in entry.calls
    )


def _is_sum(slot: Value, new: Value) -> bool:
    """Whether something is only added to what is stored, or taken from it."""
    return (
        any(term is slot for term, _ in terms_of(new))
        and len(list(terms_of(new))) > 1
        and any(
            (part.op == "bin" and part.tag in ("Add", "Sub"))
            or (part.op == "call" and part.tag in ("unsafe_add", "unsafe_sub"))
            for part in new.parts
            if slot in part.leaves
        )
    )


def _conditions(entry: Entry) -> Iterator[Found]:
    for event in entry.of_kind("test"):
        value = event.value
        for part in sorted(value.parts, key=lambda one: one.serial):
            if part.op != "cmp":
                continue
            left, right = (strip(arg) for arg in part.args)
            if left is right and left.has_env("msg.sender", "tx.origin"):
                yield at("void-guard", entry, event, f"compares {left.tag} with itself", SURE)
        if value.has_env("tx.origin") and not _is_direct(value):
            yield at("tx-origin", entry, event, "a condition depends on tx.origin", SURE)


def _is_direct(value: Value) -> bool:
    """``tx.origin == msg.sender``: refuses contracts, authorises nobody."""
    tests = [part for part in value.parts if part.op == "cmp" and part.has_env("tx.origin")]
    return bool(tests) and all(
        all(strip(arg).is_env("tx.origin", "msg.sender") for arg in test.args) for test in tests
    )
