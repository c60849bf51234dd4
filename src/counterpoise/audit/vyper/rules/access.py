"""Who may write, pay out, mint or end: guards that are missing, void or beside the point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Call, Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, SURE, Found, at
from counterpoise.audit.vyper.trust import Contract, atoms, chosen, equality
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["access", "amount_of", "is_lowered", "is_proven", "receiver_of"]

STANDARD = ("transfer", "transferFrom", "approve", "permit", "balanceOf")
"""Methods that other rules look at."""


def access(contract: Contract) -> Iterator[Found]:
    """Every rule about who may do what."""
    for entry in contract.changing:
        for event, new in entry.writes:
            if not contract.is_guarded(entry, event):
                yield from _write(contract, entry, event, new)
        for event, call in entry.calls:
            if not contract.is_guarded(entry, event):
                yield from _payout(contract, entry, event, call)
                yield from _ordered(entry, event, call)
        yield from _destruction(contract, entry)
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
    if is_open_by_design(entry, event) or is_proven(entry, event, [new]):
        return
    yield at(
        "unprotected-write",
        entry,
        event,
        f"whoever comes first decides what {event.variable} holds for everyone",
        MAYBE,
        severity=Severity.MEDIUM,
    )


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


def _terms(value: Value, sign: bool = True) -> Iterator[tuple[Value, bool]]:
    """The summands of a value, with their signs."""
    bare = strip(value)
    if (bare.op == "bin" and bare.tag in ("Add", "Sub")) or (
        bare.op == "call" and bare.tag in ("unsafe_add", "unsafe_sub")
    ):
        yield from _terms(bare.args[0], sign)
        yield from _terms(bare.args[1], sign == bare.tag.lower().endswith("add"))
    elif bare.op == "bin" and bare.tag in ("BitOr", "LShift", "RShift", "BitAnd"):
        for arg in bare.args:
            yield from _terms(arg, sign)
    elif bare.op == "phi":
        for arg in bare.args:
            yield from _terms(arg, sign)
    else:
        yield bare, sign


def is_lowered(slot: Value, new: Value) -> bool:
    """Whether a write takes something away from what was there, or empties it."""
    if new.is_empty:
        return True
    return slot in new.leaves and any(not sign for _, sign in _terms(new))


def _lowered(contract: Contract, entry: Entry, event: Event, new: Value) -> Iterator[Found]:
    """Another account's slot is lowered by an amount of the caller's choice."""
    slot = event.value
    keyed = [key for key in slot.args if chosen(key) and key.kind == "address"]
    if not keyed or slot.has_env("msg.sender") or contract.is_own(entry, slot):
        return
    if not any(chosen(term) and not sign for term, sign in _terms(new)):
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
    if not any(sign and chosen(term) for term, sign in _terms(new)) or is_lowered(slot, new):
        return
    taken = any(is_lowered(other.value, value) for other, value in entry.writes)
    pulled = any(
        call.method in ("transferFrom", "burnFrom", "receiveWithAuthorization")
        for _, call in entry.calls
    )
    paid = any(term.has_env("msg.value") for term, _ in _terms(new))
    if not (taken or pulled or paid) and slot.args[-1].kind == "address":
        yield at(
            "unprotected-mint",
            entry,
            event,
            f"anyone may raise {event.variable} by any amount, and gives nothing for it",
            LIKELY,
        )


def is_proven(entry: Entry, event: Event, values: Iterable[Value]) -> bool:
    """Whether what the caller chose is bound by a hash, or else by equality, to what is stored."""
    leaves = frozenset().union(*(chosen(value) for value in values))
    for value, truth in entry.known(event):
        sides = equality(value, truth)
        for one, other in (sides, sides[::-1]) if sides else ():
            stored = any(leaf.op in ("load", "immutable", "result") for leaf in other.leaves)
            if stored and leaves & one.leaves:
                return True
    return False


def _payout(contract: Contract, entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    if call.method == "transferFrom" and len(call.args) == 3:
        yield from _pulled(entry, event, call)
        return
    receiver = receiver_of(call)
    if receiver is None or not (chosen(receiver) or receiver.has_env("msg.sender")):
        return
    lowered = [
        write
        for write, new in entry.writes
        if is_lowered(write.value, new)
        and any(_shares(key, receiver) or key.has_env("msg.sender") for key in write.value.args)
    ]
    amount = amount_of(call)
    owed = (
        amount is not None
        and not chosen(amount)
        and any(
            leaf.op == "load" and any(_shares(key, receiver) for key in leaf.args)
            for leaf in amount.leaves
        )
        and any(write.variable in {x.tag for x in amount.leaves} for write, _ in entry.writes)
    )
    if lowered or owed or is_proven(entry, event, [receiver]) or _is_through(entry, call):
        return
    sure = bool(chosen(receiver)) and amount is not None
    yield at(
        "unprotected-transfer",
        entry,
        event,
        "value goes to an address of the caller's choice, with no check and no debit",
        LIKELY if sure else MAYBE,
    )


def _ordered(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    """Another contract, which listens to this one, is told whom and how much by anyone."""
    if call.kind != "extcall" or chosen(call.target) or call.method in STANDARD:
        return
    if any(arg.has_env("msg.sender") for arg in call.args):
        return
    accounts = [arg for arg in call.args if chosen(arg) and arg.kind == "address"]
    amounts = [arg for arg in call.args if chosen(arg) and arg.kind.startswith("uint")]
    if not accounts or not amounts or is_open_by_design(entry, event):
        return
    if is_proven(entry, event, accounts):
        return
    yield at(
        "unprotected-call",
        entry,
        event,
        f"anyone has {call.method} called with an account and an amount of its choice",
        MAYBE,
    )


def receiver_of(call: Call) -> Value | None:
    """Who gets the value that a call moves; None where it moves none."""
    if call.kind in ("send", "selfdestruct") or (call.kind == "raw_call" and call.sends):
        return call.target
    if call.kind == "extcall" and call.sends:
        return call.target
    if call.method in ("transfer", "safeTransfer", "mint") and call.args:
        return call.args[0]
    return None


def amount_of(call: Call) -> Value | None:
    """How much goes to the receiver."""
    if call.method in ("transfer", "safeTransfer", "mint") and len(call.args) > 1:
        return call.args[1]
    return call.value


def _is_through(entry: Entry, call: Call) -> bool:
    """Whether only what came in with this very call goes out again."""
    amount = amount_of(call)
    if amount is None:
        return False
    if amount.leaves and all(leaf.is_env("msg.value") for leaf in amount.leaves):
        return True
    pulled = [other for _, other in entry.calls if other.method == "transferFrom"]
    return any(
        len(other.args) == 3 and other.args[0].has_env("msg.sender") and other.args[2] is amount
        for other in pulled
    )


def _shares(one: Value, other: Value) -> bool:
    return bool(chosen(one) & chosen(other)) or (
        one.has_env("msg.sender") and other.has_env("msg.sender")
    )


def _pulled(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    """Tokens of an account that the caller names are taken by this contract's allowance."""
    owner = call.args[0]
    if not chosen(owner) or owner.has_env("msg.sender") or is_proven(entry, event, [owner]):
        return
    yield at(
        "unprotected-transfer",
        entry,
        event,
        "takes tokens of whomever the caller names, who approved this contract for something else",
        LIKELY,
    )


