"""Expressions in the order in which they are evaluated: reads, writes, arithmetic, calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence

from counterpoise.audit.solidity.calls import LEAVING
from counterpoise.audit.solidity.contracts import Contract
from counterpoise.audit.solidity.graph import Frame, Graph, Place, Vertex
from counterpoise.audit.solidity.places import place_of
from counterpoise.audit.solidity.tree import Node, call_kind, children, kind_of, peeled, type_of

__all__ = ["Expressions"]

DEPTH = 8
"""Calls put in place of each other at most."""

WRAPPING = {"+", "-", "*", "**", "+=", "-=", "*=", "++", "--"}
SSTORE = re.compile(r"\bsstore\b")
LEAVES = re.compile(r"\b(call|callcode|delegatecall)\b(?!data)")
STOPS = {"revert", "selfdestruct"}

Edge = tuple[int, bool]


class Expressions:
    """Builds a graph at its `frontier`: the edges that lead to whatever comes next."""

    def __init__(self, contract: Contract, limit: int) -> None:
        self.contract = contract
        self.limit = limit
        self.graph = Graph()
        self.frontier: list[Edge] = []
        self.exits: list[list[Edge]] = []
        self.loops: list[tuple[list[Edge], list[Edge]]] = []
        self.placeholders: list[Callable[[], None]] = []
        self.wraps = contract.unit.version < (0, 8, 0)
        self.frontier.append((self._made("join", contract.node, Frame(contract.node)), True))

    def function(self, function: Node, frame: Frame) -> None:
        """A function's modifiers and body, at the frontier."""
        raise NotImplementedError

    def _made(self, kind: str, node: Node, frame: Frame) -> int:
        self.graph.vertices.append(Vertex(kind, node, frame))
        return len(self.graph.vertices) - 1

    def connect(self, index: int) -> None:
        """Lead the frontier to a vertex."""
        for source, holds in self.frontier:
            vertex = self.graph.vertices[source]
            (vertex.after if holds else vertex.otherwise).append(index)

    def vertex(
        self,
        kind: str,
        node: Node,
        frame: Frame,
        place: Place | None = None,
        value: Node | None = None,
    ) -> int:
        """Add what happens next."""
        index = self._made(kind, node, frame)
        self.graph.vertices[index].place = place
        self.graph.vertices[index].value = value
        self.connect(index)
        self.frontier = [(index, True)]
        return index

    def stop(self, node: Node, frame: Frame) -> None:
        """Revert: nothing follows."""
        self.vertex("stop", node, frame)
        self.frontier = []

    def test(self, condition: Node, frame: Frame) -> tuple[list[Edge], list[Edge]]:
        """Evaluate and branch: the edges where it holds, and those where it does not."""
        self.expression(condition, frame)
        index = self.vertex("test", condition, frame)
        return [(index, True)], [(index, False)]

    def bind(self, inner: Frame, function: Node, given: Sequence[Node], frame: Frame) -> None:
        """Evaluate arguments and bind a function's parameters to them."""
        for one in given:
            self.expression(one, frame)
        parameters = (function.get("parameters") or {}).get("parameters", ())
        for parameter, value in zip(parameters, given, strict=False):
            inner.bound[parameter["id"]] = (value, frame)

    def define(self, declarations: Iterable[Node | None], value: Node | None, frame: Frame) -> None:
        """Note what local variables are set to; a tuple goes to them one by one."""
        names = list(declarations)
        parts: list[Node | None] = [value] * len(names)
        if value is not None and kind_of(value) == "TupleExpression" and len(names) > 1:
            parts = list(value["components"])
        for one, part in zip(names, parts, strict=False):
            if one is not None:
                entries = self.graph.defined.setdefault((frame.number, one["id"]), [])
                if part is not None:
                    entries.append((part, frame, "="))

    def expression(self, node: Node | None, frame: Frame) -> None:
        """What happens while an expression is evaluated."""
        kind = kind_of(node)
        if node is None or not self.frontier or kind in ("Literal", "ElementaryTypeNameExpression"):
            return
        if kind == "Assignment":
            self._assign(node, frame)
        elif kind == "UnaryOperation" and node["operator"] in ("++", "--", "delete"):
            self._step(node, frame)
        elif kind == "FunctionCall":
            self._call(node, frame)
        elif (place := place_of(node, frame, self.graph, self.contract)) is not None:
            self._keys(node, frame)
            self.vertex("read", node, frame, place)
        else:
            for one in children(node):
                if kind_of(one) not in ("ElementaryTypeName", "UserDefinedTypeName"):
                    self.expression(one, frame)
            if kind == "BinaryOperation" and node["operator"] in WRAPPING and self.wraps:
                self.vertex("math", node, frame)

    def _keys(self, node: Node, frame: Frame) -> None:
        """Evaluate the indices on the way to a place."""
        node = peeled(node)
        if kind_of(node) == "IndexAccess":
            self._keys(node["baseExpression"], frame)
            self.expression(node.get("indexExpression"), frame)
        elif kind_of(node) == "MemberAccess":
            self._keys(node["expression"], frame)
        elif kind_of(node) == "FunctionCall":
            self.expression(node, frame)

    def _assign(self, node: Node, frame: Frame) -> None:
        self.expression(node["rightHandSide"], frame)
        target, value = node["leftHandSide"], node["rightHandSide"]
        if kind_of(target) == "TupleExpression":
            parts = target["components"]
            values: list[Node] = [value] * len(parts)
            if kind_of(value) == "TupleExpression":
                values = value["components"]
            for one, part in zip(parts, values, strict=False):
                self._store(one, part, node, frame)
            return
        if node["operator"] != "=":
            self.expression(target, frame)
            if node["operator"] in WRAPPING and self.wraps:
                self.vertex("math", node, frame)
        self._store(target, value, node, frame)

    def _store(self, target: Node | None, value: Node | None, node: Node, frame: Frame) -> None:
        if target is None:
            return
        place = place_of(target, frame, self.graph, self.contract)
        bare = peeled(target)
        if place is not None and not self._is_pointer(bare):
            self._keys(target, frame)
            self.vertex("write", node, frame, place, value)
        root = bare
        while kind_of(root) in ("IndexAccess", "MemberAccess"):
            root = peeled(root.get("baseExpression") or root["expression"])
        declared = root.get("referencedDeclaration", -1) if kind_of(root) == "Identifier" else -1
        if declared > 0 and declared not in self.contract.state and value is not None:
            found = (value, frame, node.get("operator", "="))
            self.graph.defined.setdefault((frame.number, declared), []).append(found)

    def _is_pointer(self, node: Node) -> bool:
        """Whether assigning to the name moves a pointer, and changes no storage."""
        declared = self.contract.unit.nodes.get(node.get("referencedDeclaration", -1))
        return (
            kind_of(node) == "Identifier"
            and declared is not None
            and not declared.get("stateVariable")
        )

    def _step(self, node: Node, frame: Frame) -> None:
        target = node["subExpression"]
        self.expression(target, frame)
        if node["operator"] != "delete" and self.wraps:
            self.vertex("math", node, frame)
        self._store(target, None, node, frame)

    def _call(self, node: Node, frame: Frame) -> None:
        kind = call_kind(node)
        if kind in ("require", "assert"):
            holds, fails = self.test(node["arguments"][0], frame)
            self.frontier = fails
            self.stop(node, frame)
            self.frontier = holds
            return
        target = self.callee(node, kind, frame)
        if target is not None and not frame.runs(target) and self._has_room(frame):
            self._inline(node, target, frame)
            return
        self.expression(node["expression"], frame)
        for one in node["arguments"]:
            self.expression(one, frame)
        if kind in LEAVING:
            self.vertex("call", node, frame)
        elif kind == "event":
            self.vertex("event", node, frame)
        elif kind in ("arraypush", "arraypop"):
            base = node["expression"]["expression"]
            place = place_of(base, frame, self.graph, self.contract)
            if place is not None:
                value = node["arguments"][0] if node["arguments"] else None
                self.vertex("write", node, frame, place, value)
        elif kind in STOPS:
            if kind == "selfdestruct":
                self.vertex("call", node, frame)
                self.vertex("end", node, frame)
                self.frontier = []
            else:
                self.stop(node, frame)

    def _has_room(self, frame: Frame) -> bool:
        room = frame.depth < DEPTH and len(self.graph.vertices) < self.limit
        self.graph.cut = self.graph.cut or not room
        return room

    def callee(self, node: Node, kind: str, frame: Frame) -> Node | None:
        """The function that runs inside this contract; None where the call leaves."""
        expression = peeled(node["expression"])
        declared = self.contract.unit.nodes.get(expression.get("referencedDeclaration") or -1)
        if kind_of(declared) != "FunctionDefinition" or declared is None:
            return None
        base = expression.get("expression")
        own = kind == "external" and base is not None and peeled(base).get("name") == "this"
        if kind not in ("internal", "delegatecall") and not own:
            return None
        if base is not None and peeled(base).get("name") == "super":
            home = self.contract.homes.get(frame.function["id"])
            return self.contract.above(declared, home) if home else None
        named = base is not None and type_of(base).startswith("type(contract")
        found = declared if named else self.contract.resolved(declared)
        return found if found.get("body") else None

    def _inline(self, node: Node, target: Node, frame: Frame) -> None:
        given = list(node["arguments"])
        expression = peeled(node["expression"])
        parameters = target["parameters"]["parameters"]
        if kind_of(expression) == "MemberAccess" and len(given) < len(parameters):
            given.insert(0, expression["expression"])  # bound by `using for`
        inner = Frame(target, frame)
        self.bind(inner, target, given, frame)
        self.graph.inlined[(frame.number, node["id"])] = inner
        before, self.loops, self.placeholders = (self.loops, self.placeholders), [], []
        self.function(target, inner)
        self.loops, self.placeholders = before
        for one in (target.get("returnParameters") or {}).get("parameters", ()):
            for value, where, _ in self.graph.defined.get((inner.number, one["id"]), ()):
                inner.returns.append((value, where))

    def assembly(self, node: Node, frame: Frame) -> None:
        """Inline assembly: only whether it leaves the contract, or writes storage."""
        text = node.get("operations") or json.dumps(node.get("AST") or {})
        if LEAVES.search(text):
            self.vertex("call", node, frame)
        if SSTORE.search(text):
            self.vertex("write", node, frame, Place(-1))
