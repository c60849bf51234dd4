"""Loops: a body is walked twice, once to learn what it changes, once with what that means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from counterpoise.audit.vyper.calls import Caller
from counterpoise.audit.vyper.events import Entry
from counterpoise.audit.vyper.program import Key, Node, Program
from counterpoise.audit.vyper.state import State, join
from counterpoise.audit.vyper.values import Value

__all__ = ["Looper", "nodes_of"]


@dataclass(slots=True)
class Loop:
    """Where the paths out of a loop's body gather."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


class Looper(Caller):
    """Walks loops; what is in their bodies is walked by `block`."""

    def __init__(self, program: Program, entry: Entry) -> None:
        super().__init__(program, entry)
        self.returns: list[list[tuple[State, Value]]] = []
        self.around: list[Loop] = []

    def block(self, statements: Sequence[Node]) -> None:
        """Walk statements until the path ends."""
        raise NotImplementedError

    def _do_for(self, node: Node) -> None:
        over = self._iterated(node["iter"])
        uid = self.values.new_uid()
        head = self.happen("loop", node, over)
        target = node["target"]
        source = self.function[-1].key[0]
        self.state.env[source, target["node_id"]] = self.values.make("element", "", over, uid=uid)
        start = self.state.copy()
        changed = [key for key in _assigned(node["body"]) if key in start.env]
        again = {key: self.values.make("again", "", uid=self.values.new_uid()) for key in changed}
        ends = self._turn(node, start, again, over)
        del self.entry.events[head.id + 1 :], self.entry.after[head.id + 1 :]
        self.entry.after[head.id].clear()
        carried = {
            key: self.values.make(
                "phi",
                "loop",
                start.env[key],
                *{id(end.env[key]): end.env[key] for end in ends}.values(),
                kind=start.env[key].kind,
                uid=uid,
            )
            for key in changed
        }
        loop = Loop()
        self._turn(node, start, carried, over, loop)
        after = start.copy()
        after.env.update(carried)
        self.state = join(self.values, [after, *loop.breaks]) or after
        self.dead = False

    def _turn(
        self,
        node: Node,
        start: State,
        carried: dict[Key, Value],
        over: Value,
        loop: Loop | None = None,
    ) -> list[State]:
        """Walk a loop's body once; give the states in which the next turn begins."""
        gathered = loop or Loop()
        self.state, self.dead = start.copy(), False
        self.state.env.update(carried)
        (head,) = start.last
        self.around.append(gathered)
        self.loops.append((head, over))
        returned = len(self.returns[-1])
        self.block(node["body"])
        self.loops.pop()
        self.around.pop()
        ends = [*gathered.continues, *([] if self.dead else [self.state])]
        if loop is None:
            del self.returns[-1][returned:]
        else:
            for end in ends:
                for last in end.last:
                    self.entry.after[last].add(head)
        return ends

    def _iterated(self, node: Node) -> Value:
        if node["ast_type"] != "Call" or node["func"].get("id") != "range":
            return self.evaluate(node)
        args = [self.evaluate(one) for one in node["args"]]
        bounds = [self.evaluate(one["value"]) for one in node["keywords"]]
        return self.values.make("range", "bound" if bounds else "", *args, *bounds)


def _assigned(statements: Sequence[Node]) -> list[Key]:
    """The declarations of local variables that statements assign to, each once, in order."""
    found: dict[Key, None] = {}
    for node in nodes_of(statements):
        if node.get("ast_type") in ("Assign", "AugAssign", "Call"):
            whole = node["target"] if "target" in node else node["func"]
            for target in whole["elements"] if whole["ast_type"] == "Tuple" else [whole]:
                root = target
                while root["ast_type"] in ("Attribute", "Subscript"):
                    root = root["value"]
                for used in root.get("variable_reads", ()):
                    decl = used["decl_node"]
                    if decl:
                        found[decl["source_id"], decl["node_id"]] = None
    return list(found)


def nodes_of(tree: object) -> Iterator[Node]:
    """Every node of a tree, parents first."""
    if isinstance(tree, dict):
        if "ast_type" in tree:
            yield tree
        for key, inner in tree.items():
            if key not in ("type", "variable_reads", "variable_writes"):
                yield from nodes_of(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from nodes_of(inner)
