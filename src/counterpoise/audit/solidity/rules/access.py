"""Who may do what: guards that are missing or void."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.calls import out_call
from counterpoise.audit.solidity.graph import Frame, Vertex
from counterpoise.audit.solidity.guards import OPEN, Entry, World
from counterpoise.audit.solidity.rules.hint import Hint, hint_at, some
from counterpoise.audit.solidity.rules.payouts import payouts
from counterpoise.audit.solidity.tree import Node, call_kind, kind_of, peeled, spell, type_of, walk

__all__ = ["rules"]


def rules(world: World) -> Iterator[Hint]:
    """``tx-origin``, ``unprotected-write``, ``selfdestruct``, ``delegate-target`` and more."""
    trusted = _trusted_state(world)
    for entry in world.entries:
        yield from _origin(entry)
        yield from _writes(entry, trusted)
        yield from _calls(entry)
        yield from _lengths(entry)


def _trusted_state(world: World) -> frozenset[int]:
    """State variables by which callers are known."""
    found: set[int] = set()
    for entry in (*world.entries, *world.makers):
        for test in entry.graph.of_kind("test"):
            for outcome in (True, False):
                for fact in entry.origins.facts(entry.graph.vertices[test], outcome):
                    found |= _known_by(fact[0], fact[1], fact[2], entry)
    return frozenset(found | _by_modifiers(world))


def _by_modifiers(world: World) -> set[int]:
    """State that modifiers compare with the caller, whether they are used or not."""
    found: set[int] = set()
    for home in world.contract.lineage:
        for modifier in home["nodes"]:
            if kind_of(modifier) != "ModifierDefinition" or not modifier.get("body"):
                continue
            for node in walk(modifier["body"]):
                if kind_of(node) == "BinaryOperation" and node["operator"] in ("==", "!="):
                    sides = [peeled(node["leftExpression"]), peeled(node["rightExpression"])]
                    if "msg.sender" in [spell(one) for one in sides]:
                        found |= {one.get("referencedDeclaration") or -1 for one in sides}
    return found & set(world.contract.state)


def _known_by(node: Node, holds: bool, frame: Frame, entry: Entry) -> set[int]:
    origins = entry.origins
    where = frame
    found: set[int] = set()
    if kind_of(node) == "BinaryOperation" and node["operator"] in ("==", "!="):
        sides = (node["leftExpression"], node["rightExpression"])
        for mine, other in (sides, sides[::-1]):
            if "sender" in origins.of(mine, where):
                place = origins.place(other, where)
                if place is not None and type_of(other).startswith(("address", "contract")):
                    found.add(place.variable)
        node = node["leftExpression"]
    place = origins.place(node, where)
    named = type_of(node) in ("bool", "address", "address payable")
    if place is not None and named and any("sender" in origins.of(*key) for key in place.keys):
        found.add(place.variable)
    return found


def _origin(entry: Entry) -> Iterator[Hint]:
    for _, vertex in entry.vertices("test"):
        for node in walk(vertex.node):
            if kind_of(node) != "BinaryOperation" or node["operator"] not in ("==", "!="):
                continue
            sides = [spell(node["leftExpression"]), spell(node["rightExpression"])]
            if "tx.origin" in sides and "msg.sender" not in sides:
                yield from some(
                    hint_at(
                        entry,
                        "tx-origin",
                        "compared",
                        node,
                        f"tx.origin decides in {spell(node)}: what the owner calls passes too",
                    )
                )


def _writes(entry: Entry, trusted: frozenset[int]) -> Iterator[Hint]:
    for index, vertex in entry.vertices("write"):
        place = vertex.place
        if place is None or place.variable not in trusted or index in entry.guarded:
            continue
        origins = frozenset().union(*(entry.origins.of(*key) for key in place.keys))
        given = entry.origins.of(vertex.value, vertex.frame)
        own = place.path and "sender" in origins and "parameter" not in origins
        named = "parameter" in given and type_of(vertex.value) == "address"
        if own and not named:
            continue  # a caller's own entry
        if not place.path and not given & (OPEN | {"outside"}):
            continue
        declared = entry.contract.state.get(place.variable, {})
        name = entry.world.spoken(place)
        marks = set()
        if _first_time(entry, index, place.variable):
            marks.add("once")
        if "sender" in given:
            marks.add("to-sender")
        if place.path:
            marks.add("slot")
        if any(True for _ in entry.vertices("call")):
            marks.add("calls")
        if _paid(entry, index):
            marks.add("paid")
        rule = "unprotected-init" if "once" in marks else "unprotected-write"
        yield from some(
            hint_at(
                entry,
                rule,
                "slot" if place.path else type_of(declared).split(" ")[0],
                vertex.node,
                f"anyone can change {name}, by which callers are known",
                marks=marks,
            )
        )


def header(entry: Entry) -> Node:
    """The line that a function's name is on, where a guard belongs."""
    start, _, file = entry.function["src"].split(":")
    return {"nodeType": "Header", "src": f"{start}:1:{file}"}


