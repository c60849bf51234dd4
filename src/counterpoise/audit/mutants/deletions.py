"""Bugs by leaving out: guards, locks, checks, bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from counterpoise.audit.mutants.text import Node, Text, compares_caller, contains, nodes

Edits = Iterator[tuple[str, int, str]]


def lock(text: Text) -> Edits:
    """The pragma, or a decorator, that holds the reentrancy lock."""
    if not any(one["ast_type"] == "ExtCall" or _calls(one, "raw_call") for one in nodes(text.tree)):
        return
    if "# pragma nonreentrancy on\n" in text.source:
        bare = text.source.replace("# pragma nonreentrancy on\n", "#\n")
        bare = re.sub(r"^@reentrant$", "#", bare, flags=re.MULTILINE)
        yield "", 1, re.sub(r"reentrant\((public\(.*\))\)$", r"\1", bare, flags=re.MULTILINE)
    for function in text.functions:
        for one in function["decorator_list"]:
            if one.get("id") == "nonreentrant":
                line = one["lineno"]
                yield function["name"], line, _blank(text, line)


def _blank(text: Text, line: int) -> str:
    return "".join(text.rows[: line - 1]) + "#\n" + "".join(text.rows[line:])


def _calls(node: Node, name: str) -> bool:
    return bool(node["ast_type"] == "Call" and node["func"].get("id") == name)


def _statements(function: Node, kind: str) -> Iterator[Node]:
    return (one for one in nodes(function["body"]) if one["ast_type"] == kind)


def guard(text: Text) -> Edits:
    """An assert about the caller, or the call of a function that has one."""
    checkers = {
        f["name"]
        for f in text.functions
        if {"internal", "view"} <= {d.get("id") for d in f["decorator_list"]}
        and any(any(map(compares_caller, nodes(s["test"]))) for s in _statements(f, "Assert"))
    }
    for function in text.functions:
        if function["name"] == "__init__":
            continue
        for one in _statements(function, "Assert"):
            if any(map(compares_caller, nodes(one["test"]))):
                yield function["name"], one["lineno"], text.without(one)
        for one in _statements(function, "Expr"):
            called = one["value"].get("func", {}) if one["value"]["ast_type"] == "Call" else {}
            if called.get("attr") in checkers:
                yield function["name"], one["lineno"], text.without(one)


def raw_result(text: Text) -> Edits:
    """The assert on what a raw call came to."""
    yield from _dropped(text, lambda node: _calls(node, "raw_call"))


def token_answer(text: Text) -> Edits:
    """The assert on what a token answered."""
    yield from _dropped(text, _asks_token)
    for function in text.functions:
        for one in _statements(function, "Assert"):
            if one["test"]["ast_type"] == "ExtCall" and _asks_token(one["test"]):
                call = text.get(one["test"])
                name = f"answer_{one['node_id']}"
                yield function["name"], one["lineno"], text.put(one, f"{name}: bool = {call}")


def _asks_token(node: Node) -> bool:
    if node["ast_type"] != "ExtCall":
        return False
    return node["value"]["func"].get("attr") in ("transfer", "transferFrom")


def _dropped(text: Text, wanted: Callable[[Node], bool]) -> Edits:
    """Asserts on a local that holds the result of a wanted call, where the local is bool."""
    for function in text.functions:
        held = set()
        for one in nodes(function["body"]):
            if one["ast_type"] in ("AnnAssign", "Assign") and one["value"] and wanted(one["value"]):
                target = one["target"]
                first = target["elements"][0] if target["ast_type"] == "Tuple" else target
                held.add(first.get("id"))
        for one in _statements(function, "Assert"):
            if one["test"]["ast_type"] == "Name" and one["test"]["id"] in held:
                yield function["name"], one["lineno"], text.without(one)


def signer_check(text: Text) -> Edits:
    """``!= empty(address)`` beside a comparison of who signed."""
    if "ecrecover(" not in text.source and "eip712" not in text.source:
        return
    for function in text.functions:
        for one in _statements(function, "Assert"):
            written = text.get(one["test"])
            found = re.search(r"\s+and\s+\w+ != empty\(address\)", written)
            if found and "signer" in written:
                bare = written[: found.start()] + written[found.end() :]
                yield function["name"], one["lineno"], text.put(one["test"], bare)


def nonce(text: Text) -> Edits:
    """The write by which a signature counts as used."""
    pattern = re.compile(r"self\.(nonces|_nonce|_used|used|authorizationState|_taken)\[")
    for function in text.functions:
        for one in nodes(function["body"]):
            if one["ast_type"] in ("Assign", "AugAssign") and pattern.match(
                text.get(one["target"])
            ):
                yield function["name"], one["lineno"], text.without(one)


def deadline(text: Text) -> Edits:
    """The assert that a signed time is not over."""
    if "ecrecover(" not in text.source and "eip712" not in text.source:
        return
    names = re.compile(r"deadline|expires|valid_before|valid_after")
    for function in text.functions:
        for one in _statements(function, "Assert"):
            written = text.get(one["test"])
            if contains(one["test"], "block", "timestamp") and names.search(written):
                yield function["name"], one["lineno"], text.without(one)


def bound(text: Text) -> Edits:
    """The assert that an argument fits where it is packed, or that a rate has a limit."""
    limit = re.compile(r"(<=?)\s*(?:POLICY\.)?[A-Za-z_]*(MASK|FEE|BPS|PPM|RATE)[A-Z_]*$")
    for function in text.functions:
        given = {one["arg"] for one in function["args"]["args"]}
        if function["name"] == "__init__":
            continue
        for one in _statements(function, "Assert"):
            test = one["test"]
            parts = test["values"] if test["ast_type"] == "BoolOp" else [test]
            for part in parts:
                if part["ast_type"] != "Compare" or not limit.search(text.get(part)):
                    continue
                if part["left"]["ast_type"] == "Name" and part["left"]["id"] in given:
                    yield function["name"], one["lineno"], text.put(part, "True")
