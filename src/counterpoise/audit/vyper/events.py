"""What happens when a function runs: events in a graph, each with what is known there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from counterpoise.audit.vyper.values import Value

__all__ = ["Call", "Entry", "Event", "Fact", "Place"]

Fact = tuple[Value, bool]
"""A condition and whether it holds."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a function of a module."""

    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call that leaves the contract, or makes or ends one.

    Parameters
    ----------
    kind :
        ``extcall``, ``staticcall``, ``raw_call``, ``send``, ``create`` or ``selfdestruct``.
    target, method, args :
        Who is called, with what; the method is empty where there is none.
    names :
        The interface's names of the arguments, where there is an interface.
    value :
        Ether sent along.
    flags :
        Keywords that were given: their literal, or their value's text.
    returns :
        Type of what comes back; empty for nothing.
    """

    kind: str
    target: Value
    method: str
    args: tuple[Value, ...]
    names: tuple[str, ...] = ()
    value: Value | None = None
    flags: dict[str, str] = field(default_factory=dict)
    returns: str = ""

    @property
    def is_static(self) -> bool:
        """Whether the callee can change nothing."""
        return self.kind == "staticcall" or self.flags.get("is_static_call") == "True"

    @property
    def is_delegate(self) -> bool:
        """Whether the callee's code runs on this contract's storage."""
        return self.flags.get("is_delegate_call") == "True"

    @property
    def gives_control(self) -> bool:
        """Whether the callee can call back and change state: not a stipend of 2,300 gas."""
        return self.kind in ("extcall", "raw_call", "create") and not (
            self.is_static or self.is_fixed
        )

    @property
    def is_fixed(self) -> bool:
        """Whether the code that runs is written in the source, as raw initcode can be."""
        code = self.target
        while code.op == "call" and code.tag == "concat":
            code = code.args[0]
        return self.kind == "create" and code.op == "lit"

    @property
    def sends(self) -> bool:
        """Whether ether goes along."""
        return self.value is not None and not self.value.is_empty


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One thing that happens.

    Parameters
    ----------
    id :
        Its number in the entry.
    kind :
        ``read``, ``write``, ``call``, ``log``, ``test`` (assert or branch), ``op`` (an operator or
        a builtin), ``loop`` (the head of one), ``return``.
    value :
        What was read, called, tested or computed; of a write, the slot.
    new :
        Of a write, what is written.
    facts :
        What holds here on every path.
    frames :
        Where the functions on the way were called, outermost first.
    locked :
        Whether the reentrancy lock is held.
    loops :
        The loops around it: the id of the event at the head, and what it runs over.
    """

    id: int
    kind: str
    place: Place
    value: Value
    facts: frozenset[Fact]
    frames: tuple[Place, ...]
    locked: bool
    loops: tuple[tuple[int, Value], ...]
    new: Value | None = None
    call: Call | None = None

    @property
    def variable(self) -> str:
        """The storage variable that is read or written; empty where there is none."""
        return self.value.tag if self.value.op == "load" else ""


@dataclass(eq=False)
class Entry:
    """A function that can be called from outside, with all that it calls inside.

    Parameters
    ----------
    name :
        The function.
    place :
        Its first line.
    is_view, is_payable, is_deploy, is_locked :
        As declared, or as the pragma says.
    events, after :
        What happens, and for each event which events can be next.
    ends :
        Facts that hold whenever the function returns.
    cut :
        Whether it was too long to follow to the end.
    """

    name: str
    place: Place
    is_view: bool
    is_payable: bool
    is_deploy: bool
    is_locked: bool
    events: list[Event] = field(default_factory=list)
    after: list[set[int]] = field(default_factory=list)
    ends: frozenset[Fact] = frozenset()
    cut: bool = False

    def of_kind(self, *kinds: str) -> Iterator[Event]:
        """The events of some kinds, in the order of the code."""
        return (event for event in self.events if event.kind in kinds)

    @cached_property
    def calls(self) -> list[tuple[Event, Call]]:
        """Every call that leaves the contract."""
        return [(event, event.call) for event in self.events if event.call is not None]

    @cached_property
    def writes(self) -> list[tuple[Event, Value]]:
        """Every write to storage, with what is written."""
        return [(event, event.new) for event in self.events if event.new is not None]

    @cached_property
    def reach(self) -> list[int]:
        """For each event a bit set of the events that can follow it, itself if in a loop."""
        masks = [0] * len(self.events)
        changed = True
        while changed:
            changed = False
            for index in range(len(self.events) - 1, -1, -1):
                mask = masks[index]
                for follower in self.after[index]:
                    mask |= (1 << follower) | masks[follower]
                if mask != masks[index]:
                    masks[index] = mask
                    changed = True
        return masks

    def follows(self, later: Event, earlier: Event) -> bool:
        """Whether a path leads from one event to the other."""
        return bool(self.reach[earlier.id] >> later.id & 1)

    def follows_within(self, later: Event, earlier: Event, heads: frozenset[int]) -> bool:
        """Whether a path leads from one event to the other without a new turn of some loops."""
        seen = set(heads)
        waiting = list(self.after[earlier.id])
        while waiting:
            one = waiting.pop()
            if one == later.id:
                return True
            if one not in seen:
                seen.add(one)
                waiting += self.after[one]
        return False

    def known(self, event: Event) -> frozenset[Fact]:
        """What holds at an event, or is asserted before the function can return.

        A later assert counts: where it fails, the event never happened. Facts speak of values,
        which do not change.
        """
        return event.facts | self.ends


def merged(facts: Iterable[frozenset[Fact]]) -> frozenset[Fact]:
    """What holds on every one of several paths."""
    sets = list(facts)
    return frozenset.intersection(*sets) if sets else frozenset()
