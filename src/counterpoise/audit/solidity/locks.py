"""Reentrancy locks as contracts write them by hand: tested, set, and set back."""

from __future__ import annotations

from counterpoise.audit.solidity.graph import Frame, Graph, Vertex
from counterpoise.audit.solidity.guards import Entry
from counterpoise.audit.solidity.origins import Origins
from counterpoise.audit.solidity.tree import Node, kind_of, peeled

__all__ = ["is_locked"]


def is_locked(entry: Entry, index: int) -> frozenset[int]:
    """State variables that keep a second call from reaching a vertex while the first is there.

    A lock is a variable that is tested on every way there, and written since the test, on every
    way, so that the test would fail now; a counter that is compared after the call with what it
    was before is one too. A name proves nothing.
    """
    cache: dict[int, frozenset[int]] = entry.__dict__.setdefault("_locks", {})
    if index not in cache:
        cache[index] = frozenset(_tested(entry, index) | _counted(entry, index))
    return cache[index]


def _tested(entry: Entry, index: int) -> set[int]:
    graph, found = entry.graph, set()
    for number in graph.of_kind("test"):
        for outcome in (True, False):
            if index not in graph.controlled(number, outcome):
                continue
            for node, holds, frame in entry.origins.facts(graph.vertices[number], outcome):
                wanted = _condition(node, holds, frame, entry.origins)
                if wanted and _closed(entry, number, index, *wanted):
                    found.add(wanted[0])
    return found


def _condition(
    node: Node, holds: bool, frame: Frame, origins: Origins
) -> tuple[int, str, bool] | None:
    """A variable, a constant, and whether they were equal, where a fact says only that."""
    place = origins.place(node, frame)
    if place is not None and not place.path:
        return (place.variable, "true", holds)
    if kind_of(node) != "BinaryOperation" or node["operator"] not in ("==", "!="):
        return None
    sides = (node["leftExpression"], node["rightExpression"])
    for mine, other in (sides, sides[::-1]):
        place = origins.place(mine, frame)
        constant = value_of(other, origins)
        if place is not None and not place.path and constant:
            return (place.variable, constant, (node["operator"] == "==") == holds)
    return None


def value_of(node: Node | None, origins: Origins) -> str:
    """The constant that an expression is, as a word; empty where it is none."""
    if node is None:
        return ""
    node = peeled(node)
    if kind_of(node) == "Literal":
        return str(node.get("value") or "")
    declared = origins.contract.state.get(node.get("referencedDeclaration") or -1)
    if declared is not None and declared.get("constant"):
        return value_of(declared.get("value"), origins) or str(declared["id"])
    if kind_of(node) == "MemberAccess" and node["expression"].get("name"):
        return f"{node['expression']['name']}.{node['memberName']}"  # of an enum
    return ""


def _closed(entry: Entry, test: int, index: int, variable: int, constant: str, equal: bool) -> bool:
    """Whether a write between test and vertex makes the test fail, and none undoes it."""
    graph = entry.graph
    for number, vertex in entry.vertices("write"):
        if not vertex.place or vertex.place.variable != variable or vertex.place.path:
            continue
        written = value_of(vertex.value, entry.origins)
        fails = bool(written) and ((written == constant) != equal)
        between = number in graph.following(test) and index in graph.dominated(number)
        if fails and between and not _undone(graph, number, index, variable):
            return True
    return False


def _undone(graph: Graph, lock: int, index: int, variable: int) -> bool:
    after = graph.following(lock)
    return any(
        number != lock
        and number in after
        and _writes(graph.vertices[number], variable)
        and index in graph.reachable(graph.vertices[number].next, without=[lock])
        for number in graph.of_kind("write")
    )


def _writes(vertex: Vertex, variable: int) -> bool:
    return vertex.place is not None and vertex.place.variable == variable


def _counted(entry: Entry, index: int) -> set[int]:
    """Counters that are stepped before, and compared with a copy afterwards."""
    graph, found = entry.graph, set()
    later = graph.following(index)
    for number in graph.of_kind("test"):
        vertex = graph.vertices[number]
        if number not in later or graph.reachable([index], without=[number]) & _ends(graph):
            continue
        for node, holds, frame in entry.origins.facts(vertex, True):
            if kind_of(node) != "BinaryOperation" or node["operator"] != "==" or not holds:
                continue
            sides = (node["leftExpression"], node["rightExpression"])
            places = [entry.origins.place(one, frame) for one in sides]
            state = [one for one in places if one is not None and not one.path]
            copies = {frozenset(entry.origins.of(one, frame)) for one in sides}
            if len(state) == 1 and copies == {frozenset({f"state:{state[0].variable}"})}:
                steps = [
                    i
                    for i in graph.of_kind("write")
                    if _writes(graph.vertices[i], state[0].variable) and index in graph.dominated(i)
                ]
                if steps:
                    found.add(state[0].variable)
    return found


def _ends(graph: Graph) -> set[int]:
    return set(graph.of_kind("end"))
