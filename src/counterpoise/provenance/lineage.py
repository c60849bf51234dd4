"""Lineage: what a thing was made from, as a tree of digests and the statements about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Node:
    """What the log says of one digest.

    Parameters
    ----------
    name :
        As its statements call it.
    statements :
        Position in the log and kind of each statement about it.
    inputs :
        Role and digest of what it was made from.
    """

    name: str
    statements: tuple[tuple[int, str], ...]
    inputs: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A digest, what is stated about it, and what it was made from.

    Parameters
    ----------
    digest :
        SHA-256 of the thing, 32 bytes.
    name :
        As its statements call it; empty where the log says nothing of it.
    role :
        What it was for its parent; empty at the top.
    statements :
        Position in the log and kind of each statement about it.
    children :
        What it was made from.
    shown_above :
        Whether its children were left out here because they stand further up.
    cut :
        Whether they were left out because they are deeper than was asked for.
    """

    digest: bytes
    name: str
    role: str
    statements: tuple[tuple[int, str], ...] = ()
    children: tuple[Tree, ...] = ()
    shown_above: bool = False
    cut: bool = False

    def size(self) -> int:
        """Number of nodes."""
        return 1 + sum(child.size() for child in self.children)

    def to_record(self) -> dict[str, object]:
        """Give the tree as JSON."""
        return {
            "digest": self.digest.hex(),
            "name": self.name,
            "role": self.role,
            "statements": [{"entry": at, "kind": kind} for at, kind in self.statements],
            "children": [child.to_record() for child in self.children],
            "shown_above": self.shown_above,
            "cut": self.cut,
        }

    def render(self, *, most: int = 12) -> str:
        """Give the tree as plain text, with at most so many children of each node."""
        return "\n".join(_lines(self, "", "", most))

    def __str__(self) -> str:
        return self.render()


def grow(digest: bytes, nodes: Mapping[bytes, Node], depth: int) -> Tree:
    """Make the tree below a digest; a node that comes again is shown once."""
    return _grow(digest, "", nodes, set(), depth)


def _grow(
    digest: bytes, role: str, nodes: Mapping[bytes, Node], seen: set[bytes], depth: int
) -> Tree:
    node = nodes.get(digest)
    if node is None:
        return Tree(digest, "", role)
    tree = Tree(digest, node.name, role, node.statements)
    if digest in seen:
        return replace(tree, shown_above=bool(node.inputs))
    if depth == 0:
        return replace(tree, cut=bool(node.inputs))
    seen.add(digest)
    children = (_grow(child, name, nodes, seen, depth - 1) for name, child in node.inputs)
    return replace(tree, children=tuple(children))


def _lines(tree: Tree, first: str, rest: str, most: int) -> list[str]:
    kinds = ", ".join(f"{kind} #{at}" for at, kind in tree.statements)
    label = " ".join(filter(None, (tree.role and f"{tree.role}:", tree.name)))
    note = " (see above)" if tree.shown_above else " (goes deeper)" if tree.cut else ""
    lines = [
        f"{first}{label or '?'}  {tree.digest.hex()[:12]}  [{kinds or 'not in the log'}]{note}"
    ]
    children: Sequence[Tree] = tree.children[:most]
    left = len(tree.children) - len(children)
    for at, child in enumerate(children):
        last = at == len(children) - 1 and not left
        lines += _lines(
            child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "), most
        )
    if left:
        lines.append(f"{rest}└─ and {left} more")
    return lines