def _destruction(contract: Contract, entry: Entry) -> Iterator[Found]:
    for event, call in entry.calls:
        if call.kind == "selfdestruct":
            guarded = contract.is_guarded(entry, event)
            who = "a trusted account" if guarded else "anyone"
            yield at(
                "selfdestruct",
                entry,
                event,
                f"{who} can destroy the contract and take its ether",
                SURE,
                severity=Severity.MEDIUM if guarded else None,
            )


def _unequal(contract: Contract) -> Iterator[Found]:
    """Most functions that change a variable check the caller; one does not."""
    for name in sorted({one.name for one in contract.program.stored()}):
        writers = [
            (entry, event, new)
            for entry in contract.changing
            for event, new in entry.writes
            if event.variable == name
            and not contract.is_own(entry, event.value)
            and not _is_taken_up(entry, event)
            and not _is_sum(event.value, new)
        ]
        guarded = {
            entry.name for entry, event, _ in writers if contract.checks_caller(entry, event)
        }
        for entry, event, new in writers:
            if not guarded or contract.is_guarded(entry, event):
                continue
            if is_open_by_design(entry, event) or _is_derived(event.value, new):
                continue
            yield at(
                "unequal-guard",
                entry,
                event,
                f"{name} is written unchecked here; {', '.join(sorted(guarded))} check the caller",
                MAYBE,
            )


def _is_sum(slot: Value, new: Value) -> bool:
    """Whether something is only added to what is stored, or taken from it."""
    return (
        any(term is slot for term, _ in _terms(new))
        and len(list(_terms(new))) > 1
        and any(
            (part.op == "bin" and part.tag in ("Add", "Sub"))
            or (part.op == "call" and part.tag in ("unsafe_add", "unsafe_sub"))
            for part in new.parts
            if slot in part.leaves
        )
    )


def is_open_by_design(entry: Entry, event: Event) -> bool:
    """Whether time, a proof or another contract's word decides, instead of the caller.

    A step that anyone may take once its time has come, or once another contract says so, that the
    caller pays for, or that pays only whom storage names, needs no guard.
    """
    known = entry.known(event)
    if any(leaf.op == "result" for key in event.value.args for leaf in key.leaves):
        return True
    if any(c.method == "transferFrom" and c.args[0].has_env("msg.sender") for _, c in entry.calls):
        return True
    for value, truth in atoms(known):
        if value.op == "cmp" and any(
            arg.has_env("block.timestamp", "block.number") for arg in value.args
        ):
            left_late = value.args[0].has_env("block.timestamp", "block.number")
            late = (value.tag in ("Gt", "GtE")) == left_late
            if late == truth and value.tag in ("Gt", "GtE", "Lt", "LtE"):
                return True
        sides = equality(value, truth)
        if sides and any(
            leaf.op == "result" and leaf.kind != "bool" for s in sides for leaf in s.leaves
        ):
            return True
    proven = any(chosen(arg) for arg in event.value.args)
    if proven and is_proven(entry, event, [event.value, *event.value.args]):
        return True
    moved = [receiver_of(call) for _, call in entry.calls]
    named = [one for one in moved if one is not None]
    return bool(named) and all(not chosen(one) or _is_keyed(event.value, one) for one in named)


def _is_keyed(slot: Value, receiver: Value) -> bool:
    return any(chosen(key) & chosen(receiver) for key in slot.args)


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
