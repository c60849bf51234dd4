"""What follows from a walk: which steps ask who is calling, what comes before and after what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from counterpoise.audit.bytecode.arithmetic import STIPEND
from counterpoise.audit.bytecode.graph import Edge, Graph, Key
from counterpoise.audit.bytecode.machine import Event
from counterpoise.audit.bytecode.values import Value, slot_name

__all__ = ["Function", "Site", "is_guard", "slots_of"]


@dataclass(frozen=True, slots=True)
class Site:
    """One event with the block that it is in, and its place there."""

    block: Key
    place: int
    event: Event


def is_guard(condition: Value) -> bool:
    """Whether a condition asks who is calling, in a way that the caller does not decide."""
    labels = condition.labels
    if any(one.startswith("auth:") for one in labels) or "by-caller" in labels:
        return True
    return "caller" in labels and any(one.startswith(("answer:", "result:")) for one in labels)


def slots_of(labels: frozenset[str]) -> set[str]:
    """Names of the storage slots that a value depends on."""
    return {one[5:] for one in labels if one.startswith("slot:")}


class Function:
    """One entry of a contract, and what its graph says.

    Parameters
    ----------
    name :
        Its selector with a name where that is known, ``"fallback"`` for the rest.
    selector :
        Four bytes; empty for the fallback.
    """

    def __init__(self, name: str, selector: bytes, graph: Graph) -> None:
        self.name, self.selector, self.graph = name, selector, graph

    @cached_property
    def sites(self) -> list[Site]:
        """Every event that lies on a path which ends well."""
        return [
            Site(key, place, event)
            for key, place, event in self.graph.events()
            if key in self.alive
        ]

    @cached_property
    def alive(self) -> set[Key]:
        """Blocks from which the function can end without undoing what it did."""
        return self.graph.reaching(self.graph.successes())

    @cached_property
    def conditions(self) -> dict[Key, Value]:
        """What each block that branches asks, where one of the ways is not bound to fail."""
        return {
            key: one.condition
            for key, one in self.graph.outcomes.items()
            if key in self.alive and one.condition is not None
        }

    def _is_passed(self, edge: Edge) -> bool:
        """Whether a step is taken only by whom a guard lets through."""
        if edge.condition is None or not is_guard(edge.condition):
            return False
        others = [one for one in self.graph.out[edge.source] if one is not edge]
        if all(one.target not in self.alive for one in others):
            return True
        equal = edge.condition.equal
        return True if equal is None else edge.taken == equal

    @cached_property
    def _open_steps(self) -> tuple[dict[Key, list[Key]], dict[Key, list[Key]]]:
        """Steps that nobody is asked at, on paths that end well, forwards and backwards."""
        out: dict[Key, list[Key]] = {}
        into: dict[Key, list[Key]] = {}
        for edges in self.graph.out.values():
            for edge in edges:
                if edge.target in self.alive and not self._is_passed(edge):
                    out.setdefault(edge.source, []).append(edge.target)
                    into.setdefault(edge.target, []).append(edge.source)
        return out, into

    @cached_property
    def open(self) -> set[Key]:
        """Blocks that anyone brings to run, up to an end that keeps what was done."""
        out, into = self._open_steps
        forwards = _closure({self.graph.entry}, out)
        return forwards & _closure(self.graph.successes(), into)

    def named(self, *names: str) -> Iterator[Site]:
        """The events of some instructions."""
        return (site for site in self.sites if site.event.name in names)

    def follows(self, first: Site) -> set[Key]:
        """Blocks that can run after the block of an event; its own only through a loop."""
        return self.graph.reach({edge.target for edge in self.graph.out.get(first.block, ())})

    def after(self, first: Site, *names: str) -> Iterator[Site]:
        """Events that can come after one."""
        blocks = self.follows(first)
        for site in self.named(*names):
            later = site.block == first.block and site.place > first.place
            if later or site.block in blocks:
                yield site

    def before(self, last: Site, *names: str) -> Iterator[Site]:
        """Events that can come before one."""
        blocks = self.graph.reaching({edge.source for edge in self.graph.into.get(last.block, ())})
        for site in self.named(*names):
            earlier = site.block == last.block and site.place < last.place
            if earlier or site.block in blocks:
                yield site

    def asked_before(self, last: Site) -> list[Value]:
        """Conditions that can be asked before an event."""
        blocks = self.graph.reaching({edge.source for edge in self.graph.into.get(last.block, ())})
        return [condition for key, condition in self.conditions.items() if key in blocks]

    def asked_always(self, last: Site, slots: set[str]) -> set[str]:
        """Those of some slots that every path to an event asks about, other than who is calling."""
        found = set()
        for slot in slots:
            kinds = {f"slot:{slot}", f"tslot:{slot}"}
            asking = {
                key
                for key, one in self.conditions.items()
                if one.labels & kinds and "caller" not in one.labels
            }
            if last.block not in self.graph.reach({self.graph.entry}, without=asking):
                found.add(slot)
        return found

    def locks(self, call: Site) -> set[str]:
        """Slots that are held during a call: asked about and set before it, set again after."""
        before = {slot_name(one.event.values[0]) for one in self.before(call, "SSTORE", "TSTORE")}
        after = {slot_name(one.event.values[0]) for one in self.after(call, "SSTORE", "TSTORE")}
        both = {one for one in before & after if one.isdigit()}
        return self.asked_always(call, both)


def _closure(starts: set[Key], steps: dict[Key, list[Key]]) -> set[Key]:
    seen, waiting = set(starts), list(starts)
    while waiting:
        for one in steps.get(waiting.pop(), ()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return seen


def hands_over_control(event: Event) -> bool:
    """Whether a call leaves the callee more gas than a stipend, and is to no precompile."""
    gas, target = event.values[:2]
    if event.name not in ("CALL", "DELEGATECALL", "CALLCODE"):
        return False
    if target.const is not None and target.const <= 10:
        return False
    if gas.const is not None:
        return gas.const > STIPEND
    return "stipend" not in gas.labels