def _first_time(entry: Entry, index: int, variable: int) -> bool:
    """Whether a test on the way lets it happen only while something is not set."""
    for node, holds, frame in entry.facts_at(index):
        found = entry.origins.of(node, frame)
        if f"state:{variable}" in found:
            return True
        place = entry.origins.place(node, frame)
        if place is not None and not place.path and type_of(node) == "bool" and not holds:
            return True
    return False


def _paid(entry: Entry, index: int) -> bool:
    """Whether the caller must pay, or be the best of something, on the way."""
    return any("value" in entry.origins.of(node, frame) for node, _, frame in entry.facts_at(index))


def _calls(entry: Entry) -> Iterator[Hint]:
    for index, vertex in entry.vertices("call"):
        if kind_of(vertex.node) == "FunctionCall" and call_kind(vertex.node) == "selfdestruct":
            if index not in entry.guarded:
                yield from some(
                    hint_at(
                        entry,
                        "selfdestruct",
                        "open",
                        vertex.node,
                        "anyone can destroy the contract",
                        marks=_conditions(entry, index),
                    )
                )
            continue
        call = out_call(vertex.node)
        if call is None or index in entry.guarded:
            continue
        if call.how == "delegatecall" and call.target is not None:
            yield from _delegates(entry, index, vertex, call.target, call.arguments)
        elif call.pays and call.value is not None and call.target is not None:
            yield from payouts(entry, index, vertex, call.target, call.value)


def _conditions(entry: Entry, index: int) -> set[str]:
    return {"conditional"} if any(True for _ in entry.facts_at(index)) else set()


def _delegates(
    entry: Entry, index: int, vertex: Vertex, target: Node, given: tuple[Node, ...]
) -> Iterator[Hint]:
    origins = entry.origins.of(target, vertex.frame)
    chosen = origins & (OPEN | {"outside"})
    forwards = any("input" in entry.origins.of(one, vertex.frame) for one in given)
    fixed = entry.world.is_fixed(target, vertex.frame, entry.origins)
    if chosen:
        variant = "chosen"
    elif not fixed:
        variant = "open"
    elif forwards:
        variant = "forwards"
    elif any(one.startswith("state") for one in origins):
        variant = "stored"
    else:
        return
    yield from some(
        hint_at(
            entry,
            "delegate-target",
            variant,
            vertex.node,
            f"{spell(target)} runs with this contract's storage",
        )
    )


def _lengths(entry: Entry) -> Iterator[Hint]:
    """The length of a storage array, set at will: every slot can then be written."""
    if entry.contract.unit.version >= (0, 6, 0):
        return
    for index, vertex in entry.vertices("write"):
        place = vertex.place
        if place is None or not place.path or place.path[-1] != ".length" or index in entry.guarded:
            continue
        target = vertex.node.get("leftHandSide") or vertex.node.get("subExpression")
        if target is None or not type_of(peeled(target)["expression"]).endswith("[] storage ref"):
            continue
        operator = vertex.node["operator"]
        given = entry.origins.of(vertex.value, vertex.frame)
        name = entry.world.spoken(place)
        if operator in ("--", "-=") and not _bounded(entry, index, target):
            yield from some(
                hint_at(
                    entry,
                    "array-length",
                    "shrinks",
                    vertex.node,
                    f"{name} can fall below zero, and every slot is then in reach",
                )
            )
        elif operator == "=" and given & {"parameter", "value"}:
            yield from some(
                hint_at(
                    entry,
                    "array-length",
                    "chosen",
                    vertex.node,
                    f"the caller chooses {name}, and may bring every slot in reach",
                )
            )


def _bounded(entry: Entry, index: int, target: Node) -> bool:
    name = spell(target)
    for node, _holds, _ in entry.facts_at(index):
        if kind_of(node) == "BinaryOperation" and name in spell(node):
            zero = (spell(node["leftExpression"]), node["operator"], spell(node["rightExpression"]))
            if zero not in (("0", "<=", name), (name, ">=", "0")):
                return True
    return False
