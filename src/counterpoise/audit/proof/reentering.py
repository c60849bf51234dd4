"""A receiver that comes back while it is being paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from counterpoise.audit.findings import Proof
from counterpoise.audit.proof.arena import STAKE, Arena, Function, Step
from counterpoise.audit.proof.arguments import ETHER
from counterpoise.audit.proof.telling import enters, played, told

__all__ = ["reentering_receiver", "ways_in"]

TIMES = 3
WAYS = 3
"""Argument lists with which one function is used to put value in."""
LONG = 400 * 86_400
"""Seconds that pass between putting in and taking out, where that helps."""


def reentering_receiver(arena: Arena, names: frozenset[str]) -> Proof | None:
    """An attacker that ends with more than it put in, and with no more if it does not come back."""
    ways = ways_in(arena)
    for taking in _taking(arena, names):
        for putting in ways:
            steps = [*putting, taking]
            for wait in (0, LONG):
                gain = _gain(arena, steps, wait, names)
                if gain is None:
                    continue  # nothing was paid: perhaps only not yet
                plain = Step(taking.function, taking.arguments, taking.value)
                alone = (_gain(arena, [*putting, plain], wait, names) or 0) if gain > 0 else 0
                if gain > max(0, alone):
                    return _proof(arena, steps, wait, gain)
                break
    return None


def _taking(arena: Arena, names: frozenset[str]) -> Iterator[Step]:
    for function in arena.functions:
        if function.view or not function.name or (names and function.name not in names):
            continue
        for arguments in arena.lists(function):
            for value in (0, STAKE) if function.payable else (0,):
                yield Step(function, arguments, value, TIMES)


def ways_in(arena: Arena) -> list[list[Step]]:
    """Ways to put value in that go through, a few of each function; and none."""
    ways: list[list[Step]] = []
    for function in arena.functions:
        if not function.payable:
            continue
        ways += [[step] for step in _first(arena, function)]
    return [*ways, []]


def _first(arena: Arena, function: Function) -> list[Step]:
    found: list[Step] = []
    for arguments in arena.lists(function):
        for value in (STAKE, ETHER // 10):
            step = Step(function, arguments, value)
            if len(found) < WAYS and arena.tried(partial(arena.step, step)):
                found.append(step)
                break
    return found


def _gain(arena: Arena, steps: Sequence[Step], wait: int, names: frozenset[str]) -> int | None:
    """Wei that the attacker has more in the end than it put in; None where it is paid nothing."""

    def attack() -> int | None:
        before: int = arena.chain.balance(arena.puppet)
        *first, last = steps
        if played(arena, first) is None:
            return None
        if wait:
            arena.chain.warp(wait)
        middle: int = arena.chain.balance(arena.puppet)
        blocks = played(arena, [last])
        after: int = arena.chain.balance(arena.puppet)
        gain = after - before - sum(step.value for step in steps)
        if blocks is None or after <= middle:
            return None
        return gain if gain > 0 and enters(arena, arena.trees(blocks), names) else 0

    found: int | None = arena.tried(attack)
    return found


def _proof(arena: Arena, steps: Sequence[Step], wait: int, gain: int) -> Proof:
    def attack() -> Proof:
        held = arena.chain.balance(arena.address)
        first = played(arena, steps[:-1]) or []
        if wait:
            arena.chain.warp(wait)
        trees = arena.trees([*first, *(played(arena, steps[-1:]) or [])])
        lost = arena.chain.balance(arena.address) - held
        name = steps[-1].function.name
        summary = (
            f"a receiver that calls {name} again while it is paid by it ends with {gain} wei more"
            " than it put in; without calling again it gains nothing by it"
        )
        balances = (("attacker", gain), (arena.name, lost))
        return told(arena, "re-entering receiver", summary, steps, trees, balances)

    proof: Proof = arena.tried(attack)
    return proof
