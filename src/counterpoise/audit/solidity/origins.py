"""Where values come from: the caller, the block, storage; and what a test tells about them."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.calls import LEAVING
from counterpoise.audit.solidity.contracts import Contract
from counterpoise.audit.solidity.expressions import place_of
from counterpoise.audit.solidity.graph import Frame, Graph, Place, Vertex
from counterpoise.audit.solidity.tree import Node, call_kind, children, kind_of, peeled, type_of

__all__ = ["Fact", "Origins"]

Fact = tuple[Node, bool, Frame]
"""An expression that is known to hold, or not to hold; and the frame it is written in."""

MAGIC = {
    ("msg", "sender"): "sender",
    ("msg", "value"): "value",
    ("msg", "data"): "input",
    ("msg", "sig"): "input",
    ("tx", "origin"): "origin",
    ("block", "timestamp"): "time",
    ("block", "number"): "number",
    ("block", "coinbase"): "miner",
    ("block", "difficulty"): "miner",
    ("block", "prevrandao"): "miner",
    ("block", "gaslimit"): "miner",
}
NAMED = {"now": "time", "this": "self"}
HASHES = {"sha3", "keccak256", "sha256", "ripemd160"}
NOTHING: frozenset[str] = frozenset()


class Origins:
    """Origins of the expressions of one graph, from all that a variable is ever set to.

    An origin is ``sender``, ``value``, ``input``, ``origin``, ``time``, ``number``, ``miner`` (what
    a block's maker chooses), ``blockhash``, ``balance``, ``self``, ``constant``, ``parameter``
    (the caller chose it), ``state:ID``, ``outside`` (another contract answered), ``hash`` or
    ``signer`` (recovered from a signature).
    """

    def __init__(self, contract: Contract, graph: Graph) -> None:
        self.contract = contract
        self.graph = graph
        self._known: dict[tuple[int, int], frozenset[str]] = {}
        self._open: set[tuple[int, int]] = set()

    def of(self, node: Node | None, frame: Frame) -> frozenset[str]:
        """Origins of an expression written in a frame."""
        if node is None:
            return NOTHING
        key = (frame.number, node["id"])
        if key in self._known:
            return self._known[key]
        if key in self._open:
            return NOTHING
        self._open.add(key)
        found = self._of(peeled(node), frame)
        self._open.discard(key)
        if not self._open:
            self._known[key] = found
        return found

    def place(self, node: Node, frame: Frame) -> Place | None:
        """The storage that an expression names."""
        return place_of(node, frame, self.graph, self.contract)

    def _of(self, node: Node, frame: Frame) -> frozenset[str]:
        kind = kind_of(node)
        if kind == "Literal":
            return frozenset({"constant"})
        if kind == "Identifier":
            return self._identifier(node, frame)
        if kind == "MemberAccess":
            return self._member(node, frame)
        if kind == "FunctionCall":
            return self._call(node, frame)
        place = self.place(node, frame)
        if place is not None:
            return frozenset({f"state:{place.variable}"})
        if kind == "IndexAccess":
            return self.of(node["baseExpression"], frame)
        if kind == "Assignment":
            return self.of(node["rightHandSide"], frame)
        return self._union(children(node), frame)

    def _union(self, nodes: Iterator[Node], frame: Frame) -> frozenset[str]:
        return NOTHING.union(*(self.of(one, frame) for one in nodes))

    def _identifier(self, node: Node, frame: Frame) -> frozenset[str]:
        declared = node.get("referencedDeclaration") or -1
        if declared in self.contract.state:
            fixed = self.contract.state[declared].get("constant")
            return frozenset({"constant"} if fixed else {f"state:{declared}"})
        if node["name"] in NAMED and declared not in self.contract.unit.nodes:
            return frozenset({NAMED[node["name"]]})
        known = [frame.bound[declared]] if declared in frame.bound else []
        known += [one[:2] for one in self.graph.defined.get((frame.number, declared), ())]
        if known:
            return NOTHING.union(*(self.of(*one) for one in known))
        variable = self.contract.unit.nodes.get(declared)
        if (frame.number, declared) in self.graph.defined or variable is None:
            return frozenset({"constant"})  # zero, from its declaration
        return frozenset({"parameter"})

    def _member(self, node: Node, frame: Frame) -> frozenset[str]:
        base = peeled(node["expression"])
        magic = MAGIC.get((base.get("name", ""), node["memberName"]))
        if magic and base.get("referencedDeclaration", -1) not in self.contract.unit.nodes:
            return frozenset({magic})
        if node["memberName"] == "balance" and type_of(base).startswith(("address", "contract")):
            mine = self.of(base, frame) == {"self"}
            return frozenset({"balance" if mine else "outside"})
        place = self.place(node, frame)
        if place is not None:
            return frozenset({f"state:{place.variable}"})
        return self.of(base, frame)

    def _call(self, node: Node, frame: Frame) -> frozenset[str]:
        kind = call_kind(node)
        inner = self.graph.inlined.get((frame.number, node["id"]))
        if inner is not None:
            return NOTHING.union(*(self.of(*one) for one in inner.returns))
        if kind in HASHES:
            return self._union(iter(node["arguments"]), frame) | {"hash"}
        if kind == "blockhash":
            return frozenset({"blockhash"})
        if kind == "ecrecover":
            return frozenset({"signer"})
        if kind in LEAVING:
            return frozenset({"outside"})
        given = self._union(iter(node["arguments"]), frame)
        if kind in ("objectcreation", "gasleft"):
            return frozenset({"constant"})
        return given or frozenset({"outside"})

    def facts(self, vertex: Vertex, outcome: bool) -> Iterator[Fact]:
        """What is known after a test had an outcome, down to single comparisons."""
        yield from self._facts(vertex.node, outcome, vertex.frame, 0)

    def _facts(self, node: Node, holds: bool, frame: Frame, depth: int) -> Iterator[Fact]:
        node = peeled(node)
        kind, operator = kind_of(node), node.get("operator")
        if kind == "UnaryOperation" and operator == "!":
            yield from self._facts(node["subExpression"], not holds, frame, depth)
        elif kind == "BinaryOperation" and operator == ("&&" if holds else "||"):
            yield from self._facts(node["leftExpression"], holds, frame, depth)
            yield from self._facts(node["rightExpression"], holds, frame, depth)
        else:
            yield (node, holds, frame)
            yield from self._behind(node, holds, frame, depth)

    def _behind(self, node: Node, holds: bool, frame: Frame, depth: int) -> Iterator[Fact]:
        """Facts behind the answer of a function, or behind a local variable."""
        if depth > 4:
            return
        inner = self.graph.inlined.get((frame.number, node["id"]))
        known = list(inner.returns) if inner else []
        declared = node.get("referencedDeclaration") or -1
        if kind_of(node) == "Identifier" and declared not in self.contract.state:
            known += [frame.bound[declared]] if declared in frame.bound else []
            known += [one[:2] for one in self.graph.defined.get((frame.number, declared), ())]
        if len(known) == 1:
            yield from self._facts(known[0][0], holds, known[0][1], depth + 1)
