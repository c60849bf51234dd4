"""Statements: an entry is walked once, every call inside it followed, and its events recorded.

Vyper has neither recursion nor ``goto``: following every inner call gives a finite graph in which
each guard, lock and value is seen in its context. A function that is too long for that has its
later calls summed up from what the compiler says they read and write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from counterpoise.audit.vyper.calls import Caller
from counterpoise.audit.vyper.evaluate import Cut
from counterpoise.audit.vyper.events import Call, Entry
from counterpoise.audit.vyper.program import Function, Key, Node, Program
from counterpoise.audit.vyper.state import State, assume, join
from counterpoise.audit.vyper.values import Value

__all__ = ["walk"]

FOLLOWED = 3_000
"""Events of one entry after which inner calls are summed up instead of followed."""


@dataclass(slots=True)
class Loop:
    """Where the paths out of a loop's body gather."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


def walk(program: Program, function: Function) -> Entry:
    """Everything that can happen when a function is called from outside."""
    walker = Walker(program, function)
    walker.run()
    return walker.entry


class Walker(Caller):
    """Walks the statements of one entry."""

    def __init__(self, program: Program, function: Function) -> None:
        from counterpoise.audit.vyper.events import Place

        entry = Entry(
            function.name,
            Place(function.path, function.line, function.name),
            function.is_view,
            "payable" in function.decorators,
            function.name == "__init__",
            function.is_locked,
        )
        super().__init__(program, entry)
        self.top = function
        self.returns: list[list[tuple[State, Value]]] = []
        self.around: list[Loop] = []

    def run(self) -> None:
        """Walk from the first line to every end."""
        parameters = [self.values.make("param", n, kind=k) for n, _, k in self.top.parameters]
        try:
            self._body_of(self.top, parameters)
        except Cut:
            self.entry.cut = True
        self.entry.ends = self.state.facts if not self.dead else frozenset()

    def inline(self, function: Function, args: list[Value], node: Node) -> Value:
        """Follow a call inside the contract; far in, only sum it up."""
        if len(self.entry.events) > FOLLOWED:
            return self._summed_up(function, node)
        self.frames.append(self.place(node))
        try:
            return self._body_of(function, args)
        finally:
            self.frames.pop()

    def _body_of(self, function: Function, args: Sequence[Value]) -> Value:
        self.function.append(function)
        self.locks.append(function.is_locked)
        self.returns.append([])
        around, self.around = self.around, []
        for (_, key, _), value in zip(function.parameters, args, strict=True):
            self.state.env[key] = value
        self.block(function.node["body"])
        nothing = self.values.literal("nothing")
        ends = self.returns.pop()
        if not self.dead:
            ends.append((self.state, nothing))
        joined = join(self.values, [state for state, _ in ends])
        self.dead = joined is None
        self.state = joined or self.state
        self.around = around
        self.locks.pop()
        self.function.pop()
        return self.values.phi(*(value for _, value in ends)) if ends else nothing

    def _summed_up(self, function: Function, node: Node) -> Value:
        for kind, used in (("read", "variable_reads"), ("write", "variable_writes")):
            for one in node["func"].get(used, ()):
                decl = one["decl_node"] or {}
                found = self.program.variables.get(
                    (decl.get("source_id", -9), decl.get("node_id", -9))
                )
                if found is not None and found.is_stored:
                    slot = self.values.make("load", found.name, kind=found.kind)
                    unknown = self.values.make("unknown", "summary", uid=self.values.new_uid())
                    self.happen(kind, node, slot, new=unknown if kind == "write" else None)
        result = self.values.make("result", function.name, uid=self.values.new_uid())
        if any(_calls_out(function.node)):
            target = self.values.make("unknown", "summary", uid=self.values.new_uid())
            call = Call("extcall", target, function.name, ())
            self.happen("call", node, result, call=call)
        return result

    # Statements

    def block(self, statements: Sequence[Node]) -> None:
        """Walk statements until the path ends."""
        for statement in statements:
            if self.dead:
                return
            handler: Callable[[Node], None] | None = getattr(
                self, f"_do_{statement['ast_type']}", None
            )
            if handler is not None:
                handler(statement)

    def _do_Expr(self, node: Node) -> None:  # noqa: N802
        self.evaluate(node["value"])

    def _do_AnnAssign(self, node: Node) -> None:  # noqa: N802
        source = self.function[-1].key[0]
        self.state.env[source, node["node_id"]] = self.evaluate(node["value"])

    def _do_Assign(self, node: Node) -> None:  # noqa: N802
        self._assign(node["target"], self.evaluate(node["value"]), node)

    def _do_AugAssign(self, node: Node) -> None:  # noqa: N802
        value = self.evaluate(node["value"])
        old = self.evaluate(node["target"])
        op = node["op"]["ast_type"]
        new = self.values.binary(op, old, value, old.kind)
        if new.op == "bin":
            self.happen("op", node, new)
        self._assign(node["target"], new, node)

    def _assign(self, target: Node, value: Value, node: Node) -> None:
        if target["ast_type"] == "Tuple":
            for index, one in enumerate(target["elements"]):
                whole = value.op == "tuple" and index < len(value.args)
                part = value.args[index] if whole else None
                self._assign(one, part or self.values.make("item", str(index), value), node)
            return
        slot = self.slot(target)
        if slot is not None:
            self.happen("write", node, slot, new=value)
            return
        if target["ast_type"] == "Name":
            key = self.declaration(target)
            if key is not None and key not in self.program.variables:
                self.state.env[key] = value
            elif key is not None:
                place = self.values.make("immutable", self.program.variables[key].name)
                self.happen("set", node, place, new=value)
            return
        self._change(target, value)

    def _change(self, target: Node, value: Value) -> None:
        """Assign to a part of a local struct or list."""
        old = self.evaluate(target["value"])
        if target["ast_type"] == "Attribute" and old.op == "struct":
            names = old.tag.split(",")
            parts = [
                value if name == target["attr"] else arg
                for name, arg in zip(names, old.args, strict=True)
            ]
            new = self.values.make("struct", old.tag, *parts, kind=old.kind)
        else:
            new = self.values.make("changed", "", old, value, kind=old.kind)
        if target["value"]["ast_type"] == "Name":
            key = self.declaration(target["value"])
            if key is not None:
                self.state.env[key] = new
        elif target["value"]["ast_type"] in ("Attribute", "Subscript"):
            self._change(target["value"], new)

    def _do_Log(self, node: Node) -> None:  # noqa: N802
        self.happen("log", node, self.evaluate(node["value"]))

    def _do_Assert(self, node: Node) -> None:  # noqa: N802
        test = self.evaluate(node["test"])
        self.happen("test", node, test)
        self.dead = assume(self.state, test, True) is None

    def _do_Raise(self, node: Node) -> None:  # noqa: N802
        self.dead = True

    def _do_Return(self, node: Node) -> None:  # noqa: N802
        nothing = self.values.literal("nothing")
        value = nothing if node["value"] is None else self.evaluate(node["value"])
        self.happen("return", node, value)
        self.returns[-1].append((self.state, value))
        self.dead = True

    def _do_Break(self, node: Node) -> None:  # noqa: N802
        self.around[-1].breaks.append(self.state)
        self.dead = True

    def _do_Continue(self, node: Node) -> None:  # noqa: N802
        self.around[-1].continues.append(self.state)
        self.dead = True

    def _do_If(self, node: Node) -> None:  # noqa: N802
        test = self.evaluate(node["test"])
        self.happen("test", node, test)
        ends = []
        start = self.state
        for branch, truth in (("body", True), ("orelse", False)):
            state = assume(start.copy(), test, truth)
            if state is None:
                continue
            self.state, self.dead = state, False
            self.block(node[branch] or ())
            if not self.dead:
                ends.append(self.state)
        joined = join(self.values, ends)
        self.dead = joined is None
        self.state = joined or start

    def _do_For(self, node: Node) -> None:  # noqa: N802
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
    for node in _all(statements):
        if node.get("ast_type") in ("Assign", "AugAssign", "Call"):
            whole = node["target"] if "target" in node else node["func"]
            for target in whole["elements"] if whole["ast_type"] == "Tuple" else [whole]:
                while target["ast_type"] in ("Attribute", "Subscript"):
                    target = target["value"]
                for used in target.get("variable_reads", ()):
                    decl = used["decl_node"]
                    if decl:
                        found[decl["source_id"], decl["node_id"]] = None
    return list(found)


def _all(tree: object) -> Iterator[Node]:
    if isinstance(tree, dict):
        if "ast_type" in tree:
            yield tree
        for key, inner in tree.items():
            if key not in ("type", "variable_reads", "variable_writes"):
                yield from _all(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _all(inner)


def _calls_out(node: Node) -> Iterator[bool]:
    """Whether a body calls out itself; calls further in are not looked at, so at least this."""
    return (one["ast_type"] in ("ExtCall",) or _names(one, "raw_call") for one in _all(node))


def _names(node: Node, name: str) -> bool:
    return bool(node["ast_type"] == "Name" and node.get("id") == name)
