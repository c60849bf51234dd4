"""Payouts to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.graph import Frame, Vertex
from counterpoise.audit.solidity.guards import Entry
from counterpoise.audit.solidity.origins import Fact
from counterpoise.audit.solidity.rules.hint import Hint, hint_at, some
from counterpoise.audit.solidity.tree import Node, kind_of, spell, walk

__all__ = ["payouts"]


def payouts(entry: Entry, index: int, vertex: Vertex, target: Node, value: Node) -> Iterator[Hint]:
    """A payout to whoever asks, that no test ties to the caller and no write to a debit."""
    to = entry.origins.of(target, vertex.frame)
    amount = entry.origins.of(value, vertex.frame)
    if not to & {"sender", "parameter", "origin"}:
        return
    if amount <= {"value"} or amount == {"value", "constant"}:
        return
    facts = list(entry.facts_at(index))
    marks = _marks(entry, to, amount, facts)
    if _tied(entry, amount, facts) & _spent(entry, index):
        if _wrong_way(entry, index, value, vertex):
            nodes = [node for node, _, _ in facts]
            text = "the test lets through more than the caller has"
            rule = "unprotected-transfer"
            yield from some(
                hint_at(entry, rule, "wrong-way", nodes, text, marks=marks | {"debited"})
            )
        return
    own = any(_own(entry, one, vertex) for one in walk(value))
    variant = "undebited" if own else ("constant" if "constant" in marks else "open")
    text = f"{spell(value)[:50]} is paid to whoever asks, and nothing is debited"
    yield from some(hint_at(entry, "unprotected-transfer", variant, vertex.node, text, marks=marks))


def _marks(entry: Entry, to: frozenset[str], amount: frozenset[str], facts: list[Fact]) -> set[str]:
    known = [entry.origins.of(node, frame) for node, _, frame in facts]
    holds = {
        "to-sender": "sender" in to,
        "constant": amount <= {"constant"},
        "balance": "balance" in amount,
        "chosen": "parameter" in amount,
        "tested": bool(facts),
        "paid": any("value" in one for one in known),
        "game": any(one & {"hash", "blockhash", "time", "miner"} for one in known),
    }
    return {name for name, one in holds.items() if one}


def _tied(entry: Entry, amount: frozenset[str], facts: list[Fact]) -> set[int]:
    """State that decides how much is paid, or whether."""
    known = [amount, *(entry.origins.of(node, frame) for node, _, frame in facts)]
    return {int(one[6:]) for each in known for one in each if one.startswith("state:")}


def _spent(entry: Entry, index: int) -> set[int]:
    """State that is written on the way to a payout, or after it."""
    graph = entry.graph
    later = graph.following(index)
    return {
        one.place.variable
        for number, one in entry.vertices("write")
        if one.place and (number in later or index in graph.following(number))
    }


def _own(entry: Entry, node: Node, vertex: Vertex) -> bool:
    place = entry.origins.place(node, vertex.frame)
    return place is not None and any("sender" in entry.origins.of(*key) for key in place.keys)


def _wrong_way(entry: Entry, index: int, value: Node, vertex: Vertex) -> bool:
    """Whether a test asks that the amount is at least, not at most, what the caller has."""
    if spell(value) == "" or "parameter" not in entry.origins.of(value, vertex.frame):
        return False
    wrong = right = False
    for node, holds, frame in entry.facts_at(index):
        if kind_of(node) != "BinaryOperation" or node["operator"] not in ("<", "<=", ">", ">="):
            continue
        left, more = node["leftExpression"], node["operator"] in (">", ">=")
        for one, other, greater in (
            (left, node["rightExpression"], more),
            (node["rightExpression"], left, not more),
        ):
            if spell(one) == spell(value) and _own_of(entry, other, frame):
                wrong, right = wrong or greater == holds, right or greater != holds
    return wrong and not right


def _own_of(entry: Entry, node: Node, frame: Frame) -> bool:
    place = entry.origins.place(node, frame)
    return place is not None and any("sender" in entry.origins.of(*key) for key in place.keys)
