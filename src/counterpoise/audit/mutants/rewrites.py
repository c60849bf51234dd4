"""Bugs by writing something else: another order, another operator, another source of truth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from counterpoise.audit.mutants.text import Node, Text, compares_caller, contains, nodes

Edits = Iterator[tuple[str, int, str]]
UNSAFE = {"Add": "unsafe_add", "Sub": "unsafe_sub", "Mult": "unsafe_mul"}


def late_write(text: Text) -> Edits:
    """A write to storage moved behind the last call out of its block."""
    callers = _callers(text)
    for function in text.functions:
        body = function["body"]
        leaving = [n for n, one in enumerate(body) if _leaves(one, callers)]
        if not leaving or not {"external", "internal"} & _decorators(function):
            continue
        last = leaving[-1]
        for number, one in enumerate(body[:last]):
            if one["ast_type"] in ("Assign", "AugAssign") and _is_stored(one["target"]):
                if _is_needed(text, one, body[number + 1 : last + 1]):
                    continue
                moved = text.get(one)
                rows = list(text.rows)
                target = body[last]["end_lineno"]
                rows.insert(target, f"{text.indent(one)}{moved}\n")
                del rows[one["lineno"] - 1 : one["end_lineno"]]
                yield function["name"], one["lineno"], "".join(rows)


def _decorators(function: Node) -> set[str]:
    return {str(one.get("id")) for one in function["decorator_list"]}


def _callers(text: Text) -> set[str]:
    """Internal functions that call out, directly or not."""
    found: set[str] = set()
    while True:
        more = {f["name"] for f in text.functions if any(_leaves(s, found) for s in f["body"])}
        if more <= found:
            return found
        found |= more


def _leaves(statement: Node, callers: set[str]) -> bool:
    for node in nodes(statement):
        if node["ast_type"] == "ExtCall":
            return True
        if node["ast_type"] == "Call":
            func = node["func"]
            if func.get("id") == "raw_call" or func.get("attr") in callers:
                return True
    return False


def _is_stored(target: Node) -> bool:
    while target["ast_type"] in ("Attribute", "Subscript"):
        if target["ast_type"] == "Attribute" and target["value"].get("id") == "self":
            return True
        target = target["value"]
    return False


def _is_needed(text: Text, write: Node, between: list[Node]) -> bool:
    """Whether a later statement of the block reads the same variable again."""
    name = re.match(r"self\.(\w+)", text.get(write["target"]))
    return name is not None and any(f"self.{name[1]}[" in text.get(one) for one in between)


def void_guard(text: Text) -> Edits:
    """``msg.sender == x`` made ``msg.sender == msg.sender``."""
    for function, compare in _caller_tests(text):
        left = compare["left"]
        other = compare["right"] if contains(left, "msg", "sender") else left
        same = left if other is compare["right"] else compare["right"]
        if compare["op"]["ast_type"] == "Eq":
            yield function["name"], compare["lineno"], text.put(other, text.get(same))


def origin(text: Text) -> Edits:
    """``msg.sender`` made ``tx.origin`` where the caller is compared."""
    for function, compare in _caller_tests(text):
        for node in nodes(compare):
            if node["ast_type"] == "Attribute" and node["attr"] == "sender":
                yield function["name"], node["lineno"], text.put(node, "tx.origin")


def _caller_tests(text: Text) -> Iterator[tuple[Node, Node]]:
    for function in text.functions:
        for one in nodes(function["body"]):
            if one["ast_type"] not in ("Assert", "If"):
                continue
            for node in nodes(one["test"]):
                if compares_caller(node):
                    yield function, node


def unsafe(text: Text) -> Edits:
    """Checked arithmetic on an argument that no assert of the function compares made unchecked.

    Where an assert bounds the argument, checked and unchecked arithmetic may well agree, and the
    mutant is no bug.
    """
    for function in text.functions:
        given = {one["arg"] for one in function["args"]["args"]} - _asserted(function)
        for node in nodes(function["body"]):
            if node["ast_type"] != "BinOp" or node["op"]["ast_type"] not in UNSAFE:
                continue
            sides = [node["left"], node["right"]]
            direct = any(one["ast_type"] == "Name" and one["id"] in given for one in sides)
            integer = (node.get("type") or {}).get("typeclass") == "integer"
            if direct and integer:
                left, right = map(text.get, sides)
                called = f"{UNSAFE[node['op']['ast_type']]}({left}, {right})"
                yield function["name"], node["lineno"], text.put(node, called)
        yield from _unsafe_steps(text, function, given)


def _asserted(function: Node) -> set[str]:
    """Names that some assert of a function looks at."""
    return {
        inner["id"]
        for one in nodes(function["body"])
        if one["ast_type"] == "Assert"
        for inner in nodes(one["test"])
        if inner["ast_type"] == "Name"
    }


def _unsafe_steps(text: Text, function: Node, given: set[str]) -> Edits:
    for node in nodes(function["body"]):
        if node["ast_type"] != "AugAssign" or node["op"]["ast_type"] not in UNSAFE:
            continue
        if node["value"]["ast_type"] == "Name" and node["value"]["id"] in given:
            target, value = text.get(node["target"]), text.get(node["value"])
            called = f"{target} = {UNSAFE[node['op']['ast_type']]}({target}, {value})"
            yield function["name"], node["lineno"], text.put(node, called)


def delegate(text: Text) -> Edits:
    """A raw call made a delegate call."""
    for function in text.functions:
        for node in nodes(function["body"]):
            if node["ast_type"] == "Call" and node["func"].get("id") == "raw_call":
                words = {one["arg"] for one in node["keywords"]}
                if not words & {"value", "is_static_call", "is_delegate_call"}:
                    whole = text.get(node).rstrip()
                    bare = whole.removesuffix(")").rstrip().removesuffix(",")
                    yield (
                        function["name"],
                        node["lineno"],
                        text.put(node, f"{bare}, is_delegate_call=True)"),
                    )


def skip_check(text: Text) -> Edits:
    """An outer call told to believe that there is a contract."""
    for function in text.functions:
        for node in nodes(function["body"]):
            if node["ast_type"] == "ExtCall" and node["value"]["keywords"] is not None:
                whole = text.get(node).rstrip()
                bare = whole.removesuffix(")").rstrip().removesuffix(",")
                mark = "" if bare.endswith("(") else ", "
                yield (
                    function["name"],
                    node["lineno"],
                    text.put(node, f"{bare}{mark}skip_contract_check=True)"),
                )


def prevrandao(text: Text) -> Edits:
    """A number drawn from the block, where it was computed; at most three a contract."""
    given = 0
    for function in text.outer():
        for node in function["body"]:
            if node["ast_type"] != "AnnAssign" or node["annotation"].get("id") != "uint256":
                continue
            if given < 3:
                given += 1
                draw = "convert(block.prevrandao, uint256) % 1000"
                yield function["name"], node["lineno"], text.put(node["value"], draw)
                break


def domain(text: Text) -> Edits:
    """``chain.id``, ``self`` or a nonce left out of what is signed."""
    if "ecrecover(" not in text.source and "eip712" not in text.source:
        return
    for function in text.functions:
        for node in nodes(function["body"]):
            if node["ast_type"] != "Call" or node["func"].get("id") != "abi_encode":
                continue
            written = [text.get(one) for one in node["args"]]
            if "TYPE" not in " ".join(written):
                continue
            for number, part in enumerate(written):
                if part in ("chain.id", "self", "nonce"):
                    rest = [*written[:number], *written[number + 1 :]]
                    kept = ", ".join(rest)
                    yield function["name"], node["lineno"], text.put(node, f"abi_encode({kept})")


def divide_first(text: Text) -> Edits:
    """``a * b // c`` made ``a // c * b``."""
    for function in text.functions:
        for node in nodes(function["body"]):
            if node["ast_type"] != "BinOp" or node["op"]["ast_type"] != "FloorDiv":
                continue
            top = node["left"]
            if top["ast_type"] == "BinOp" and top["op"]["ast_type"] == "Mult":
                a, b = text.get(top["left"]), text.get(top["right"])
                c = text.get(node["right"])
                new = f"({a}) // ({c}) * ({b})"
                yield function["name"], node["lineno"], text.put(node, new)


def exact_time(text: Text) -> Edits:
    """A comparison with the time made one for equality."""
    for function in text.functions:
        for one in nodes(function["body"]):
            if one["ast_type"] != "Assert" or one["test"]["ast_type"] != "Compare":
                continue
            test = one["test"]
            direct = [test["left"], test["right"]]
            if any(
                side["ast_type"] == "Attribute" and side["attr"] == "timestamp" for side in direct
            ):
                new = f"{text.get(test['left'])} == {text.get(test['right'])}"
                yield function["name"], one["lineno"], text.put(test, new)
