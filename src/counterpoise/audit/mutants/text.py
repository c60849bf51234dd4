"""A source with its syntax tree, and edits of it by place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Node = dict[str, Any]

__all__ = ["Node", "Text", "compares_caller", "contains", "nodes"]


def nodes(tree: object) -> Iterator[Node]:
    """Every node of a tree, parents first."""
    if isinstance(tree, dict):
        if "ast_type" in tree:
            yield tree
        for key, inner in tree.items():
            if key not in ("type", "variable_reads", "variable_writes", "import_info"):
                yield from nodes(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from nodes(inner)


def contains(tree: object, owner: str, attribute: str) -> bool:
    """Whether ``owner.attribute`` stands in a tree."""
    for node in nodes(tree):
        named = node["ast_type"] == "Attribute" and node["attr"] == attribute
        if named and node["value"].get("id") == owner:
            return True
    return False


def compares_caller(node: Node) -> bool:
    """Whether a comparison for equality has ``msg.sender`` itself, converted or not, as a side."""
    if node["ast_type"] != "Compare" or node["op"]["ast_type"] not in ("Eq", "In"):
        return False
    return any(_is_caller(side) for side in (node["left"], node["right"]))


def _is_caller(node: Node) -> bool:
    if node["ast_type"] == "Call" and node["func"].get("id") == "convert":
        return _is_caller(node["args"][0])
    return bool(node["ast_type"] == "Attribute" and node["attr"] == "sender")


@dataclass
class Text:
    """A Vyper source and its annotated tree.

    Parameters
    ----------
    path :
        Relative to the project's root.
    source :
        The text.
    tree :
        The annotated AST of this one module.
    """

    path: str
    source: str = field(repr=False)
    tree: Node = field(repr=False)

    @cached_property
    def rows(self) -> list[str]:
        """The lines, with their ends."""
        return self.source.splitlines(keepends=True)

    @cached_property
    def functions(self) -> list[Node]:
        """The functions with a body, in order."""
        return [one for one in self.tree["body"] if one["ast_type"] == "FunctionDef"]

    def outer(self) -> list[Node]:
        """The functions that anyone may call and that may change state."""
        return [
            one
            for one in self.functions
            if "external" in decorators(one) and not {"view", "pure"} & decorators(one)
        ]

    def named(self, name: str) -> Node | None:
        """The function of one name."""
        return next((one for one in self.functions if one["name"] == name), None)

    def get(self, node: Node) -> str:
        """The text of a node."""
        start, end = self._span(node)
        return self.source[start:end]

    def put(self, node: Node, new: str) -> str:
        """The source with another text in a node's place."""
        start, end = self._span(node)
        return self.source[:start] + new + self.source[end:]

    def without(self, statement: Node) -> str:
        """The source with a statement replaced by one that does nothing."""
        return self.put(statement, "pass")

    def after(self, line: int, new: str) -> str:
        """The source with text put in after a line."""
        return "".join(self.rows[:line]) + new + "".join(self.rows[line:])

    def indent(self, node: Node) -> str:
        """The spaces before a statement."""
        return " " * int(node["col_offset"])

    def _span(self, node: Node) -> tuple[int, int]:
        return (
            self._offset(node["lineno"], node["col_offset"]),
            self._offset(node["end_lineno"], node["end_col_offset"]),
        )

    def _offset(self, line: int, column: int) -> int:
        row = self.rows[line - 1].encode()[:column].decode()
        return sum(map(len, self.rows[: line - 1])) + len(row)


def decorators(function: Node) -> set[str]:
    """Names of a function's decorators."""
    return {
        str(one.get("id") or one.get("func", {}).get("id")) for one in function["decorator_list"]
    }
