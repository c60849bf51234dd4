"""Where values come from: the caller, the block, storage; and what a test tells about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterpoise.audit.solidity.calls import LEAVING
from counterpoise.audit.solidity.contracts import Contract
from counterpoise.audit.solidity.graph import Frame, Graph, Place, Vertex
from counterpoise.audit.solidity.places import place_of
from counterpoise.audit.solidity.tree import Node, call_kind, children, kind_of, peeled, type_of

__all__ = ["Fact", "Origins"]

Fact = tuple[Node, bool, Frame]
"""An expression that is known to hold, or not to hold; and the frame it is written in."""

Step = tuple[tuple[str, ...], Sequence[tuple[Node, Frame]]]

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

    def of(self, node: Node | None, frame: Frame) -> frozenset[str]:
        """Origins of an expression written in a frame."""
        if node is None:
            return NOTHING
        top = (frame.number, node["id"])
        if top not in self._known:
            found: set[str] = set()
            seen = {top}
            pending = [(node, frame)]
            while pending:
                atoms, onward = self._step(*pending.pop())
                found.update(atoms)
                for one, where in onward:
                    key = (where.number, one["id"])
                    if key not in seen:
                        seen.add(key)
                        pending.append((one, where))
            self._known[top] = frozenset(found)
        return self._known[top]

    def place(self, node: Node, frame: Frame) -> Place | None:
        """The storage that an expression names."""
        return place_of(node, frame, self.graph, self.contract)

    def _step(self, node: Node, frame: Frame) -> Step:  # noqa: PLR0911 - one way a kind
        """Origins that an expression has by itself, and the expressions that it is made of."""
        node = peeled(node)
        kind = kind_of(node)
        if kind == "Literal":
            return ("constant",), ()
        if kind == "Identifier":
            return self._identifier(node, frame)
        if kind == "MemberAccess":
            return self._member(node, frame)
        if kind == "FunctionCall":
            return self._call(node, frame)
        place = self.place(node, frame) if kind == "IndexAccess" else None
        if place is not None:
            return (f"state:{place.variable}",), ()
        if kind == "IndexAccess":
            return (), ((node["baseExpression"], frame),)
        if kind == "Assignment":
            return (), ((node["rightHandSide"], frame),)
        return (), tuple((one, frame) for one in children(node))

    def _identifier(self, node: Node, frame: Frame) -> Step:
        declared = node.get("referencedDeclaration") or -1
        if declared in self.contract.state:
            fixed = self.contract.state[declared].get("constant")
            return ("constant" if fixed else f"state:{declared}",), ()
        if node["name"] in NAMED and declared not in self.contract.unit.nodes:
            return (NAMED[node["name"]],), ()
        known = self.known(declared, frame)
        if known:
            return (), known
        variable = self.contract.unit.nodes.get(declared)
        if (frame.number, declared) in self.graph.defined or variable is None:
            return ("constant",), ()  # zero, from its declaration
        return ("parameter",), ()

    def known(self, declared: int, frame: Frame) -> list[tuple[Node, Frame]]:
        """What a parameter is bound to, or a local variable is ever set to."""
        known = [frame.bound[declared]] if declared in frame.bound else []
        known += [one[:2] for one in self.graph.defined.get((frame.number, declared), ())]
        return known

    def _member(self, node: Node, frame: Frame) -> Step:
        base = peeled(node["expression"])
        magic = MAGIC.get((base.get("name", ""), node["memberName"]))
        if magic and base.get("referencedDeclaration", -1) not in self.contract.unit.nodes:
            return (magic,), ()
        if node["memberName"] == "balance" and type_of(base).startswith(("address", "contract")):
            return ("balance" if base.get("name") == "this" else "outside",), ()
        place = self.place(node, frame)
        if place is not None:
            return (f"state:{place.variable}",), ()
        return (), ((base, frame),)

    def _call(self, node: Node, frame: Frame) -> Step:  # noqa: PLR0911 - one way a kind
        kind = call_kind(node)
        inner = self.graph.inlined.get((frame.number, node["id"]))
        given = tuple((one, frame) for one in node["arguments"])
        if inner is not None:
            return (), tuple(inner.returns)
        if kind in HASHES:
            return ("hash",), given
        if kind == "blockhash":
            return ("blockhash",), ()
        if kind == "ecrecover":
            return ("signer",), ()
        if kind in LEAVING:
            return ("outside",), ()
        if kind in ("objectcreation", "gasleft"):
            return ("constant",), ()
        return ((), given) if given else (("outside",), ())

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
            known += self.known(declared, frame)
        if len(known) == 1:
            yield from self._facts(known[0][0], holds, known[0][1], depth + 1)
