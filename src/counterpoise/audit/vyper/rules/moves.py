"""What moves in an entry: sums, receivers, and who may set it off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from counterpoise.audit.vyper.events import Call, Entry, Event
from counterpoise.audit.vyper.trust import atoms, chosen, equality
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["amount_of", "is_lowered", "is_open_by_design", "is_proven", "receiver_of", "terms_of"]


def terms_of(value: Value, sign: bool = True) -> Iterator[tuple[Value, bool]]:
    """The summands of a value, with their signs."""
    bare = strip(value)
    if (bare.op == "bin" and bare.tag in ("Add", "Sub")) or (
        bare.op == "call" and bare.tag in ("unsafe_add", "unsafe_sub")
    ):
        yield from terms_of(bare.args[0], sign)
        yield from terms_of(bare.args[1], sign == bare.tag.lower().endswith("add"))
    elif (
        bare.op == "bin" and bare.tag in ("BitOr", "LShift", "RShift", "BitAnd")
    ) or bare.op == "phi":
        for arg in bare.args:
            yield from terms_of(arg, sign)
    else:
        yield bare, sign


def is_lowered(slot: Value, new: Value) -> bool:
    """Whether a write takes something away from what was there, or empties it."""
    if new.is_empty:
        return True
    return slot in new.leaves and any(not sign for _, sign in terms_of(new))


def is_proven(entry: Entry, event: Event, values: Iterable[Value]) -> bool:
    """Whether what the caller chose is bound by a hash, or else by equality, to what is stored.

    What another contract answered is stored too, unless it was asked with the very thing.
    """
    leaves = frozenset().union(*(chosen(value) for value in values))
    for value, truth in entry.known(event):
        sides = equality(value, truth)
        if sides is None or all(map(_has_balance, sides)):
            continue
        for one, other in (sides, sides[::-1]):
            bound = leaves & one.leaves
            if bound and any(_is_fixed(leaf, bound) for leaf in other.leaves):
                return True
    return False


def _has_balance(value: Value) -> bool:
    """Whether a balance is in it: before and after a payment they differ by any amount paid."""
    return any(leaf.op == "result" and leaf.tag == "balanceOf" for leaf in value.leaves)


def _is_fixed(leaf: Value, bound: frozenset[Value]) -> bool:
    """Whether a caller who chose `bound` could not choose a leaf with it."""
    if leaf.op == "result":
        return not bound <= frozenset().union(*(chosen(arg) for arg in leaf.args), frozenset())
    return leaf.op in ("load", "immutable")


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
    return bool(named) and all(_is_keyed(event.value, one) for one in named)


def _is_keyed(slot: Value, receiver: Value) -> bool:
    return any(chosen(key) & chosen(receiver) for key in slot.args)
