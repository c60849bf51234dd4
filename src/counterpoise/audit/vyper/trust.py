"""Who is trusted: guards on the caller, the variables they read, and what strangers can write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from counterpoise.audit.vyper.events import Entry, Event, Fact
from counterpoise.audit.vyper.program import Program, Variable
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["Contract", "atoms", "chosen", "equality", "is_chosen", "order_of"]

CALLERS = ("msg.sender", "tx.origin")
HASHES = frozenset({"keccak256", "sha256"})


@dataclass(slots=True, eq=False)
class _Trust:
    guards: frozenset[str]
    open: frozenset[str]


class Contract:
    """A program with everything that can happen in it, and who may make it happen."""

    def __init__(self, program: Program, entries: list[Entry]) -> None:
        self.program = program
        self.entries = entries
        self.by_name: dict[str, Variable] = {one.name: one for one in program.variables.values()}

    @cached_property
    def outside(self) -> list[Entry]:
        """Entries that anyone can call, the constructor left out."""
        return [entry for entry in self.entries if not entry.is_deploy]

    @cached_property
    def changing(self) -> list[Entry]:
        """Entries that anyone can call and that may change state."""
        return [entry for entry in self.outside if not entry.is_view]

    @cached_property
    def _asked(self) -> frozenset[Value]:
        """Answers of other contracts that were only asked, and did nothing for it."""
        return frozenset(
            event.value
            for entry in self.entries
            for event, call in entry.calls
            if call.kind == "staticcall"
        )

    @cached_property
    def _trust(self) -> _Trust:
        opened: frozenset[str] = frozenset()
        while True:
            guards: set[str] = set()
            for entry in self.outside:
                for fact in _all_facts(entry):
                    guards |= self.guard(*fact, opened) or frozenset()
            found = frozenset(
                event.variable
                for entry in self.changing
                for event, new in entry.writes
                if (chosen(new) or new.has_env(*CALLERS))
                and not self._is_guarded(entry, event, opened)
            )
            if found <= opened:
                return _Trust(frozenset(guards) - {""}, opened)
            opened |= found

    @cached_property
    def filled(self) -> frozenset[str]:
        """Variables and immutables that are never set to the empty value."""
        empty: set[str] = set()
        known: set[str] = set()
        for entry in self.entries:
            facts = list(atoms(entry.ends))
            for event in entry.of_kind("write", "set"):
                name, new = event.value.tag, event.new
                known.add(name)
                if new is None or not any(_says_filled(fact, strip(new)) for fact in facts):
                    empty.add(name)
        return frozenset(known - empty)

    @property
    def trusted(self) -> frozenset[str]:
        """Variables and immutables that some guard compares the caller, or its proof, with."""
        return self._trust.guards

    @property
    def open(self) -> frozenset[str]:
        """Variables into which a stranger can write something of its choice."""
        return self._trust.open

    def is_guarded(self, entry: Entry, event: Event) -> bool:
        """Whether every path to the event, or from it to the end, checks who is calling."""
        return self._is_guarded(entry, event, self.open)

    def checks_caller(self, entry: Entry, event: Event) -> bool:
        """Whether the caller itself, or a signature, is checked, not just a proof."""
        return any(
            any(part.is_env(*CALLERS) or part.tag == "ecrecover" for part in value.parts)
            and self.guard(value, truth, self.open) is not None
            for value, truth in entry.known(event)
        )

    def _is_guarded(self, entry: Entry, event: Event, opened: frozenset[str]) -> bool:
        return any(self.guard(*fact, opened) is not None for fact in entry.known(event))

    def guard(
        self, value: Value, truth: bool, opened: frozenset[str] = frozenset()
    ) -> frozenset[str] | None:
        """The variables by which a condition restricts who may call; None where it does not.

        Variables that are named by an expression without a name, such as the answer of another
        contract, count as ``""``.
        """
        if value.op == "not":
            return self.guard(value.args[0], not truth, opened)
        if value.op in ("and", "or", "either", "phi"):
            every = value.op != "and" if truth else value.op == "and"
            parts = [
                self.guard(arg, truth, opened) for arg in value.args if not _is_false(arg, truth)
            ]
            found = [part for part in parts if part is not None]
            if not found or (every and len(found) < len(parts)):
                return None
            return frozenset().union(*found)
        sides = equality(value, truth)
        if sides is not None:
            for one, other in (sides, sides[::-1]):
                found_by = self._compared(one, other)
                if found_by is not None:
                    return found_by
        return _membership(value, truth, opened, self._asked)

    def _compared(self, one: Value, other: Value) -> frozenset[str] | None:
        """The variables on one side where the other is the caller, or a proof that names them."""
        if one is other:
            return None
        signed = any(part.op == "call" and part.tag == "ecrecover" for part in one.parts)
        if signed and not other.is_empty:
            return _sources(other) or frozenset([""])
        if one.has_env(*CALLERS) or (_is_hash(one) and chosen(one)):
            told = frozenset() if one.has_env(*CALLERS) else chosen(one)
            sources = _sources(other, told)
            if sources:
                return sources
            if strip(other).op == "lit" and not other.is_empty and one.has_env(*CALLERS):
                return frozenset([""])
        return None

    def is_own(self, entry: Entry, slot: Value) -> bool:
        """Whether a slot belongs to the caller, or is one that this very call makes."""
        written = {event.variable for event, _ in entry.writes}
        return any(
            key.has_env("msg.sender")
            or any(leaf.op == "load" and leaf.tag in written for leaf in key.leaves)
            for key in slot.args
        )


def equality(value: Value, truth: bool) -> tuple[Value, Value] | None:
    """The two sides that a condition says are equal, or one among the other."""
    if value.op != "cmp":
        return None
    if value.tag in (("Eq", "In") if truth else ("NotEq", "NotIn")):
        return value.args[0], value.args[1]
    return None


def order_of(value: Value, truth: bool) -> tuple[Value, Value] | None:
    """``(low, high)`` where a condition says that the one is at most the other."""
    if value.op != "cmp" or value.tag not in ("Lt", "LtE", "Gt", "GtE"):
        return None
    left, right = value.args
    return (left, right) if (value.tag in ("Lt", "LtE")) == truth else (right, left)


def atoms(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Facts and their alternatives, down to single comparisons."""
    for value, truth in facts:
        if value.op in ("either", "or", "and", "not", "phi"):
            flip = value.op == "not"
            yield from atoms((arg, truth != flip) for arg in value.args)
        else:
            yield value, truth


