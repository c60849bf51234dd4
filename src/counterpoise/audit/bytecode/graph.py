"""The blocks that a function can reach, with what is known at each, until nothing changes.

A block is told apart by its offset, the height of the stack and the return addresses on it, so
that an inner function is walked once for each place that calls it. Where paths meet in one
block, what both know is kept.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from counterpoise.audit.bytecode.instructions import SUCCESS
from counterpoise.audit.bytecode.machine import Event, Machine, Outcome, State
from counterpoise.audit.bytecode.values import Value, joined

__all__ = ["Edge", "Graph", "Key", "explore"]

Key = tuple[int, int, tuple[int, ...]]
MOST_BLOCKS = 6_000
MOST_RUNS = 40_000
MOST_STACK = 1_024
LOOKS = 64
"""Blocks that are run between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A step from one block to the next; `taken` tells which way a condition went."""

    source: Key
    target: Key
    condition: Value | None
    taken: bool


@dataclass(slots=True)
class Graph:
    """What a walk from one entry saw.

    Parameters
    ----------
    entry :
        The first block.
    outcomes :
        How each block ends, and its events.
    cut :
        What was not followed, in words; empty if everything was.
    """

    entry: Key
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    out: dict[Key, list[Edge]] = field(default_factory=dict)
    into: dict[Key, list[Edge]] = field(default_factory=dict)
    cut: str = ""

    def events(self) -> Iterator[tuple[Key, int, Event]]:
        """Every event with its block and its place in it, in the order of the bytes."""
        for key in sorted(self.outcomes):
            for place, event in enumerate(self.outcomes[key].events):
                yield key, place, event

    def reach(self, starts: set[Key], *, without: set[Key] = frozenset()) -> set[Key]:  # type: ignore[assignment]
        """Blocks that can follow, the starts included; none of `without` is entered."""
        seen = set(starts) - without
        waiting = list(seen)
        while waiting:
            for edge in self.out.get(waiting.pop(), ()):
                if edge.target not in seen and edge.target not in without:
                    seen.add(edge.target)
                    waiting.append(edge.target)
        return seen

    def reaching(self, ends: set[Key]) -> set[Key]:
        """Blocks from which one of the ends can be reached, the ends included."""
        seen, waiting = set(ends), list(ends)
        while waiting:
            for edge in self.into.get(waiting.pop(), ()):
                if edge.source not in seen:
                    seen.add(edge.source)
                    waiting.append(edge.source)
        return seen

    def successes(self) -> set[Key]:
        """Blocks that end the function and keep what it did."""
        return {key for key, one in self.outcomes.items() if one.end in (*SUCCESS, "LOST", "CUT")}


def explore(
    machine: Machine,
    pc: int,
    start: State,
    stops: frozenset[int] = frozenset(),
    until: float = math.inf,
) -> Graph:
    """Walk from an offset until nothing new is learnt, or a limit is met.

    Parameters
    ----------
    stops :
        Offsets at which other functions begin; the walk ends before them.
    until :
        `time.monotonic` at which to give up.
    """
    first = _key(machine, pc, start)
    graph, states = Graph(first), {first: start}
    waiting, queued, runs = deque([first]), {first}, 0
    while waiting:
        key = waiting.popleft()
        queued.discard(key)
        runs += 1
        if runs > MOST_RUNS or len(states) > MOST_BLOCKS:
            graph.cut = f"more than {len(states) - 1:,} blocks"
            break
        if runs % LOOKS == 0 and time.monotonic() > until:
            graph.cut = "out of time"
            break
        outcome = machine.run(key[0], states[key])
        graph.outcomes[key] = outcome
        graph.out[key] = []
        for goes, taken in outcome.goes:
            if goes in stops:
                continue
            state = outcome.state
            target = _key(machine, goes, state)
            graph.out[key].append(Edge(key, target, outcome.condition, taken))
            if _learnt(states, target, state) and target not in queued:
                waiting.append(target)
                queued.add(target)
    return _finished(graph)


def _finished(graph: Graph) -> Graph:
    for edges in graph.out.values():
        for edge in edges:
            graph.into.setdefault(edge.target, []).append(edge)
    lost = sum(one.end == "LOST" for one in graph.outcomes.values())
    if lost and not graph.cut:
        graph.cut = f"{lost} jumps whose target is not known"
    return graph


def _key(machine: Machine, pc: int, state: State) -> Key:
    back = tuple(
        one.const for one in state.stack if one.const is not None and one.const in machine.targets
    )
    return pc, len(state.stack), back


def _learnt(states: dict[Key, State], key: Key, state: State) -> bool:
    """Join a state into what is known at a block; tells whether that changed anything."""
    known = states.get(key)
    if len(state.stack) > MOST_STACK:
        return False
    if known is None:
        states[key] = state.copy()
        return True
    changed = known.memory.absorb(state.memory)
    for place, value in enumerate(state.stack):
        both = joined(known.stack[place], value)
        if both != known.stack[place]:
            known.stack[place] = both
            changed = True
    return changed
