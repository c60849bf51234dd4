"""Chance and time taken from the block."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.calls import out_call
from counterpoise.audit.solidity.graph import Vertex
from counterpoise.audit.solidity.guards import Entry, World
from counterpoise.audit.solidity.origins import HASHES
from counterpoise.audit.solidity.rules.hint import Hint, hint_at, some
from counterpoise.audit.solidity.tree import Node, call_kind, children, kind_of, peeled, spell, walk

__all__ = ["rules"]

COMPARING = ("==", "!=", "<", "<=", ">", ">=")
BLOCK = {"miner", "blockhash", "time", "number"}


def rules(world: World) -> Iterator[Hint]:
    """``bad-randomness`` and ``timestamp``."""
    for entry in (*world.entries, *world.makers, *world.loose):
        yield from _drawn(entry)
        if entry in world.entries:
            yield from _timed(entry)
    for declared in world.contract.state.values():
        value = declared.get("value")
        if value is not None and any(_is_time(one) for one in walk(value)):
            yield from some(
                hint_at(
                    world,
                    "timestamp",
                    "parked-at-birth",
                    declared,
                    f"{declared['name']} holds the time of a block",
                )
            )


def _expressions(entry: Entry) -> Iterator[tuple[Node, Vertex]]:
    """Whole expressions of the entry with the frames that they are written in."""
    seen: set[tuple[int, int]] = set()
    for _, vertex in entry.vertices("read", "write", "test", "call", "math", "event"):
        key = (vertex.frame.number, vertex.node["id"])
        if key not in seen:
            seen.add(key)
            yield vertex.node, vertex
    for (number, declared), values in entry.graph.defined.items():
        del declared
        for value, frame, _ in values:
            if frame.number == number and (number, value["id"]) not in seen:
                seen.add((number, value["id"]))
                yield value, Vertex("value", value, frame)
    for inner in entry.graph.inlined.values():
        for value, frame in inner.returns:
            if (frame.number, value["id"]) not in seen:
                seen.add((frame.number, value["id"]))
                yield value, Vertex("value", value, frame)


def _drawn(entry: Entry) -> Iterator[Hint]:
    told: set[int] = set()
    for node, vertex in _expressions(entry):
        for one in walk(node):
            found = _draw(one, vertex, entry)
            if found is None or one["id"] in told:
                continue
            told.add(one["id"])
            variant, used, sources = found
            yield from some(
                hint_at(
                    entry,
                    "bad-randomness",
                    variant,
                    [one, *sources],
                    f"{spell(one)[:70]} can be foreseen or chosen: it comes from the block",
                    marks=used | _stakes(entry),
                )
            )


def _draw(node: Node, vertex: Vertex, entry: Entry) -> tuple[str, set[str], list[Node]] | None:
    origins = entry.origins
    kind = kind_of(node)
    if kind == "BinaryOperation" and node["operator"] == "%":
        found = origins.of(node["leftExpression"], vertex.frame) & BLOCK
        if found:
            exact = found == {"time"} and "hash" not in origins.of(node, vertex.frame)
            return ("modulo-time" if exact else "modulo"), set(found), _sources(entry, node, vertex)
    if kind == "FunctionCall" and call_kind(node) in HASHES:
        found = origins.of(node, vertex.frame) & BLOCK
        if found:
            return "hash", set(found), _sources(entry, node, vertex)
    if kind == "FunctionCall" and call_kind(node) == "blockhash":
        return "blockhash", {"blockhash"}, []
    if kind == "BinaryOperation" and node["operator"] in ("^", "&", "/", "*"):
        found = origins.of(node, vertex.frame) & {"miner", "blockhash"}
        if found and any(kind_of(peeled(one)) != "Literal" for one in children(node)):
            return "mixed", set(found), []
    if kind == "MemberAccess" and spell(node) in ("block.coinbase", "block.difficulty"):
        return "miner", {"miner"}, []
    return None


def _sources(entry: Entry, node: Node, vertex: Vertex) -> list[Node]:
    """Where local variables that feed a draw read the block."""
    found = []
    for one in walk(node):
        if kind_of(one) == "Identifier":
            declared = one.get("referencedDeclaration") or -1
            for value, frame in entry.origins.known(declared, vertex.frame):
                if entry.origins.of(value, frame) & BLOCK:
                    found.append(value)
    return found


def _stakes(entry: Entry) -> set[str]:
    """Whether value can move in the contract at all."""
    for one in entry.world.entries:
        for _, vertex in one.vertices("call"):
            call = out_call(vertex.node)
            if call is not None and call.pays:
                return {"stakes"}
    return set()


def _is_time(node: Node) -> bool:
    return spell(node) in ("now", "block.timestamp") and kind_of(node) in (
        "Identifier",
        "MemberAccess",
    )


def _timed(entry: Entry) -> Iterator[Hint]:
    told: set[int] = set()
    for index, vertex in entry.vertices("test"):
        for one in walk(vertex.node):
            if one.get("id") in told or not _compares(one, vertex, entry):
                continue
            told.add(one["id"])
            yield from some(_compared(entry, index, one, vertex))
    for _, vertex in entry.vertices("write"):
        if vertex.place and "time" in entry.origins.of(vertex.value, vertex.frame):
            yield from some(_parked(entry, vertex))
    for node, vertex in _expressions(entry):
        for one in walk(node) if vertex.kind == "value" else ():
            if one.get("id") not in told and _compares(one, vertex, entry):
                told.add(one["id"])
                yield from some(_answer(entry, one))
    yield from _returned(entry, told)


def _compares(node: Node, vertex: Vertex, entry: Entry) -> bool:
    """Whether an expression is a comparison with the time of the block."""
    if kind_of(node) != "BinaryOperation" or node["operator"] not in COMPARING:
        return False
    sides = (node["leftExpression"], node["rightExpression"])
    return any("time" in entry.origins.of(each, vertex.frame) for each in sides)


def _parked(entry: Entry, vertex: Vertex) -> Hint | None:
    exact = vertex.value is not None and _is_time(peeled(vertex.value))
    declared = entry.contract.state.get(vertex.place.variable, {}) if vertex.place else {}
    return hint_at(
        entry,
        "timestamp",
        "parked" if exact else "computed",
        vertex.node,
        f"{declared.get('name', 'storage')} keeps the time of a block",
        marks={"slot"} if vertex.place and vertex.place.path else set(),
    )


def _answer(entry: Entry, node: Node) -> Hint | None:
    text = f"the answer is {spell(node)}, which a block's maker can bend"
    return hint_at(entry, "timestamp", "returned", node, text)


def _returned(entry: Entry, told: set[int]) -> Iterator[Hint]:
    for node in walk(entry.function["body"]):
        answer = node.get("expression") if kind_of(node) == "Return" else None
        for one in walk(answer) if answer else ():
            compares = one.get("operator") in COMPARING
            if one["id"] in told or not compares or not any(_is_time(each) for each in walk(one)):
                continue
            told.add(one["id"])
            yield from some(_answer(entry, one))


def _compared(entry: Entry, index: int, node: Node, vertex: Vertex) -> Hint | None:
    exact = node["operator"] in ("==", "!=")
    controlled = entry.graph.controlled(index, True) | entry.graph.controlled(index, False)
    marks: set[str] = set()
    for one in entry.graph.of_kind("call"):
        call = out_call(entry.graph.vertices[one].node)
        if one in controlled and call is not None and call.pays:
            marks.add("pays")
    if any(entry.graph.vertices[one].kind == "write" for one in controlled):
        marks.add("writes")
    for each in walk(node):
        if (
            kind_of(each) == "Literal"
            and str(each.get("value", "")).isdigit()
            and (
                each.get("subdenomination") in ("hours", "days", "weeks", "years")
                or int(each["value"]) >= 900
            )
        ):
            marks.add("wide")
    sides = [entry.origins.of(one, vertex.frame) for one in children(node)]
    if any("parameter" in one for one in sides):
        marks.add("chosen")
    if index in entry.guarded:
        marks.add("guarded")
    text = f"{spell(node)[:70]} decides, and a block's maker can bend it by seconds"
    variant = "equal" if exact else "compared"
    if any("%" in spell(one) for one in children(node)):
        variant = "modulo"
    return hint_at(
        entry, "timestamp", variant, [node, *_read(entry, node, vertex)], text, marks=marks
    )


def _read(entry: Entry, node: Node, vertex: Vertex) -> list[Node]:
    """Where the local variables of a comparison read the time."""
    found: list[Node] = []
    pending = [(one, vertex.frame) for one in children(node)]
    seen: set[tuple[int, int]] = set()
    while pending:
        one, frame = pending.pop()
        key = (frame.number, one["id"])
        if key in seen or "time" not in entry.origins.of(one, frame):
            continue
        seen.add(key)
        for each in walk(one):
            if _is_time(each):
                found.append(each)
            declared = each.get("referencedDeclaration") or -1
            if kind_of(each) == "Identifier" and declared not in entry.contract.state:
                pending += entry.origins.known(declared, frame)
            inner = entry.graph.inlined.get((frame.number, each.get("id", -1)))
            pending += inner.returns if inner else []
    return found
