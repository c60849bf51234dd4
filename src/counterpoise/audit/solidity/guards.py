"""Guards: tests that let only trusted callers pass; and the state that only such callers write."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from counterpoise.audit.solidity.contracts import Contract
from counterpoise.audit.solidity.graph import Frame, Graph, Place, Vertex
from counterpoise.audit.solidity.lower import graph_of
from counterpoise.audit.solidity.origins import Fact, Origins
from counterpoise.audit.solidity.tree import Node, kind_of, peeled, type_of

__all__ = ["Entry", "World"]

CALLER = {"sender", "origin", "signer"}
OPEN = {"parameter", "value", "input", "sender", "origin"}
"""What a caller chooses."""


@dataclass(eq=False)
class Entry:
    """One function that anyone can call, with its graph."""

    contract: Contract
    function: Node
    graph: Graph
    origins: Origins
    world: World

    @property
    def name(self) -> str:
        """The function's name; ``fallback`` or ``receive`` where it has none."""
        return str(self.function["name"] or self.function.get("kind") or "fallback")

    @cached_property
    def live(self) -> set[int]:
        """Vertices that can happen."""
        return self.graph.reachable([0])

    @cached_property
    def guards(self) -> list[tuple[int, bool]]:
        """Tests with the outcome under which the caller is a trusted one."""
        return [
            (test, outcome)
            for test in self.graph.of_kind("test")
            for outcome in (True, False)
            if any(
                self.world.trusts(fact, self.origins)
                for fact in self.origins.facts(self.graph.vertices[test], outcome)
            )
        ]

    @cached_property
    def guarded(self) -> frozenset[int]:
        """Vertices that only a trusted caller reaches."""
        sets = (self.graph.controlled(test, outcome) for test, outcome in self.guards)
        return frozenset().union(*sets)

    @cached_property
    def _tests(self) -> list[tuple[frozenset[int], list[Fact]]]:
        return [
            (
                self.graph.controlled(test, outcome),
                list(self.origins.facts(self.graph.vertices[test], outcome)),
            )
            for test in self.graph.of_kind("test")
            for outcome in (True, False)
        ]

    def facts_at(self, index: int) -> Iterable[Fact]:
        """What must hold, or have held, where a vertex is."""
        for controlled, facts in self._tests:
            if index in controlled:
                yield from facts

    def vertices(self, *kinds: str) -> Iterable[tuple[int, Vertex]]:
        """Vertices of some kinds that can happen, with their indices."""
        for index in self.graph.of_kind(*kinds):
            if index in self.live:
                yield index, self.graph.vertices[index]


