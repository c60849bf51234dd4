"""Arithmetic that may wrap around, and divisions that come too early."""

from __future__ import annotations

import re
from collections.abc import Iterator

from counterpoise.audit.solidity.graph import Frame, Vertex
from counterpoise.audit.solidity.guards import Entry, World
from counterpoise.audit.solidity.rules.hint import Hint, hint_at
from counterpoise.audit.solidity.tree import Node, kind_of, peeled, spell, type_of, walk

__all__ = ["rules"]

ORDER = ("<", "<=", ">", ">=")
CHOSEN = {"parameter", "input"}


def rules(world: World) -> Iterator[Hint]:
    """``unsafe-math`` before 0.8 and in unchecked blocks; ``divide-first``."""
    for entry in world.entries:
        for index, vertex in entry.vertices("math"):
            yield from _wraps(entry, index, vertex)


def _operands(node: Node) -> tuple[str, Node, Node | None]:
    if kind_of(node) == "BinaryOperation":
        return node["operator"], node["leftExpression"], node["rightExpression"]
    if kind_of(node) == "Assignment":
        return node["operator"][:-1], node["leftHandSide"], node["rightHandSide"]
    return node["operator"][0], node["subExpression"], None


def _wraps(entry: Entry, index: int, vertex: Vertex) -> Iterator[Hint]:
    node, frame = vertex.node, vertex.frame
    operator, left, right = _operands(node)
    kind = type_of(node) or type_of(left)
    if right is None or not kind.startswith(("uint", "int")) or "const" in kind:
        return
    sides = [entry.origins.of(one, frame) for one in (left, right)]
    width = int(re.sub(r"\D", "", kind.split(" ")[0]) or 256)
    fixed = all(one <= {"constant"} for one in sides)
    caller = any(one & CHOSEN for one in sides)
    marks = {operator, f"width-{'narrow' if width < 64 else 'wide'}"}
    if fixed:
        if not _narrow_constant(operator, left, right, width, entry, frame):
            return
        variant = "constants"
    elif caller:
        variant = "caller"
    elif width < 64:
        variant = "narrow"
    elif any("value" in one for one in sides) and operator == "*":
        variant = "value"
    else:
        return
    bound = _bound(entry, index, operator, left, right, frame, node)
    if bound:
        return
    if index in entry.guarded:
        marks.add("guarded")
    if frame.depth:
        marks.add("called")
    marks |= _context(entry, index, vertex, operator, left, right)
    found = hint_at(
        entry,
        "unsafe-math",
        variant,
        node,
        f"{spell(node)[:70]} may wrap around: no test bounds its operands",
        marks=marks,
    )
    if found:
        yield found


def _context(
    entry: Entry, index: int, vertex: Vertex, operator: str, left: Node, right: Node
) -> set[str]:
    marks: set[str] = set()
    frame = vertex.frame
    if any(entry.origins.place(one, frame) is not None for one in (left, right)):
        marks.add("state")
        place = next(
            (p for p in (entry.origins.place(one, frame) for one in (left, right)) if p), None
        )
        if place is not None and place.path:
            marks.add("slot")
            if _moved_by(entry, place.variable, spell(right), operator):
                marks.add("moved")
    if any(kind_of(peeled(one)) == "Literal" for one in (left, right)):
        marks.add("literal")
    if any("outside" in entry.origins.of(one, frame) for one in (left, right)):
        marks.add("outside")
    for node, _, _ in entry.facts_at(index):
        if kind_of(node) == "BinaryOperation" and node["operator"] in ORDER:
            sides = (spell(node["leftExpression"]), spell(node["rightExpression"]))
            if spell(vertex.node) in sides:
                marks.add("in-test")
    return marks


def _moved_by(entry: Entry, variable: int, amount: str, operator: str) -> bool:
    """Whether the same amount leaves one entry of a mapping and goes to another."""
    opposite = {"+": "-", "-": "+"}.get(operator)
    for _, vertex in entry.vertices("math"):
        other, left, right = _operands(vertex.node)
        place = entry.origins.place(left, vertex.frame)
        if other == opposite and place and place.variable == variable and spell(right) == amount:
            return True
    return False


