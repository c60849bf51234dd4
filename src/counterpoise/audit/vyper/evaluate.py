"""Expressions: from the annotated AST to symbolic values, with what happens on the way."""

from __future__ import annotations

from collections.abc import Callable

from counterpoise.audit.vyper.events import Call, Entry, Event, Place
from counterpoise.audit.vyper.program import Function, Key, Node, Program, type_name
from counterpoise.audit.vyper.state import State, assume, join
from counterpoise.audit.vyper.values import Value, Values

__all__ = ["Cut", "Evaluator"]

ENVIRONMENT = ("msg", "tx", "block", "chain")
NOTED = frozenset({"Mult", "FloorDiv", "Mod", "LShift", "BitOr", "Pow", "Add", "Sub"})
"""Operators whose every use is an event, so that a rule can say where it is."""
MOST_EVENTS = 20_000
MOST_VALUES = 200_000


class Cut(Exception):
    """A function is too long to follow to its end."""


class Evaluator:
    """Evaluates expressions of one entry, and records what happens."""

    def __init__(self, program: Program, entry: Entry) -> None:
        self.program = program
        self.entry = entry
        self.values = Values()
        self.state = State({}, frozenset(), frozenset())
        self.dead = False
        self.function: list[Function] = []
        self.frames: list[Place] = []
        self.locks: list[bool] = []
        self.loops: list[tuple[int, Value]] = []

    # What happens

    def happen(
        self,
        kind: str,
        node: Node,
        value: Value,
        *,
        new: Value | None = None,
        call: Call | None = None,
    ) -> Event:
        """Record an event after whatever happened last."""
        if len(self.entry.events) > MOST_EVENTS or len(self.values) > MOST_VALUES:
            raise Cut
        event = Event(
            len(self.entry.events),
            kind,
            self.place(node),
            value,
            self.state.facts,
            tuple(self.frames),
            any(self.locks),
            tuple(self.loops),
            new,
            call,
        )
        self.entry.events.append(event)
        self.entry.after.append(set())
        for before in self.state.last:
            self.entry.after[before].add(event.id)
        self.state.last = frozenset([event.id])
        return event

    def place(self, node: Node) -> Place:
        """Where a node is."""
        function = self.function[-1]
        return Place(function.path, node["lineno"], function.name)

    # Expressions

    def evaluate(self, node: Node) -> Value:
        """The value of an expression."""
        handler: Callable[[Node], Value] | None = getattr(
            self, f"_{node['ast_type'].lower()}", None
        )
        if handler is None:
            return self.values.make("unknown", node["ast_type"], uid=self.values.new_uid())
        return handler(node)

    def _int(self, node: Node) -> Value:
        return self.values.literal(node["value"], type_name(node))

    _hex = _str = _bytes = _hexbytes = _decimal = _nameconstant = _int

    def _name(self, node: Node) -> Value:
        if node["id"] == "self":
            return self.values.make("env", "self", kind="address")
        key = self.declaration(node)
        if key in self.state.env:
            return self.state.env[key]
        return self.variable(key, node)

    def variable(self, key: Key | None, node: Node) -> Value:
        """The value of a constant or an immutable; else an unknown one."""
        found = None if key is None else self.program.variables.get(key)
        if found is None:
            return self.values.make("fresh", str(node.get("id", "")), kind=type_name(node))
        if found.is_constant and found.value is not None:
            return self.evaluate(found.value)
        return self.values.make("immutable", found.name, kind=found.kind)

    def declaration(self, node: Node) -> Key | None:
        """The declaration that a name refers to."""
        for used in (*node.get("variable_reads", ()), *node.get("variable_writes", ())):
            decl = used["decl_node"]
            if decl and not used["access_path"]:
                return decl["source_id"], decl["node_id"]
        return None

    def slot(self, node: Node) -> Value | None:
        """The storage slot that an expression names, keys and all; None where it names none."""
        kind = node["ast_type"]
        if kind == "Attribute":
            key = self.declaration(node)
            owner = node["value"]
            if key in self.program.variables and (_is_self(owner) or _is_module(owner)):
                found = self.program.variables[key]
                if found.is_stored:
                    return self.values.make("load", found.name, kind=found.kind)
                return None
            if _typeclass(owner) == "interface" or node["attr"] in ("balance", "code", "codehash"):
                return None
            base = self.slot(owner)
            if base is not None and _typeclass(owner) == "struct":
                field = self.values.literal(f".{node['attr']}")
                return self.values.make("load", base.tag, *base.args, field, kind=type_name(node))
        if kind == "Subscript":
            base = self.slot(node["value"])
            if base is not None:
                index = self.evaluate(node["slice"])
                return self.values.make("load", base.tag, *base.args, index, kind=type_name(node))
        return None

    def _attribute(self, node: Node) -> Value:
        slot = self.slot(node)
        if slot is not None:
            self.happen("read", node, slot)
            return slot
        owner = node["value"]
        name = f"{owner.get('id', '')}.{node['attr']}"
        if owner["ast_type"] == "Name" and (owner["id"] in ENVIRONMENT or name == "self.balance"):
            return self.values.make("env", name, kind=type_name(node))
        if _typeclass(owner, of_type=True) == "flag":
            return self.values.literal(name)
        key = self.declaration(node)
        if key in self.program.variables:
            return self.variable(key, node)
        base = self.evaluate(owner)
        if node["attr"] == "address" and _typeclass(owner) == "interface":
            return base
        return self.field(base, node["attr"], type_name(node))

    def field(self, base: Value, name: str, kind: str) -> Value:
        """A member of a struct or of an address."""
        if base.op == "struct" and name in base.tag.split(","):
            return base.args[base.tag.split(",").index(name)]
        if base.op == "phi" and not base.uid and all(one.op == "struct" for one in base.args):
            return self.values.phi(*(self.field(one, name, kind) for one in base.args))
        return self.values.make("field", name, base, kind=kind)

    def _subscript(self, node: Node) -> Value:
        slot = self.slot(node)
        if slot is not None:
            self.happen("read", node, slot)
            return slot
        base, index = self.evaluate(node["value"]), self.evaluate(node["slice"])
        number = index.number
        if base.op in ("tuple", "list") and number is not None and number < len(base.args):
            return base.args[number]
        return self.values.make("index", "", base, index, kind=type_name(node))

    def _binop(self, node: Node) -> Value:
        left, right = self.evaluate(node["left"]), self.evaluate(node["right"])
        made = self.values.binary(node["op"]["ast_type"], left, right, type_name(node))
        if made.op == "bin" and made.tag in NOTED:
            self.happen("op", node, made)
        return made

    def _compare(self, node: Node) -> Value:
        left, right = self.evaluate(node["left"]), self.evaluate(node["right"])
        return self.values.make("cmp", node["op"]["ast_type"], left, right, kind="bool")

    def _unaryop(self, node: Node) -> Value:
        inner = self.evaluate(node["operand"])
        if node["op"]["ast_type"] != "Not":
            return self.values.make("unary", node["op"]["ast_type"], inner, kind=type_name(node))
        if inner.op == "lit":
            return self.values.literal(inner.tag != "True", "bool")
        return self.values.make("not", "", inner, kind="bool")

    def _boolop(self, node: Node) -> Value:
        """Later operands are evaluated only where the earlier ones leave it open."""
        op = node["op"]["ast_type"].lower()
        parts = [self.evaluate(node["values"][0])]
        kept = self.state.facts
        left: list[State] = []
        for operand in node["values"][1:]:
            skipped = assume(self.state.copy(), parts[-1], op == "or")
            if skipped is not None:
                left.append(skipped)
            going = assume(self.state, parts[-1], op == "and")
            if going is None:
                break
            parts.append(self.evaluate(operand))
        joined = join(self.values, [*left, self.state])
        self.state = joined if joined is not None else self.state
        self.state.facts = kept  # what each side knew is in the value, and counts once it is tested
        return parts[0] if len(parts) == 1 else self.values.make(op, "", *parts, kind="bool")

    def _ifexp(self, node: Node) -> Value:
        test = self.evaluate(node["test"])
        self.happen("test", node, test)
        options, ends = [], []
        for branch, truth in (("body", True), ("orelse", False)):
            before = self.state.copy()
            assumed = assume(self.state, test, truth)
            if assumed is not None:
                options.append(self.evaluate(node[branch]))
                ends.append(self.state)
            self.state = before
        self.state = join(self.values, ends) or self.state
        return self.values.phi(*options) if options else self.values.literal("empty")

    def _tuple(self, node: Node) -> Value:
        parts = [self.evaluate(one) for one in node["elements"]]
        return self.values.make(node["ast_type"].lower(), "", *parts)

    _list = _tuple


def _is_self(node: Node) -> bool:
    return bool(node["ast_type"] == "Name" and node["id"] == "self")


def _is_module(node: Node) -> bool:
    return _typeclass(node) == "module"


def _typeclass(node: Node, *, of_type: bool = False) -> str:
    found = node.get("type") or {}
    if of_type:
        found = found.get("type_t") or {}
    return str(found.get("typeclass", ""))
