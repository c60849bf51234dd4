"""Calls whose failure goes unnoticed."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.calls import out_call
from counterpoise.audit.solidity.contracts import Contract
from counterpoise.audit.solidity.guards import World
from counterpoise.audit.solidity.rules.hint import Hint, hint_at
from counterpoise.audit.solidity.tree import Node, call_kind, kind_of, peeled, spell, walk

__all__ = ["rules"]


def rules(world: World) -> Iterator[Hint]:
    """``unchecked-raw``: the success flag is dropped, or decides nothing."""
    contract = world.contract
    for home in contract.lineage:
        for function in home["nodes"]:
            body = function.get("body") if kind_of(function).startswith(("Func", "Modi")) else None
            if not body:
                continue
            for node, variant in _unnoticed(body, contract):
                call = out_call(node)
                marks = set()
                if call is not None:
                    marks = {call.how} | ({"pays"} if call.pays else set())
                found = hint_at(
                    world,
                    "unchecked-raw",
                    variant,
                    node,
                    f"nothing is done if {spell(node)[:70]} fails",
                    marks=marks,
                    function=function["name"],
                )
                if found:
                    yield found


def _unnoticed(body: Node, contract: Contract) -> Iterator[tuple[Node, str]]:
    used = _names(body)
    for node in walk(body):
        kind = kind_of(node)
        if kind == "ExpressionStatement":
            yield from _dropped(node["expression"], used)
        elif kind == "VariableDeclarationStatement" and node.get("initialValue"):
            names = [one for one in node["declarations"] if one is not None]
            first = node["declarations"][0] if node["declarations"] else None
            value = peeled(node["initialValue"])
            flag = [first] if len(node["declarations"]) > 1 else names
            unused = not any(one is not None and used.get(one["id"], 0) > 0 for one in flag)
            if _is_raw(value) and unused:
                yield value, "unused"
        elif kind in ("IfStatement", "FunctionCall"):
            yield from _pointless(node)


def _dropped(node: Node, used: dict[int, int]) -> Iterator[tuple[Node, str]]:
    value = peeled(node)
    if _is_raw(value):
        yield value, "dropped"
    elif kind_of(value) in ("FunctionCall", "FunctionCallOptions") and (
        call_kind(value) in ("setvalue", "setgas")
        if kind_of(value) == "FunctionCall"
        else "expression" in value
    ):
        yield value, "uncalled"
    elif kind_of(value) == "Assignment" and value["operator"] == "=":
        right = peeled(value["rightHandSide"])
        left = peeled(value["leftHandSide"])
        if kind_of(left) == "TupleExpression":
            left = left["components"][0] or {}
        name = left.get("referencedDeclaration") if left else None
        if _is_raw(right) and (not left or (name is not None and used.get(name, 0) <= 1)):
            yield right, "unused"


def _pointless(node: Node) -> Iterator[tuple[Node, str]]:
    """Tests of a call that come out the same, or lead to nothing, whatever the call answers."""
    if kind_of(node) == "IfStatement":
        condition = node["condition"]
        idle = _is_idle(node["trueBody"]) and _is_idle(node.get("falseBody"))
    elif call_kind(node) in ("require", "assert"):
        condition, idle = node["arguments"][0], False
    else:
        return
    raw = [one for one in walk(condition) if _is_raw(one)]
    if not raw:
        return
    variant = "idle" if idle else ""
    if _constant(condition) is not None:
        variant = "tautology"
    elif kind_of(node) == "IfStatement" and _only_success_reverts(node):
        variant = "inverted"
    if variant:
        for one in raw:
            yield one, variant


def _only_success_reverts(node: Node) -> bool:
    """Whether a call's success reverts everything, and its failure does not."""
    condition = peeled(node["condition"])
    negated = kind_of(condition) == "UnaryOperation" and condition["operator"] == "!"
    call = peeled(condition["subExpression"]) if negated else condition
    if not _is_raw(call):
        return False
    success, failure = node["trueBody"], node.get("falseBody")
    if negated:
        success, failure = failure, success
    return _reverts(success) and not _reverts(failure)


def _reverts(node: Node | None) -> bool:
    """Whether a statement, whatever else it does, ends in a revert."""
    if node is None:
        return False
    if kind_of(node) == "Block":
        return bool(node.get("statements")) and _reverts(node["statements"][-1])
    if kind_of(node) == "ExpressionStatement":
        return kind_of(node["expression"]) == "FunctionCall" and (
            call_kind(node["expression"]) == "revert"
        )
    return kind_of(node) in ("Throw", "RevertStatement")


def _is_idle(node: Node | None) -> bool:
    if node is None:
        return True
    if kind_of(node) == "Block":
        return all(_is_idle(one) for one in node.get("statements") or ())
    return False


def _constant(node: Node) -> bool | None:  # noqa: PLR0911 - one way a kind
    """What a condition always is, whatever its calls answer; None where it depends."""
    node = peeled(node)
    if kind_of(node) == "Literal":
        return {"true": True, "false": False}.get(str(node.get("value")))
    if kind_of(node) == "UnaryOperation" and node["operator"] == "!":
        inner = _constant(node["subExpression"])
        return None if inner is None else not inner
    if kind_of(node) != "BinaryOperation":
        return None
    left, right = node["leftExpression"], node["rightExpression"]
    if node["operator"] in ("||", "&&"):
        absorbing: bool = node["operator"] == "||"
        known = (_constant(left), _constant(right))
        if absorbing in known:
            return absorbing
        return (not absorbing) if known == (not absorbing, not absorbing) else None
    plain = all(kind_of(peeled(one)) == "Literal" for one in (left, right))
    if plain and node["operator"] in ("==", "!="):
        same: bool = node["operator"] == "=="
        return (spell(left) == spell(right)) == same
    return None


def _is_raw(node: Node) -> bool:
    call = out_call(node)
    return call is not None and call.raw and call.how in ("call", "send", "delegatecall")


def _names(body: Node) -> dict[int, int]:
    """How often each name is used in a body."""
    counts: dict[int, int] = {}
    for node in walk(body):
        if kind_of(node) == "Identifier" and node.get("referencedDeclaration"):
            counts[node["referencedDeclaration"]] = counts.get(node["referencedDeclaration"], 0) + 1
    return counts
