"""From an entry point's tree to its graph: statements, and the modifiers around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from counterpoise.audit.solidity.contracts import Contract
from counterpoise.audit.solidity.expressions import Expressions
from counterpoise.audit.solidity.graph import Frame, Graph
from counterpoise.audit.solidity.tree import Node, kind_of

__all__ = ["graph_of"]


def graph_of(contract: Contract, function: Node, *, limit: int = 4000) -> Graph:
    """The graph of one function of a contract, with what it calls inside in place."""
    lowering = Lowering(contract, limit)
    frame = Frame(function)
    lowering.function(function, frame)
    lowering.vertex("end", function, frame)
    return lowering.graph


class Lowering(Expressions):
    """Statements; see `Expressions` for what is within them."""

    def function(self, function: Node, frame: Frame) -> None:
        """A function's modifiers and body; what follows, follows its returns."""
        for one in (function.get("returnParameters") or {}).get("parameters", ()):
            self.graph.defined.setdefault((frame.number, one["id"]), [])
        self.exits.append([])
        self._modified(list(function.get("modifiers") or ()), function, frame)
        self.frontier += self.exits.pop()

    def _modified(self, modifiers: list[Node], function: Node, frame: Frame) -> None:
        while modifiers:
            name = modifiers[0]["modifierName"]
            definition = self.contract.unit.nodes.get(name.get("referencedDeclaration"))
            if kind_of(definition) == "ModifierDefinition" and definition is not None:
                break
            modifiers = modifiers[1:]  # the constructor of a base
        else:
            self.exits.append([])
            self.statement(function["body"], frame)
            self.frontier += self.exits.pop()
            return
        modifier = self.contract.resolved(definition)
        inner = Frame(modifier, frame)
        self.bind(inner, modifier, modifiers[0].get("arguments") or (), frame)
        rest = modifiers[1:]
        self.exits.append([])
        self.placeholders.append(lambda: self._modified(rest, function, frame))
        if modifier.get("body"):
            self.statement(modifier["body"], inner)
        self.placeholders.pop()
        self.frontier += self.exits.pop()

    def statement(self, node: Node | None, frame: Frame) -> None:
        """One statement, and what is below it."""
        if node is None or not self.frontier:
            return
        method = self._METHODS.get(kind_of(node))
        if method is not None:
            method(self, node, frame)
        elif kind_of(node).startswith("Yul"):
            self.assembly(node, frame)

    def _all(self, nodes: Sequence[Node], frame: Frame) -> None:
        for one in nodes:
            self.statement(one, frame)

    def _block(self, node: Node, frame: Frame) -> None:
        self._all(node.get("statements") or (), frame)

    def _unchecked(self, node: Node, frame: Frame) -> None:
        before, self.wraps = self.wraps, True
        self._block(node, frame)
        self.wraps = before

    def _expression(self, node: Node, frame: Frame) -> None:
        self.expression(node["expression"], frame)

    def _emit(self, node: Node, frame: Frame) -> None:
        self.expression(node["eventCall"], frame)

    def _placeholder(self, node: Node, frame: Frame) -> None:
        if self.placeholders:
            rest = self.placeholders.pop()
            rest()
            self.placeholders.append(rest)

    def _if(self, node: Node, frame: Frame) -> None:
        holds, fails = self.test(node["condition"], frame)
        self.frontier = holds
        self.statement(node["trueBody"], frame)
        then, self.frontier = self.frontier, fails
        self.statement(node.get("falseBody"), frame)
        self.frontier += then

    def _loop(
        self,
        frame: Frame,
        node: Node,
        condition: Node | None,
        onward: Node | None,
        *,
        body_first: bool = False,
    ) -> None:
        head = self.vertex("join", node, frame)
        leaves: list[tuple[int, bool]] = []
        if condition is not None and not body_first:
            self.frontier, leaves = self.test(condition, frame)
        self.loops.append(([], []))
        self.statement(node["body"], frame)
        breaks, continues = self.loops.pop()
        self.frontier += continues
        self.statement(onward, frame)
        if condition is not None and body_first and self.frontier:
            self.frontier, leaves = self.test(condition, frame)
        self.connect(head)
        self.frontier = leaves + breaks

    def _for(self, node: Node, frame: Frame) -> None:
        self.statement(node.get("initializationExpression"), frame)
        self._loop(frame, node, node.get("condition"), node.get("loopExpression"))

    def _while(self, node: Node, frame: Frame) -> None:
        self._loop(frame, node, node["condition"], None)

    def _do(self, node: Node, frame: Frame) -> None:
        self._loop(frame, node, node["condition"], None, body_first=True)

    def _break(self, node: Node, frame: Frame) -> None:
        if self.loops:
            self.loops[-1][0].extend(self.frontier)
        self.frontier = []

    def _continue(self, node: Node, frame: Frame) -> None:
        if self.loops:
            self.loops[-1][1].extend(self.frontier)
        self.frontier = []

    def _return(self, node: Node, frame: Frame) -> None:
        if node.get("expression"):
            self.expression(node["expression"], frame)
            frame.returns.append((node["expression"], frame))
        self.exits[-1].extend(self.frontier)
        self.frontier = []

    def _throw(self, node: Node, frame: Frame) -> None:
        self.stop(node, frame)

    def _declare(self, node: Node, frame: Frame) -> None:
        value = node.get("initialValue")
        if value is not None:
            self.expression(value, frame)
        self.define(node["declarations"], value, frame)

    def _try(self, node: Node, frame: Frame) -> None:
        self.expression(node["externalCall"], frame)
        start, ends = self.frontier, []
        for clause in node["clauses"]:
            self.frontier = list(start)
            self.statement(clause["block"], frame)
            ends += self.frontier
        self.frontier = ends

    _METHODS: ClassVar[dict[str, Callable[[Lowering, Node, Frame], None]]] = {
        "Block": _block,
        "UncheckedBlock": _unchecked,
        "ExpressionStatement": _expression,
        "EmitStatement": _emit,
        "PlaceholderStatement": _placeholder,
        "IfStatement": _if,
        "ForStatement": _for,
        "WhileStatement": _while,
        "DoWhileStatement": _do,
        "Break": _break,
        "Continue": _continue,
        "Return": _return,
        "Throw": _throw,
        "RevertStatement": _throw,
        "VariableDeclarationStatement": _declare,
        "TryStatement": _try,
        "InlineAssembly": lambda self, node, frame: self.assembly(node, frame),
    }