def chosen(value: Value) -> frozenset[Value]:
    """What of a value the caller can choose: arguments and calldata."""
    return frozenset(
        leaf for leaf in value.leaves if leaf.op == "param" or leaf.is_env("msg.data", "msg.value")
    )


def is_chosen(value: Value) -> bool:
    """Whether the caller chooses it, itself included."""
    return bool(chosen(value)) or value.has_env(*CALLERS)


def _says_filled(fact: Fact, value: Value) -> bool:
    sides = equality(fact[0], not fact[1])
    if sides is None:
        return fact[1] and fact[0].op == "field" and fact[0].args[0] is value
    return any(strip(a) is value and b.is_empty for a, b in (sides, sides[::-1]))


def _all_facts(entry: Entry) -> set[Fact]:
    found: set[Fact] = set(entry.ends)
    for event in entry.events:
        found |= event.facts
    return found


def _is_false(value: Value, truth: bool) -> bool:
    return value.op == "lit" and value.tag == str(not truth)


def _is_hash(value: Value) -> bool:
    return any(part.op == "call" and part.tag in HASHES for part in value.parts)


def _sources(value: Value, told: frozenset[Value] = frozenset()) -> frozenset[str]:
    """Names of what is stored and not of the caller's choice: variables, answers of others.

    An answer that was made from all that the caller told is of its choice too.
    """
    found = set()
    for leaf in value.leaves:
        if leaf.op in ("load", "immutable"):
            found.add(leaf.tag)
        elif leaf.op == "result" and not any(chosen(arg) for arg in leaf.args[:1]):
            given = frozenset().union(*(chosen(arg) for arg in leaf.args))
            if not told or not told <= given:
                found.add("")
    return frozenset(found)


def _membership(
    value: Value, truth: bool, opened: frozenset[str], asked: frozenset[Value]
) -> frozenset[str] | None:
    """The variable that lists the caller, or the answer of another contract about it."""
    compared = value
    if value.op == "cmp":
        left, right = value.args
        if value.tag in ("In", "NotIn"):
            compared, other = right, left
        else:
            compared, other = (left, right) if strip(left).op != "lit" else (right, left)
        if value.tag in ("Eq", "NotEq") and other.is_empty == ((value.tag == "Eq") == truth):
            return None
        if strip(other).op not in ("lit", "immutable"):
            return None
    elif not truth:
        return None
    for leaf in sorted(compared.leaves, key=lambda one: one.serial):
        about_caller = any(arg.has_env(*CALLERS) for arg in leaf.args)
        if leaf.op == "load" and about_caller and leaf.tag not in opened:
            single = leaf.kind in ("bool", "address") or value.tag == "In"
            masked = any(
                part.op == "bin" and part.tag in ("BitAnd", "RShift") for part in compared.parts
            )
            if single or masked:
                return frozenset([leaf.tag])
        if leaf in asked and about_caller and not chosen(leaf.args[0]):
            return frozenset([""])
    return None
