"""Payouts to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.graph import Frame, Vertex
from counterpoise.audit.solidity.guards import Entry
from counterpoise.audit.solidity.rules.hint import Hint, hint_at, some
from counterpoise.audit.solidity.tree import Node, kind_of, spell, walk

__all__ = ["payouts"]


def payouts(entry: Entry, index: int, vertex: Vertex, target: Node, value: Node) -> Iterator[Hint]:
    """A payout to whoever asks, that no test ties to the caller and no write to a debit."""
    to = entry.origins.of(target, vertex.frame)
    if not to & {"sender", "parameter", "origin"}:
        return
    amount = entry.origins.of(value, vertex.frame)
    if amount <= {"value"} or amount == {"value", "constant"}:
        return
    graph = entry.graph
    later = graph.following(index)
    writes = [
        one
        for number, one in entry.vertices("write")
        if one.place and (number in later or index in graph.following(number))
    ]
    facts = list(entry.facts_at(index))
    marks = set()
    if "sender" in to:
        marks.add("to-sender")
    if amount <= {"constant"}:
        marks.add("constant")
    if "balance" in amount:
        marks.add("balance")
    if "parameter" in amount:
        marks.add("chosen")
    if facts:
        marks.add("tested")
    if any(entry.origins.of(node, frame) & {"value"} for node, _, frame in facts):
        marks.add("paid")
    if any(
        entry.origins.of(node, frame) & {"hash", "blockhash", "time", "miner"}
        for node, _, frame in facts
    ):
        marks.add("game")
    spent = {one.place.variable for one in writes if one.place}
    tied = {int(one[6:]) for one in amount if one.startswith("state:")}
    for node, _, frame in facts:
        tied |= {int(one[6:]) for one in entry.origins.of(node, frame) if one.startswith("state:")}
    if tied & spent:
        marks.add("debited")
        if _wrong_way(entry, index, value, vertex):
            yield from some(
                hint_at(
                    entry,
                    "unprotected-transfer",
                    "wrong-way",
                    [node for node, _, _ in facts],
                    "the test lets through more than the caller has",
                    marks=marks,
                )
            )
        return
    own = any(_own(entry, one, vertex) for one in walk(value))
    variant = "undebited" if own else ("constant" if "constant" in marks else "open")
    yield from some(
        hint_at(
            entry,
            "unprotected-transfer",
            variant,
            vertex.node,
            f"{spell(value)[:50]} is paid to whoever asks, and nothing is debited",
            marks=marks,
        )
    )


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
