"""A receiver that refuses: the call fails, and the state moves on as if it had not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from counterpoise.audit.findings import Proof
from counterpoise.audit.proof.arena import STAKE, Arena, Step
from counterpoise.audit.proof.puppet import REFUSE
from counterpoise.audit.proof.reentering import ways_in
from counterpoise.audit.proof.telling import enters, played, told

__all__ = ["failing_receiver"]


def failing_receiver(arena: Arena, names: frozenset[str]) -> Proof | None:
    """A transaction that goes through, with a call in it that failed, and writes around that."""
    ways = ways_in(arena)
    for step in _steps(arena, names):
        for putting in ways:
            found = arena.tried(partial(_refused, arena, [*putting, step], names))
            if isinstance(found, Proof):
                return found
    return None


def _steps(arena: Arena, names: frozenset[str]) -> Iterator[Step]:
    for function in arena.functions:
        if function.view or (names and function.name not in names):
            continue
        for arguments in arena.lists(function):
            step = Step(function, arguments, habit=REFUSE)
            yield step
            if function.payable:
                yield replace(step, value=STAKE)


def _refused(arena: Arena, steps: list[Step], names: frozenset[str]) -> Proof | None:
    blocks = played(arena, steps)
    trees = arena.trees(blocks or ())
    if blocks is None or not enters(arena, trees[-1:], names):
        return None
    frames = [call for call in trees[-1].walk() if call.to == arena.address and not call.failed]
    for frame in frames:
        failed = [one for one in frame.calls if one.failed and one.to != arena.address]
        if failed and frame.writes:
            return _proof(arena, steps, trees, failed[0])
    return None


def _proof(arena: Arena, steps: list[Step], trees: list[Any], failed: Any) -> Proof:
    name = steps[-1].function.name or "a payment"
    summary = (
        f"a call of {failed.value} wei to {arena.names.get(failed.to, 'another account')} fails"
        f" inside {name}, the transaction goes through, and storage was written as if it had not"
    )
    return told(arena, "failing receiver", summary, steps, trees, (("receiver", 0),))
