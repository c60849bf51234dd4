"""Statements: an entry is walked once, every call inside it followed, and its events recorded.

Vyper has neither recursion nor ``goto``: following every inner call gives a finite graph in which
each guard, lock and value is seen in its context. A function that is too long for that has its
later calls summed up from what the compiler says they read and write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from counterpoise.audit.vyper.evaluate import Cut
from counterpoise.audit.vyper.events import Call, Entry, Place
from counterpoise.audit.vyper.loops import Looper, nodes_of
from counterpoise.audit.vyper.program import Function, Node, Program
from counterpoise.audit.vyper.state import assume, join
from counterpoise.audit.vyper.values import Value

__all__ = ["walk"]

FOLLOWED = 3_000
"""Events of one entry after which inner calls are summed up instead of followed."""


def walk(program: Program, function: Function) -> Entry:
    """Everything that can happen when a function is called from outside."""
    walker = Walker(program, function)
    walker.run()
    return walker.entry


class Walker(Looper):
    """Walks the statements of one entry."""

    def __init__(self, program: Program, function: Function) -> None:
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
                self, f"_do_{statement['ast_type'].lower()}", None
            )
            if handler is not None:
                handler(statement)

    def _do_expr(self, node: Node) -> None:
        self.evaluate(node["value"])

    def _do_annassign(self, node: Node) -> None:
        source = self.function[-1].key[0]
        self.state.env[source, node["node_id"]] = self.evaluate(node["value"])

    def _do_assign(self, node: Node) -> None:
        self._assign(node["target"], self.evaluate(node["value"]), node)

    def _do_augassign(self, node: Node) -> None:
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

    def _do_log(self, node: Node) -> None:
        self.happen("log", node, self.evaluate(node["value"]))

    def _do_assert(self, node: Node) -> None:
        test = self.evaluate(node["test"])
        self.happen("test", node, test)
        self.dead = assume(self.state, test, True) is None

    def _do_raise(self, node: Node) -> None:
        self.dead = True

    def _do_return(self, node: Node) -> None:
        nothing = self.values.literal("nothing")
        value = nothing if node["value"] is None else self.evaluate(node["value"])
        self.happen("return", node, value)
        self.returns[-1].append((self.state, value))
        self.dead = True

    def _do_break(self, node: Node) -> None:
        self.around[-1].breaks.append(self.state)
        self.dead = True

    def _do_continue(self, node: Node) -> None:
        self.around[-1].continues.append(self.state)
        self.dead = True

    def _do_if(self, node: Node) -> None:
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


def _calls_out(node: Node) -> Iterator[bool]:
    """Whether a body calls out itself; calls further in are not looked at, so at least this."""
    return (one["ast_type"] in ("ExtCall",) or _names(one, "raw_call") for one in nodes_of(node))


def _names(node: Node, name: str) -> bool:
    return bool(node["ast_type"] == "Name" and node.get("id") == name)