class World:
    """One contract as anyone meets it: its entry points, and what they make of its state.

    Attributes
    ----------
    entries :
        Functions that anyone can call.
    makers :
        Constructors.
    loose :
        Functions that none of these calls.
    open_slots :
        Mappings in which any caller can write its own entry.
    """

    def __init__(
        self, contract: Contract, *, limit: int = 4000, until: float = float("inf")
    ) -> None:
        self.contract = contract
        self.until = until
        self.open_slots: frozenset[int] = frozenset()
        self.entries = [self._entry(one, limit) for one in contract.entries()]
        self.makers = [self._entry(one, limit) for one in contract.constructors()]
        reached = {
            frame.function["id"]
            for entry in (*self.entries, *self.makers)
            for frame in entry.graph.inlined.values()
        } | {entry.function["id"] for entry in (*self.entries, *self.makers)}
        self.loose = [
            self._entry(one, limit) for one in contract.functions if one["id"] not in reached
        ]
        self.open_slots = self._open_slots()
        for entry in self.entries:
            for name in ("guards", "guarded"):
                entry.__dict__.pop(name, None)

    def _entry(self, function: Node, limit: int) -> Entry:
        if time.monotonic() > self.until:
            raise TimeoutError("the time limit was reached")
        graph = graph_of(self.contract, function, limit=limit)
        return Entry(self.contract, function, graph, Origins(self.contract, graph), self)

    def _open_slots(self) -> frozenset[int]:
        """Mappings in which any caller can write its own entry."""
        return frozenset(
            vertex.place.variable
            for entry in self.entries
            for index, vertex in entry.vertices("write")
            if vertex.place and vertex.place.path and index not in entry.guarded
        )

    def trusts(self, fact: Fact, origins: Origins) -> bool:
        """Whether a fact says that the caller is one whom the contract knows."""
        node, holds, frame = fact
        if kind_of(node) == "BinaryOperation" and node["operator"] in ("==", "!="):
            if (node["operator"] == "==") != holds:
                return self._is_listed(node, frame, origins)
            sides = (node["leftExpression"], node["rightExpression"])
            for mine, other in (sides, sides[::-1]):
                if self._is_caller(mine, frame, origins) and self._is_known(other, frame, origins):
                    return True
            return False
        if kind_of(node) == "BinaryOperation" and node["operator"] == ">" and holds:
            return self._is_listed(node, frame, origins)
        if kind_of(node) == "FunctionCall" and holds:
            return self._asks(node, frame, origins)
        return holds and self._own_slot(node, frame, origins)

    def _is_caller(self, node: Node, frame: Frame, origins: Origins) -> bool:
        found = origins.of(node, frame)
        return bool(found & CALLER) and not any(one.startswith("state") for one in found)

    def _is_known(self, node: Node, frame: Frame, origins: Origins) -> bool:
        found = origins.of(node, frame)
        place = origins.place(node, frame)
        if place is not None and place.path and place.variable in self.open_slots:
            return False
        known = any(one.startswith("state") for one in found) or found <= {"constant", "self"}
        return bool(found) and known and not found & OPEN

    def _own_slot(self, node: Node, frame: Frame, origins: Origins) -> bool:
        """Whether it is an entry of a mapping that belongs to the caller."""
        place = origins.place(node, frame)
        return (
            place is not None
            and place.variable not in self.open_slots
            and any(origins.of(*key) & CALLER for key in place.keys)
        )

    def _is_listed(self, node: Node, frame: Frame, origins: Origins) -> bool:
        """Whether a caller's own entry is compared with nothing, and differs."""
        left, right = node["leftExpression"], node["rightExpression"]
        zero = origins.of(right, frame) == {"constant"}
        return zero and self._own_slot(left, frame, origins)

    def _asks(self, node: Node, frame: Frame, origins: Origins) -> bool:
        """Whether another contract, or a function of this one, was asked about the caller."""
        inner = origins.graph.inlined.get((frame.number, node["id"]))
        if inner is None:
            told = any(origins.of(one, frame) & CALLER for one in node["arguments"])
            return told and type_of(node) == "bool" and "outside" in origins.of(node, frame)
        for test in origins.graph.of_kind("test"):
            vertex = origins.graph.vertices[test]
            if vertex.frame is inner and kind_of(vertex.node) != "FunctionCall":
                for outcome in (True, False):
                    if any(self.trusts(one, origins) for one in origins.facts(vertex, outcome)):
                        return True
        return False

    @cached_property
    def written_openly(self) -> frozenset[int]:
        """State variables that a caller nobody knows can change."""
        return frozenset(
            vertex.place.variable
            for entry in self.entries
            for index, vertex in entry.vertices("write")
            if vertex.place and index not in entry.guarded
        )

    @cached_property
    def chosen_openly(self) -> frozenset[int]:
        """State variables that a caller nobody knows can set to what it likes."""
        return frozenset(
            vertex.place.variable
            for entry in self.entries
            for index, vertex in entry.vertices("write")
            if vertex.place
            and index not in entry.guarded
            and entry.origins.of(vertex.value, vertex.frame) & OPEN
        )

    def spoken(self, place: Place) -> str:
        """A place as a person would write it."""
        declared = self.contract.state.get(place.variable)
        return f"{declared['name'] if declared else 'storage'}{''.join(place.path)}"

    def is_fixed(self, node: Node, frame: Frame, origins: Origins) -> bool:
        """Whether an address is one that strangers cannot choose."""
        found = origins.of(peeled(node), frame)
        if not found or found & (OPEN | {"outside", "hash"}):
            return False
        for one in found:
            if one.startswith("state:") and int(one[6:]) in self.written_openly:
                return False
        return True
