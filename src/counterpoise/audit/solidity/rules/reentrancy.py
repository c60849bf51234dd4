"""State that changes after a call which can come back."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.calls import OutCall, out_call
from counterpoise.audit.solidity.graph import Place, Vertex
from counterpoise.audit.solidity.guards import Entry, World
from counterpoise.audit.solidity.locks import is_locked
from counterpoise.audit.solidity.rules.hint import Hint, hint_at, some
from counterpoise.audit.solidity.tree import Node, kind_of, spell

__all__ = ["rules"]


def rules(world: World) -> Iterator[Hint]:
    """``reentrancy-state``, ``reentrancy-stipend``, ``reentrancy-cross``, ``reentrancy-events``."""
    for entry in world.entries:
        for index, vertex in entry.vertices("call"):
            call = out_call(vertex.node)
            if call is None and kind_of(vertex.node) != "InlineAssembly":
                continue
            view = call is not None and call.view and world.contract.unit.version >= (0, 5, 0)
            if call is not None and (call.how in ("staticcall", "create") or view):
                continue  # before 0.5 a call of a view was a call like any other
            if call is not None and call.target is not None and spell(call.target) == "this":
                continue
            yield from _after(entry, index, vertex, call)


def _after(entry: Entry, index: int, vertex: Vertex, call: OutCall | None) -> Iterator[Hint]:
    graph = entry.graph
    later = graph.following(index)
    writes = [(i, graph.vertices[i]) for i in graph.of_kind("write") if i in later]
    marks = _marks(entry, index, vertex, call)
    best: dict[str, tuple[Node, Place, frozenset[str]]] = {}
    for number, write in writes:
        place = write.place
        if place is None or place.variable < 0 or is_own_lock(entry, index, place):
            continue
        same = _read_before(entry, index, place) is not None
        if not same and not _matters_elsewhere(entry, place):
            continue
        facts = {
            "debited": _written_before(entry, index, place),
            "fed": same and _feeds(entry, index, call, place),
            "slot": bool(place.keys),
            "on-failure": _only_on_failure(entry, vertex, number),
        }
        extra = marks | {name for name, holds in facts.items() if holds}
        if _is_harmless(extra):
            continue
        kind = "state" if same else "cross"
        known = best.get(kind)
        if known is None or _weight(extra) > _weight(known[2]):
            best[kind] = (write.node, place, frozenset(extra))
    for kind, (node, place, found) in best.items():
        yield from _hint(entry, vertex, call, kind, node, place, found)
    logs = any(i in later for i in graph.of_kind("event"))
    if not best and logs and call is not None and call.can_return:
        text = f"{spell(vertex.node)[:60]} runs before an event is logged"
        yield from some(
            hint_at(entry, "reentrancy-events", "event", vertex.node, text, marks=marks)
        )


def _is_harmless(marks: set[str]) -> bool:
    """Whether a lock holds, the write only undoes what failed, or a trusted caller was debited."""
    return bool(marks & {"locked", "on-failure"}) or {"guarded", "debited"} <= marks


def _weight(marks: set[str] | frozenset[str]) -> int:
    return 2 * ("fed" in marks) + ("debited" not in marks)


def _hint(
    entry: Entry,
    vertex: Vertex,
    call: OutCall | None,
    kind: str,
    node: Node,
    place: Place,
    marks: frozenset[str],
) -> Iterator[Hint]:
    name = entry.world.spoken(place)
    stipend = call is not None and not call.can_return and not call.view
    rule = "reentrancy-stipend" if stipend else f"reentrancy-{kind}"
    paid = "pays" if "pays" in marks else "plain"
    found = hint_at(
        entry,
        rule,
        f"{kind}-{paid}",
        (vertex.node, node),
        f"{name} changes after {spell(vertex.node)[:60]}, which can come back",
        marks=marks,
        trace=((vertex.node, "leaves the contract"), (node, f"{name} changes")),
    )
    if found is not None:
        yield found


def _marks(entry: Entry, index: int, vertex: Vertex, call: OutCall | None) -> set[str]:
    marks: set[str] = set()
    if index in entry.guarded:
        marks.add("guarded")
    if is_locked(entry, index):
        marks.add("locked")
    if call is None:
        return marks | {"assembly", "pays"}
    if call.pays:
        marks.add("pays")
    if call.view:
        marks.add("view")
    if call.raw:
        marks.add("raw")
    if call.how == "delegatecall":
        marks.add("delegate")
    if call.target is not None:
        origins = entry.origins.of(call.target, vertex.frame)
        if entry.world.is_fixed(call.target, vertex.frame, entry.origins):
            marks.add("fixed")
        if origins & {"sender", "origin"}:
            marks.add("to-sender")
        if "parameter" in origins:
            marks.add("to-chosen")
    return marks


def is_own_lock(entry: Entry, index: int, place: Place) -> bool:
    """Whether the place is what a lock is made of, so that writing it back is no flaw."""
    return place.variable in is_locked(entry, index)


def _read_before(entry: Entry, index: int, place: Place) -> int | None:
    graph = entry.graph
    for number, vertex in entry.vertices("read"):
        if vertex.place and vertex.place.meets(place) and index in graph.following(number):
            return number
    return None


def _written_before(entry: Entry, index: int, place: Place) -> bool:
    """Whether the place is written on every way to the call."""
    graph = entry.graph
    return any(
        vertex.place and vertex.place.meets(place) and index in graph.dominated(number)
        for number, vertex in entry.vertices("write")
    )


def _feeds(entry: Entry, index: int, call: OutCall | None, place: Place) -> bool:
    """Whether the place decides what is paid, or whether anything is."""
    state = f"state:{place.variable}"
    vertex = entry.graph.vertices[index]
    if call is not None and state in entry.origins.of(call.value, vertex.frame):
        return True
    return any(state in entry.origins.of(node, frame) for node, _, frame in entry.facts_at(index))


def _matters_elsewhere(entry: Entry, place: Place) -> bool:
    """Whether another way in reads the place before it pays or calls."""
    for other in entry.world.entries:
        if other is entry:
            continue
        for number, vertex in other.vertices("read"):
            if vertex.place and vertex.place.meets(place) and number not in other.guarded:
                following = other.graph.following(number)
                if any(one in following for one in other.graph.of_kind("call")):
                    return True
    return False


def _only_on_failure(entry: Entry, vertex: Vertex, write: int) -> bool:
    """Whether the write only happens where the call has failed."""
    for test in entry.graph.of_kind("test"):
        for outcome in (True, False):
            if write in entry.graph.controlled(test, outcome):
                for node, holds, _ in entry.origins.facts(entry.graph.vertices[test], outcome):
                    if node["id"] == vertex.node["id"] and not holds:
                        return True
    return False
