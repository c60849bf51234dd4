"""Nodes of solc's compact AST: children, lines, kinds of calls, and how an expression is spelt."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

__all__ = ["Node", "Text", "call_kind", "children", "kind_of", "peeled", "spell", "type_of", "walk"]

Node = dict[str, Any]
"""One node, as solc prints it; see `nodeType` for its kind."""

_KIND = re.compile(r"t_(type|function_[a-z0-9]+)")


def kind_of(node: Node | None) -> str:
    """The node's kind, such as ``"FunctionCall"``; empty for None."""
    return str(node["nodeType"]) if node else ""


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below one, in the order of the source."""
    for value in node.values():
        if isinstance(value, dict):
            if "nodeType" in value:
                yield value
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, dict) and "nodeType" in one:
                    yield one


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it; parents first."""
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        pending.extend(reversed(list(children(one))))


def type_of(node: Node | None) -> str:
    """The type as the compiler spells it, such as ``"uint256"``; empty if it has none."""
    return str(((node or {}).get("typeDescriptions") or {}).get("typeString") or "")


def call_kind(node: Node) -> str:
    """What a call calls; empty if it is not known.

    ``external``, ``barecall``, ``transfer``, ``send``, ``internal``, ``require``, ``type`` (a
    conversion), ``struct`` and so on.
    """
    if node.get("kind") == "structConstructorCall" and kind_of(node["expression"]) != (
        "ElementaryTypeNameExpression"
    ):
        return "struct"
    if node.get("kind") in ("typeConversion", "structConstructorCall"):
        return "type"
    name = (node["expression"].get("typeDescriptions") or {}).get("typeIdentifier") or ""
    found = _KIND.match(name)
    return found[1].removeprefix("function_") if found else ""


def peeled(node: Node) -> Node:
    """The expression without parentheses and conversions around it."""
    while True:
        if kind_of(node) == "TupleExpression" and len(node["components"]) == 1:
            inner = node["components"][0]
        elif (
            kind_of(node) == "FunctionCall"
            and call_kind(node) == "type"
            and len(node["arguments"]) == 1
        ):
            inner = node["arguments"][0]
        else:
            return node
        if inner is None:
            return node
        node = inner


def spell(node: Node | None) -> str:  # noqa: PLR0911 - one way a kind
    """One spelling for expressions that are the same but for spaces, parentheses and casts."""
    if node is None:
        return ""
    node = peeled(node)
    kind = kind_of(node)
    if kind == "Identifier":
        return str(node["name"])
    if kind == "Literal":
        return str(node.get("value") or node.get("hexValue"))
    if kind == "MemberAccess":
        return f"{spell(node['expression'])}.{node['memberName']}"
    if kind == "IndexAccess":
        return f"{spell(node['baseExpression'])}[{spell(node['indexExpression'])}]"
    if kind == "BinaryOperation":
        return (
            f"({spell(node['leftExpression'])}{node['operator']}{spell(node['rightExpression'])})"
        )
    if kind == "UnaryOperation":
        return f"{node['operator']}{spell(node['subExpression'])}"
    if kind in ("FunctionCall", "FunctionCallOptions"):
        rest = node.get("arguments") or node.get("options") or []
        return f"{spell(node['expression'])}({','.join(spell(one) for one in rest)})"
    return f"{kind}({','.join(spell(one) for one in children(node))})"


class Text:
    r"""A source text, and the lines of its nodes.

    >>> Text("a\nbc\n").line(2)
    2
    """

    def __init__(self, content: str) -> None:
        raw = content.encode()
        self._starts = [0, *(found.end() for found in re.finditer(rb"\n", raw))]
        self.rows = content.split("\n")

    def line(self, offset: int) -> int:
        """Line, from 1, of a byte offset."""
        return bisect_right(self._starts, offset)

    def lines(self, node: Node) -> tuple[int, ...]:
        """Lines from the node's first to its last."""
        start, length, _ = (int(part) for part in node["src"].split(":"))
        return tuple(range(self.line(start), self.line(start + max(length - 1, 0)) + 1))

    def first(self, node: Node) -> int:
        """The node's first line."""
        return self.line(int(node["src"].split(":")[0]))