def _narrow_constant(
    operator: str, left: Node, right: Node, width: int, entry: Entry, frame: Frame
) -> bool:
    """Whether constants wrap around in a local variable of few bits."""
    name = peeled(left)
    if width >= 64 or operator not in ("+", "-", "*") or kind_of(name) != "Identifier":
        return False
    known = entry.origins.known(name.get("referencedDeclaration") or -1, frame)
    numbers = [spell(one) for one, _ in known if spell(one).isdigit()]
    step = spell(right)
    if not step.isdigit() or len(numbers) != 1:
        return False
    start, by = int(numbers[0]), int(step)
    result = {"+": start + by, "-": start - by, "*": start * by}[operator]
    signed = type_of(left).startswith("int")
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    return not low <= result <= high


def _bound(
    entry: Entry, index: int, operator: str, left: Node, right: Node, frame: Frame, node: Node
) -> bool:
    """Whether a comparison on the way, or of the result afterwards, bounds the operands."""
    names = {spell(one) for one in (left, right) if kind_of(peeled(one)) != "Literal"}
    names |= {spell(one) for one in _inside(left, right)}
    result = spell(node)
    for fact, holds, where in entry.facts_at(index):
        if kind_of(fact) != "BinaryOperation" or where is not frame:
            continue
        if fact["operator"] not in ORDER and fact["operator"] != "==":
            continue
        if _is_void(fact) or (fact["operator"] == "==" and not holds):
            continue
        told = {spell(one) for one in walk(fact)}
        if result in told:
            continue  # the test itself has wrapped around
        sides = (spell(fact["leftExpression"]), spell(fact["rightExpression"]))
        if operator == "-" and names & told and spell(left) in sides and spell(right) in sides:
            return True
        lower = operator == "+" and _only_lower(fact, holds, names)
        if operator != "-" and not lower and (names & set(sides) or _sums(sides, names)):
            return True
        if operator == "-" and "0" not in sides and spell(right) in sides:
            return True
        if operator == "-" and spell(left) in sides and kind_of(peeled(right)) == "Literal":
            return True
    return _checked_after(entry, index, node, frame)


def _inside(*nodes: Node) -> Iterator[Node]:
    for node in nodes:
        for one in walk(node):
            if kind_of(one) == "Identifier":
                yield one


def _sums(sides: tuple[str, str], names: set[str]) -> bool:
    return any(f"({a}+{b})" in side for side in sides for a in names for b in names)


def _only_lower(fact: Node, holds: bool, names: set[str]) -> bool:
    """Whether a fact only says that an addend is larger than something."""
    greater = fact["operator"] in (">", ">=")
    left, right = spell(fact["leftExpression"]), spell(fact["rightExpression"])
    lows = left in names if greater == holds else right in names
    zero = "0" in (left, right)
    return lows and zero


def _is_void(fact: Node) -> bool:
    """Whether an unsigned number is asked to be at least zero."""
    zero_right = spell(fact["rightExpression"]) == "0" and fact["operator"] == ">="
    zero_left = spell(fact["leftExpression"]) == "0" and fact["operator"] == "<="
    return zero_left or zero_right


def _checked_after(entry: Entry, index: int, node: Node, frame: Frame) -> bool:
    """Whether the result is compared with an operand afterwards, as SafeMath does."""
    operator, left, right = _operands(node)
    graph = entry.graph
    later = graph.following(index)
    results = {spell(node)}
    for (number, declared), values in graph.defined.items():
        if number == frame.number and any(peeled(one[0])["id"] == node["id"] for one in values):
            results.add(str(entry.contract.unit.nodes.get(declared, {}).get("name")))
    if kind_of(node) == "Assignment":
        results.add(spell(left))
    del operator
    for test in graph.of_kind("test"):
        vertex = graph.vertices[test]
        if test not in later or vertex.frame is not frame:
            continue
        for one in walk(vertex.node):
            if kind_of(one) == "BinaryOperation" and one["operator"] in (*ORDER, "=="):
                sides = (spell(one["leftExpression"]), spell(one["rightExpression"]))
                operands = {spell(each) for each in (left, right) if each is not None}
                for mine, other in (sides, sides[::-1]):
                    told = any(each in mine for each in results)
                    if told and other in operands and not _is_void(one):
                        return True
    return False
