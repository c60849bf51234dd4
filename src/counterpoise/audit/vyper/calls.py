"""Calls: to functions of the contract, which are followed; to builtins; and out of the contract."""

from __future__ import annotations

from counterpoise.audit.vyper.evaluate import Evaluator
from counterpoise.audit.vyper.events import Call
from counterpoise.audit.vyper.program import Function, Node, annotation_name, type_name
from counterpoise.audit.vyper.values import Value

__all__ = ["Caller"]

CREATES = frozenset(
    {
        "create_minimal_proxy_to",
        "create_forwarder_to",
        "create_copy_of",
        "create_from_blueprint",
        "raw_create",
    }
)
SENDERS = frozenset({"raw_call", "send", "selfdestruct"}) | CREATES
SILENT = frozenset({"print", "len", "range", "breakpoint"})


class Caller(Evaluator):
    """Evaluates calls of every kind."""

    def inline(self, function: Function, args: list[Value], node: Node) -> Value:
        """Follow a call to a function of the contract."""
        raise NotImplementedError

    def _call(self, node: Node) -> Value:
        func = node["func"]
        found = func.get("type") or {}
        kind = found.get("typeclass", "")
        if "type_t" in found or kind in ("struct", "interface", "event"):
            return self._made(node, found.get("type_t", found).get("typeclass", kind))
        if kind == "contract_function":
            decl = found["type_decl_node"]
            callee = self.program.functions.get((decl["source_id"], decl["node_id"]))
            if callee is not None:
                return self._inner(callee, node)
        if kind == "member_function":
            return self._member(node)
        return self._builtin(node)

    def _made(self, node: Node, kind: str) -> Value:
        """A struct, an event or an address seen through an interface."""
        args = [self.evaluate(one) for one in node["args"]]
        if kind == "interface" and args:
            return args[0]
        names = [one["arg"] for one in node["keywords"]]
        fields = [self.evaluate(one["value"]) for one in node["keywords"]]
        return self.values.make(
            "struct", ",".join(names), *args, *fields, kind=annotation_name(node["func"])
        )

    def _inner(self, callee: Function, node: Node) -> Value:
        args = [self.evaluate(one) for one in node["args"]]
        given = {one["arg"]: self.evaluate(one["value"]) for one in node["keywords"]}
        defaults = callee.node["args"].get("defaults") or []
        for name, _, _ in callee.parameters[len(args) :]:
            if name in given:
                args.append(given[name])
            else:
                missing = len(callee.parameters) - len(args)
                args.append(self.evaluate(defaults[len(defaults) - missing]))
        return self.inline(callee, args, node)

    def _member(self, node: Node) -> Value:
        """``append`` and ``pop`` of a list, which change it."""
        owner, name = node["func"]["value"], node["func"]["attr"]
        args = [self.evaluate(one) for one in node["args"]]
        slot = self.slot(owner)
        if slot is not None:
            self.happen("read", node, slot)
            new = self.values.make("call", name, slot, *args)
            self.happen("write", node, slot, new=new)
            return self.values.make("index", "", slot, self.values.literal("last"))
        base = self.evaluate(owner)
        key = self.declaration(owner)
        if key is not None and key in self.state.env:
            self.state.env[key] = self.values.make("call", name, base, *args, kind=base.kind)
        return self.values.make("index", "", base, self.values.literal("last"))

    def _builtin(self, node: Node) -> Value:
        name = str(node["func"].get("id") or node["func"].get("attr"))
        args = [
            self.values.literal(annotation_name(one), "type")
            if _is_type(one)
            else self.evaluate(one)
            for one in node["args"]
        ]
        flags = {one["arg"]: self.evaluate(one["value"]) for one in node["keywords"]}
        if name in SENDERS:
            return self._send(name, node, args, flags)
        if name in ("empty", "max_value", "min_value"):
            text = "empty" if name == "empty" else f"{name}({args[0].tag})"
            return self.values.literal(text, type_name(node))
        extra = [
            value for key, value in flags.items() if key not in ("output_type", "unwrap_tuple")
        ]
        made = self.values.make("call", name, *args, *extra, kind=type_name(node))
        if name == "convert":
            return made
        if name not in SILENT:
            self.happen("log" if name == "raw_log" else "op", node, made)
        return made

    def _send(self, name: str, node: Node, args: list[Value], flags: dict[str, Value]) -> Value:
        kind = "create" if name in CREATES else name
        value = args[1] if name == "send" else flags.get("value")
        if name == "selfdestruct":
            value = self.values.make("env", "self.balance")
        call = Call(
            kind,
            args[0],
            "",
            tuple(args[1:]),
            value=value,
            flags={key: _word(flag) for key, flag in flags.items()},
            returns=type_name(node),
        )
        result = self.values.make(
            "result", name, *args, kind=type_name(node), uid=self.values.new_uid()
        )
        self.happen("call", node, result, call=call)
        self.dead = name == "selfdestruct"
        return result

    def _extcall(self, node: Node) -> Value:
        inner = node["value"]
        func = inner["func"]
        if func.get("ast_type") != "Attribute":
            return self.evaluate(inner)
        target = self.evaluate(func["value"])
        args = [self.evaluate(one) for one in inner["args"]]
        flags = {one["arg"]: self.evaluate(one["value"]) for one in inner["keywords"]}
        decl = (func.get("type") or {}).get("type_decl_node") or {}
        returns = "" if type_name(inner) == "(void)" else type_name(inner)
        call = Call(
            node["ast_type"].lower(),
            target,
            func["attr"],
            tuple(args),
            self.program.arguments.get((decl.get("source_id", -1), decl.get("node_id", -1)), ()),
            flags.get("value"),
            {key: _word(flag) for key, flag in flags.items()},
            returns,
        )
        result = self.values.make(
            "result", func["attr"], target, *args, kind=returns, uid=self.values.new_uid()
        )
        self.happen("call", inner, result, call=call)
        return result

    _staticcall = _extcall


def _is_type(node: Node) -> bool:
    found = node.get("type") or {}
    return "type_t" in found and node["ast_type"] in ("Name", "Subscript")


def _word(value: Value) -> str:
    return value.tag if value.op == "lit" else repr(value)
