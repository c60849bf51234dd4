"""The storage that expressions name, through members, indices and local pointers."""

from __future__ import annotations

from counterpoise.audit.solidity.contracts import Contract
from counterpoise.audit.solidity.graph import Frame, Graph, Place
from counterpoise.audit.solidity.tree import Node, kind_of, peeled, type_of

__all__ = ["place_of"]


def place_of(node: Node, frame: Frame, graph: Graph, contract: Contract) -> Place | None:  # noqa: PLR0911 - one way a kind
    """The storage that an expression names; None where it is not storage."""
    node = peeled(node)
    kind = kind_of(node)
    if kind == "Identifier":
        return _named(node, frame, graph, contract)
    if kind == "IndexAccess":
        base = place_of(node["baseExpression"], frame, graph, contract)
        key = node.get("indexExpression")
        if base is None or key is None:
            return base
        return Place(base.variable, (*base.path, "[]"), (*base.keys, (key, frame)))
    if kind == "MemberAccess":
        owner = type_of(node["expression"])
        if "storage" not in owner and node["memberName"] != "length":
            return None
        base = place_of(node["expression"], frame, graph, contract)
        if base is None:
            return None
        return Place(base.variable, (*base.path, "." + node["memberName"]), base.keys)
    if kind == "FunctionCall" and "storage" in type_of(node):
        inner = graph.inlined.get((frame.number, node["id"]))
        for value, where in inner.returns if inner else ():
            return place_of(value, where, graph, contract)
    return None


def _named(node: Node, frame: Frame, graph: Graph, contract: Contract) -> Place | None:
    declared = node.get("referencedDeclaration") or -1
    if declared in contract.state:
        return Place(declared) if not contract.state[declared].get("constant") else None
    if "storage" not in type_of(node):
        return None
    known = [frame.bound[declared]] if declared in frame.bound else []
    known += [one[:2] for one in graph.defined.get((frame.number, declared), ())]
    key = (frame.number, declared)
    if not known or key in graph.resolving:
        return None
    graph.resolving.add(key)
    try:
        return place_of(*known[0], graph, contract)
    finally:
        graph.resolving.discard(key)
