"""Rewards that go to whoever comes first."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.solidity.calls import out_call
from counterpoise.audit.solidity.guards import Entry, World
from counterpoise.audit.solidity.rules.hint import Hint, hint_at, some
from counterpoise.audit.solidity.tree import Node, kind_of, spell, type_of

__all__ = ["rules"]

CALLER = {"sender", "value", "origin"}


def rules(world: World) -> Iterator[Hint]:
    """``front-running``: puzzles, rewards that change, allowances that are overwritten."""
    for entry in world.entries:
        yield from _puzzles(entry)
        yield from _rewards(entry)
        yield from _allowances(entry)
        yield from _plays(entry)


def _puzzles(entry: Entry) -> Iterator[Hint]:
    """A payment, or the winner's name, for a preimage that everybody can see on its way."""
    for index, vertex in entry.vertices("call", "write"):
        if index in entry.guarded or not _benefits(entry, index):
            continue
        for node, holds, frame in entry.facts_at(index):
            if kind_of(node) != "BinaryOperation" or node["operator"] not in ("==", "!="):
                continue
            if (node["operator"] == "==") != holds:
                continue
            sides = [
                entry.origins.of(one, frame)
                for one in (node["leftExpression"], node["rightExpression"])
            ]
            for mine, other in (sides, sides[::-1]):
                hashed = "hash" in mine and "parameter" in mine and not mine & CALLER
                known = other <= {"constant", "hash"} or any(o.startswith("state") for o in other)
                if hashed and known and "parameter" not in other:
                    rival = "pays" if vertex.kind == "call" else "names"
                    yield from some(
                        hint_at(
                            entry,
                            "front-running",
                            f"puzzle-{rival}",
                            [node, vertex.node],
                            "whoever sees the answer on its way can send it first",
                            marks={"puzzle"},
                        )
                    )


def _benefits(entry: Entry, index: int) -> bool:
    vertex = entry.graph.vertices[index]
    if vertex.kind == "write":
        given = entry.origins.of(vertex.value, vertex.frame)
        return bool(vertex.place and not vertex.place.path and given == {"sender"})
    call = out_call(vertex.node)
    return bool(
        call is not None
        and call.pays
        and call.target is not None
        and entry.origins.of(call.target, vertex.frame) & {"sender", "parameter"}
    )


def _rewards(entry: Entry) -> Iterator[Hint]:
    """A payout whose receiver or amount another transaction can change before it comes."""
    world = entry.world
    for index, vertex in entry.vertices("call"):
        call = out_call(vertex.node)
        if call is None or not call.pays or call.target is None:
            continue
        amount = _state(entry.origins.of(call.value, vertex.frame))
        receiver = _state(entry.origins.of(call.target, vertex.frame))
        to_sender = "sender" in entry.origins.of(call.target, vertex.frame)
        for other in world.entries:
            for number, write in other.vertices("write"):
                place = write.place
                if other is entry or place is None or place.path:
                    continue
                given = other.origins.of(write.value, write.frame)
                if place.variable in amount and to_sender and given & {"value", "parameter"}:
                    yield from some(_changed(entry, index, vertex.node, "amount", other, number))
                claims = given == {"sender"} and number not in other.guarded
                if place.variable in receiver and claims and not to_sender:
                    yield from some(_changed(entry, index, vertex.node, "winner", other, number))
                    yield from some(_changed(other, number, write.node, "winner", entry, index))
        if amount & receiver:
            continue
        for number, write in entry.vertices("write"):
            place = write.place
            if place is None or place.path or place.variable not in amount:
                continue
            given = entry.origins.of(write.value, write.frame)
            if "value" in given and index in entry.guarded:
                yield from some(_changed(entry, index, vertex.node, "reset", entry, number))


def _changed(
    entry: Entry, index: int, node: Node, variant: str, other: Entry, number: int
) -> Hint | None:
    marks: set[str] = set()
    if index in entry.guarded:
        marks.add("guarded")
    if number in other.guarded:
        marks.add("set-by-owner")
    if any("value" in other.origins.of(one, frame) for one, _, frame in other.facts_at(number)):
        marks.add("bid")
    if any(True for _ in other.facts_at(number)):
        marks.add("conditional")
    return hint_at(
        entry,
        "front-running",
        variant,
        node,
        f"{other.name} decides what this does if its transaction comes first",
        marks=marks,
    )


def _state(origins: frozenset[str]) -> frozenset[int]:
    return frozenset(int(one[6:]) for one in origins if one.startswith("state:"))


def _allowances(entry: Entry) -> Iterator[Hint]:
    """An allowance that is overwritten: its holder can spend the old one first, then the new."""
    if entry.name != "approve":
        return
    for index, vertex in entry.vertices("write"):
        place = vertex.place
        if place is None or place.path != ("[]", "[]"):
            continue
        name = f"state:{place.variable}"
        if any(name in entry.origins.of(node, frame) for node, _, frame in entry.facts_at(index)):
            continue
        given = entry.origins.of(vertex.value, vertex.frame)
        if given == {"parameter"}:
            names = {one["name"].lower() for one in entry.contract.functions}
            marks = {"stepwise"} if {"increaseallowance", "increaseapproval"} & names else set()
            yield from some(
                hint_at(
                    entry,
                    "front-running",
                    "allowance",
                    [entry.function["parameters"], vertex.node],
                    "the spender can use the old allowance before the new one counts",
                    marks=marks,
                )
            )


def _plays(entry: Entry) -> Iterator[Hint]:
    """A paid move written in the clear, which a later move is weighed against."""
    for index, vertex in entry.vertices("write"):
        place, value = vertex.place, vertex.value
        if place is None or value is None or index in entry.guarded:
            continue
        given = entry.origins.of(value, vertex.frame)
        paid = any(
            "value" in entry.origins.of(node, frame) for node, _, frame in entry.facts_at(index)
        )
        if not paid or not {"sender", "parameter"} <= given or type_of(value) == "bytes32":
            continue
        settles = {
            number
            for number in entry.graph.following(index)
            if entry.graph.vertices[number].kind == "call"
        }
        if any(_decided(entry, number, place.variable) for number in settles):
            yield from some(
                hint_at(
                    entry,
                    "front-running",
                    "open-move",
                    vertex.node,
                    f"{spell(value)[:60]} is played in the clear, and the last to move wins",
                )
            )


def _decided(entry: Entry, index: int, variable: int) -> bool:
    return any(
        f"state:{variable}" in entry.origins.of(node, frame)
        for node, _, frame in entry.facts_at(index)
    )
