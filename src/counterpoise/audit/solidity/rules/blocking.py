"""Ways to stop a contract: payments that must succeed, loops that grow."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.calls import out_call
from counterpoise.audit.solidity.graph import Vertex
from counterpoise.audit.solidity.guards import Entry, World
from counterpoise.audit.solidity.rules.hint import Hint, hint_at, some
from counterpoise.audit.solidity.tree import Node, children, kind_of, peeled, spell, type_of, walk

__all__ = ["rules"]

LONG = 200
"""Turns of a loop that writes storage, above which a block's gas is in sight."""


def rules(world: World) -> Iterator[Hint]:
    """``push-payment`` and ``unbounded-loop``."""
    for entry in world.entries:
        yield from _pushes(entry)
        for index, vertex in entry.vertices("join"):
            if kind_of(vertex.node) in ("ForStatement", "WhileStatement", "DoWhileStatement"):
                yield from _loops(entry, index, vertex)
        yield from _resets(entry)


def _pushes(entry: Entry) -> Iterator[Hint]:
    """A payment to somebody else that must succeed for the caller to go on."""
    graph = entry.graph
    for index, vertex in entry.vertices("call"):
        call = out_call(vertex.node)
        if call is None or not call.pays or call.target is None:
            continue
        to = entry.origins.of(call.target, vertex.frame)
        if to & {"sender", "parameter"} or not any(one.startswith("state") for one in to):
            continue
        if index in entry.guarded:
            continue
        must = call.how == "transfer" or _required(entry, index, vertex)
        fixed = entry.world.is_fixed(call.target, vertex.frame, entry.origins)
        looped = index in graph.following(index)
        if not must or (fixed and not looped):
            continue
        marks = {"looped"} if looped else set()
        place = entry.origins.place(call.target, vertex.frame)
        if place is not None and _replaced(entry, index, place.variable):
            marks.add("replaced")
        yield from some(
            hint_at(
                entry,
                "push-payment",
                "loop" if looped else "one",
                vertex.node,
                f"{spell(call.target)} can refuse, and nobody gets past it",
                marks=marks,
            )
        )


def _required(entry: Entry, index: int, vertex: Vertex) -> bool:
    """Whether everything reverts if the call fails."""
    graph = entry.graph
    for test in graph.of_kind("test"):
        for outcome in (True, False):
            for node, holds, _ in entry.origins.facts(graph.vertices[test], outcome):
                if node["id"] == vertex.node["id"] and holds:
                    onward = graph.vertices[test]
                    failing = onward.otherwise if outcome else onward.after
                    reached = graph.reachable(failing)
                    if not reached & set(graph.of_kind("end")):
                        return True
    return False


def _replaced(entry: Entry, index: int, variable: int) -> bool:
    later = entry.graph.following(index)
    return any(
        number in later and one.place and one.place.variable == variable
        for number, one in entry.vertices("write")
    )


def _loops(entry: Entry, index: int, vertex: Vertex) -> Iterator[Hint]:
    condition = vertex.node.get("condition")
    graph = entry.graph
    inside = {one for one in graph.following(index) if index in graph.following(one)}
    writes = [one for one in inside if graph.vertices[one].kind == "write"]
    calls = [one for one in inside if graph.vertices[one].kind == "call"]
    if condition is None or not (writes or calls) or index in entry.guarded:
        return
    bound, grows = _limit(entry, condition, vertex)
    marks = ({"writes"} if writes else set()) | ({"calls"} if calls else set())
    if any(
        graph.vertices[one].place and "push" in spell(graph.vertices[one].node) for one in writes
    ):
        marks.add("pushes")
    if bound:
        lines = [condition, *(graph.vertices[one].node for one in (*writes, *calls))]
        yield from some(
            hint_at(
                entry,
                "unbounded-loop",
                bound,
                lines,
                f"the loop runs while {spell(condition)[:60]}; {grows}",
                marks=marks,
            )
        )


def _limit(entry: Entry, condition: Node, vertex: Vertex) -> tuple[str, str]:
    """What sets the number of turns; empty where it is small and fixed."""
    for one in walk(condition):
        if kind_of(one) == "MemberAccess" and one["memberName"] == "length":
            place = entry.origins.place(one["expression"], vertex.frame)
            if place is not None and place.variable in entry.world.written_openly:
                return "grown", f"anyone can lengthen {spell(one['expression'])}"
    for one in children(condition):
        origins = entry.origins.of(one, vertex.frame)
        literal = peeled(one)
        if kind_of(literal) == "Literal" and str(literal.get("value", "")).isdigit():
            if int(literal["value"]) >= LONG:
                return "long", "so many writes can exceed a block's gas"
        elif "parameter" in origins and "constant" not in origins:
            return "chosen", "the caller chooses how long"
    return "", ""


def _resets(entry: Entry) -> Iterator[Hint]:
    """Clearing an array that strangers lengthen costs gas for each of its elements."""
    for index, vertex in entry.vertices("write"):
        place = vertex.place
        if place is None or place.path or index in entry.guarded:
            continue
        declared = entry.contract.state.get(place.variable)
        if declared is None or not type_of(declared).endswith("[]"):
            continue
        fresh = vertex.value is not None and spell(vertex.value).endswith("(0)")
        deleted = vertex.node.get("operator") == "delete"
        if (fresh or deleted) and place.variable in entry.world.written_openly:
            yield from some(
                hint_at(
                    entry,
                    "unbounded-loop",
                    "reset",
                    vertex.node,
                    f"clearing {declared['name']} costs more the longer strangers make it",
                    marks={"deleted"} if deleted else set(),
                )
            )
