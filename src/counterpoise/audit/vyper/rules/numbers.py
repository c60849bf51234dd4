"""Arithmetic that wraps, divides too early, or trusts a balance that anyone can raise."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Entry, Event, Fact
from counterpoise.audit.vyper.found import LIKELY, MAYBE, RARELY, SURE, Found, at
from counterpoise.audit.vyper.rules.rounding import is_rounded_up
from counterpoise.audit.vyper.trust import Contract, atoms, chosen, order_of
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["Bounds", "numbers"]

UNSAFE = ("unsafe_add", "unsafe_sub", "unsafe_mul", "unsafe_div", "pow_mod256")


def numbers(contract: Contract) -> Iterator[Found]:
    """Every rule about numbers, for every entry."""
    for entry in contract.outside:
        for event in entry.of_kind("op"):
            bounds = Bounds(entry.known(event))
            yield from _wraps(entry, event, bounds)
            yield from _divides(entry, event)
            yield from _shares(contract, entry, event)
        for event in entry.of_kind("test"):
            yield from _strict(entry, event)


class Bounds:
    """What the facts say about how large a value can be."""

    def __init__(self, facts: frozenset[Fact]) -> None:
        self._low: list[tuple[Value, Value]] = []
        self._unequal: list[tuple[Value, Value]] = []
        self._names: set[Value] = set()
        for value, truth in atoms(facts):
            pair = order_of(value, truth)
            if pair is not None:
                self._low.append((strip(pair[0]), strip(pair[1])))
            elif value.op == "cmp" and value.tag in ("Eq", "NotEq"):
                sides = strip(value.args[0]), strip(value.args[1])
                self._name(sides, (value.tag == "Eq") == truth)
                if (value.tag == "Eq") == truth:
                    self._low += [sides, sides[::-1]]
                else:
                    self._unequal.append(sides)

    def _name(self, sides: tuple[Value, Value], equal: bool) -> None:
        """Keys under which something is stored: the contract gave them out, so they are small."""
        for one, other in (sides, sides[::-1]):
            if other.op == "lit" and other.is_empty != equal:
                for leaf in one.leaves:
                    self._names |= set(leaf.args) if leaf.op == "load" else set()

    def at_most(self, low: Value, high: Value) -> bool:
        """Whether ``low <= high`` is known."""
        low, high = strip(low), strip(high)
        if low.is_empty or low is high:
            return True
        if low.number == 1 and self.is_positive(high):
            return True
        return any(a is low and (b is high or _part_of(b, high)) for a, b in self._low)

    def is_positive(self, value: Value) -> bool:
        """Whether a number is known not to be zero."""
        bare = strip(value)
        return any(b is bare for _, b in self._low) or any(
            bare in pair and any(side.is_empty for side in pair) for pair in self._unequal
        )

    def is_held(self, value: Value) -> bool:
        """Whether what the caller chooses of a value is held below something."""
        bare = strip(value)
        if not chosen(bare) or self.is_bounded(bare):
            return True
        if bare.op == "call" and bare.tag == "min":
            return any(self.is_held(arg) for arg in bare.args)
        if bare.op == "bin" and bare.tag == "Sub":
            return self.is_held(bare.args[0])
        if bare.op == "element":
            return False
        return bool(bare.args) and all(self.is_held(arg) for arg in bare.args)

    def is_bounded(self, value: Value) -> bool:  # noqa: PLR0911 - one a form
        """Whether everything in a value that can be large is held below something."""
        bare = strip(value)
        if not bare.leaves or bare.number is not None or any(a is bare for a, _ in self._low):
            return True
        if bare in self._names or (bare.op == "call" and bare.tag == "len"):
            return True
        if bare.op == "bin" and bare.tag == "BitAnd":
            return any(not arg.leaves or self.is_bounded(arg) for arg in bare.args)
        if bare.op == "bin" and bare.tag in ("Mod", "RShift", "FloorDiv"):
            return (
                bare.tag != "FloorDiv" or self.is_bounded(bare.args[0]) or not bare.args[1].leaves
            )
        if bare.op in ("cmp", "not", "and", "or") or bare.kind in ("bool", "uint8", "uint16"):
            return True
        if bare.op in ("param", "env", "load", "immutable", "result", "fresh"):
            return bare.is_env("block.timestamp", "block.number", "chain.id") or _narrow(bare)
        return bool(bare.args) and all(self.is_bounded(arg) for arg in bare.args)


def _part_of(bound: Value, high: Value) -> bool:
    """Whether a bound is taken from the value itself, as a field of a packed word is."""
    masked = bound.op == "bin" and bound.tag in ("BitAnd", "RShift")
    return masked and strip(high) in bound.parts


def _narrow(value: Value) -> bool:
    return value.kind.startswith(("uint", "int")) and value.kind not in ("uint256", "int256")


def _wraps(entry: Entry, event: Event, bounds: Bounds) -> Iterator[Found]:
    value = event.value
    if value.op != "call" or value.tag not in UNSAFE or len(value.args) < 2:
        return
    left, right = value.args[:2]
    if _fits(value.tag, left, right, bounds):
        return
    strangers = bool(chosen(left) | chosen(right))
    yield at(
        "unsafe-math",
        entry,
        event,
        f"{value.tag} of what {'the caller chooses' if strangers else 'nothing bounds'} may wrap",
        SURE if strangers else MAYBE,
        severity=(Severity.MEDIUM if entry.is_view else None) if strangers else Severity.LOW,
    )


def _fits(operator: str, left: Value, right: Value, bounds: Bounds) -> bool:
    """Whether what is known keeps the result within its type."""
    if operator == "unsafe_sub":
        return left.is_empty or bounds.at_most(right, left) or _is_mask_of(right, left)
    if operator == "unsafe_div":
        return not chosen(right) or bounds.is_positive(right)
    sides = (left, right)
    held = all(bounds.is_bounded(arg) or not chosen(arg) for arg in sides)
    return held and (bool(chosen(left) | chosen(right)) or all(map(bounds.is_bounded, sides)))


def _is_mask_of(low: Value, high: Value) -> bool:
    """``x & m <= x``, and ``x >> n <= x``."""
    low, high = strip(low), strip(high)
    return (
        low.op == "bin" and low.tag in ("BitAnd", "RShift", "FloorDiv", "Mod") and high in low.args
    )


def _divides(entry: Entry, event: Event) -> Iterator[Found]:
    value = event.value
    if value.op != "bin" or value.tag != "Mult":
        return
    for one, other in (value.args, value.args[::-1]):
        bare = strip(one)
        if len(bare.args) < 2:
            continue
        divided = bare.op == "bin" and bare.tag == "FloorDiv"
        unsafe = bare.op == "call" and bare.tag == "unsafe_div"
        exact = bare.args[1] is other or not bare.args[0].leaves or is_rounded_up(bare)
        if (divided or unsafe) and not exact:
            yield at(
                "divide-first",
                entry,
                event,
                "what a division has cut off is missing from the product",
                SURE,
            )
            return


def is_own_balance(value: Value) -> bool:
    """Whether a value is what this contract holds, which anyone can raise."""
    if value.is_env("self.balance"):
        return True
    return (
        value.op == "result"
        and value.tag == "balanceOf"
        and len(value.args) > 1
        and value.args[1].is_env("self")
    )


def _has_balance(value: Value) -> bool:
    return any(is_own_balance(leaf) for leaf in value.leaves)


def _strict(entry: Entry, event: Event) -> Iterator[Found]:
    for part in sorted(event.value.parts, key=lambda one: one.serial):
        if part.op != "cmp" or part.tag not in ("Eq", "NotEq"):
            continue
        sides = [_has_balance(arg) for arg in part.args]
        if any(sides) and not all(sides):
            yield at(
                "strict-balance",
                entry,
                event,
                "compares a balance for equality; whoever sends one unit decides it",
                LIKELY,
            )


def _shares(contract: Contract, entry: Entry, event: Event) -> Iterator[Found]:
    """A share's price from what the contract happens to hold."""
    value = event.value
    if value.op != "bin" or value.tag != "FloorDiv" or not _has_balance(value.args[1]):
        return
    if not any(leaf.op == "load" for leaf in value.args[0].leaves) or not chosen(value.args[0]):
        return
    bounded = any(
        value in low.parts or value in high.parts
        for fact in atoms(entry.known(event))
        for low, high in [order_of(*fact) or (value, value)]
        if low is not high and (chosen(low) or chosen(high)) and value in (low, high)
    )
    yield at(
        "share-inflation",
        entry,
        event,
        "shares are counted by a balance that a donation raises",
        RARELY if bounded else LIKELY,
        severity=Severity.LOW if bounded else None,
    )
