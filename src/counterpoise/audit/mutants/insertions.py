"""Bugs by adding: functions that should not be there, statements that end or trap."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.mutants.text import Node, Text, compares_caller, nodes

Edits = Iterator[tuple[str, int, str]]


def selfdestruct(text: Text) -> Edits:
    """The contract ends itself behind the first, and behind the last, statement-only function."""
    plain = [f for f in text.outer() if f.get("returns") is None and f["name"] != "__default__"]
    for function in {id(one): one for one in (*plain[:1], *plain[-1:])}.values():
        last = function["body"][-1]
        new = f"{text.indent(last)}selfdestruct(msg.sender)\n"
        yield function["name"], last["end_lineno"], text.after(last["end_lineno"], new)


def push_loop(text: Text) -> Edits:
    """A function that pays many receivers in one go, from the token that the contract holds."""
    for node in text.tree["body"]:
        if node["ast_type"] != "VariableDecl" or not node["is_immutable"]:
            continue
        name = node["target"]["id"]
        kind = (node.get("type") or {}).get("name", "")
        if name.lower() not in ("token", "currency"):
            continue
        token = name if kind.endswith((".vyi", "IERC20")) else f"IERC20({name})"
        if "IERC20(" in token and "import IERC20" not in text.source:
            continue
        yield (
            "pay_all",
            len(text.rows),
            (
                f"{text.source.rstrip()}\n\n\n@external\n"
                "def pay_all(receivers: DynArray[address, 100], amount: uint256):\n"
                "    for receiver: address in receivers:\n"
                f"        assert extcall {token}.transfer(receiver, amount)\n"
            ),
        )


def initialiser(text: Text) -> Edits:
    """A function by which anyone sets the variable that a guard reads."""
    read = {
        node["attr"]
        for function in text.functions
        for one in nodes(function["body"])
        if one["ast_type"] == "Assert"
        for compare in nodes(one["test"])
        if compares_caller(compare)
        for node in nodes(compare)
        if node["ast_type"] == "Attribute" and node["value"].get("id") == "self"
    }
    for node in text.tree["body"]:
        if node["ast_type"] != "VariableDecl" or node["target"]["id"] not in read:
            continue
        keys, value = _shape(node)
        if value is None:
            continue
        arguments = [f"key_{n}: {kind}" for n, kind in enumerate(keys)]
        index = "".join(f"[key_{n}]" for n in range(len(keys)))
        yield (
            "initialise",
            len(text.rows),
            (
                f"{text.source.rstrip()}\n\n\n@external\n"
                f"def initialise({', '.join([*arguments, f'new: {value}'])}):\n"
                f"    self.{node['target']['id']}{index} = new\n"
            ),
        )


def _shape(node: Node) -> tuple[list[str], str | None]:
    """Types of the keys, and of the value, of a plain or mapped variable."""
    keys = []
    found = node["type"]
    while found.get("typeclass") == "hashmap":
        keys.append(found["key_type"]["name"])
        found = found["value_type"]
    name = found["name"]
    simple = name in ("address", "uint256", "bytes32", "bool")
    fixed = not (node["is_immutable"] or node["is_constant"])
    return keys, name if simple and fixed else None


def exact_balance(text: Text) -> Edits:
    """A function that works only while nobody has sent it anything."""
    for function in text.outer()[:1]:
        first = function["body"][0]
        line = first["lineno"] - 1
        new = f"{text.indent(first)}assert self.balance == 0\n"
        yield function["name"], first["lineno"], text.after(line, new)


def payable(text: Text) -> Edits:
    """A function that takes ether in a contract that never sends any."""
    if any(word in text.source for word in ("@payable", "send(", "value=msg.value")):
        return
    for function in text.outer()[:1]:
        line = min(one["lineno"] for one in function["decorator_list"]) - 1
        yield function["name"], line + 1, text.after(line, "@payable\n")
