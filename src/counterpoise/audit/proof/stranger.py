"""A stranger that takes value, destroys the contract, or becomes one of those it obeys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from counterpoise.audit.findings import Proof
from counterpoise.audit.proof.arena import STAKE, Arena, Step
from counterpoise.audit.proof.telling import enters, played, told
from counterpoise.chain import Account

__all__ = ["lured_owner", "stranger"]

AFTER_CANCUN = "since EIP-6780 (Cancun) the code stays, and the wei go"


def stranger(arena: Arena, names: frozenset[str]) -> Proof | None:
    """One step, then two: value taken, the contract destroyed, or a guarded function that obeys."""
    single = [step for step in _steps(arena) if not names or step.function.name in names]
    guarded = _guarded(arena)
    for step in single:
        found = _taken(arena, [step], names) or _obeyed(arena, step, guarded, names)
        if found is not None:
            return found
    others = [one for one in _steps(arena, most=2) if not one.value]
    for first in single:
        for second in others:
            for steps in ([first, second], [second, first]):
                found = _taken(arena, steps, names)
                if found is not None:
                    return found
    return None


def lured_owner(arena: Arena, names: frozenset[str]) -> Proof | None:
    """The owner is made to call the attacker, who calls on: what a stranger alone cannot do."""
    for step in _steps(arena):
        if names and step.function.name not in names:
            continue
        alone = arena.tried(partial(played, arena, [step]))
        found = _taken(arena, [step], names, arena.owner)
        if found is not None and alone is None:
            return found
    return None


def _steps(arena: Arena, most: int = 6) -> Iterator[Step]:
    for function in arena.functions:
        if function.view:
            continue
        for arguments in list(arena.lists(function))[:most]:
            yield Step(function, arguments)
        if function.payable:
            for arguments in list(arena.lists(function))[:2]:
                yield Step(function, arguments, STAKE // 100)


def _taken(
    arena: Arena, steps: Sequence[Step], names: frozenset[str], account: Account | None = None
) -> Proof | None:
    """A proof, if the attacker ends with more than it put in, or the contract is destroyed."""

    def attack() -> Proof | None:
        before, held = (arena.chain.balance(one) for one in (arena.puppet, arena.address))
        blocks = played(arena, steps, account=account)
        gain = arena.chain.balance(arena.puppet) - before - sum(step.value for step in steps)
        lost = arena.chain.balance(arena.address) - held
        if blocks is None or (gain <= 0 and lost > -held):
            return None
        trees = arena.trees(blocks)
        if not enters(arena, trees, names):
            return None
        ended = any(
            call.kind == "SELFDESTRUCT" and call.sender == arena.address
            for tree in trees
            for call in tree.walk()
        )
        if gain <= 0 and not ended:
            return None
        who = "an attacker whom the owner calls" if account else "a stranger"
        summary = f"{who} ends with {gain} wei more than it put in" if gain > 0 else who
        if ended:
            summary += (
                f"{',' if gain > 0 else ''} makes the contract destroy itself: {AFTER_CANCUN}"
            )
        balances = (("attacker", gain), (arena.name, lost))
        by = "owner, lured" if account else "attacker"
        return told(arena, "stranger", summary, steps, trees, balances, by)

    proof: Proof | None = arena.tried(attack)
    return proof


def _guarded(arena: Arena) -> list[Step]:
    """Calls that are refused to a stranger, and not to the owner."""
    found = []
    for step in _steps(arena, most=2):
        allowed = partial(arena.by_account, arena.owner, step.function, step.arguments)
        if step.value or arena.tried(partial(played, arena, [step])) is not None:
            continue
        if arena.tried(allowed):
            found.append(step)
    return found


def _obeyed(
    arena: Arena, step: Step, guarded: Sequence[Step], names: frozenset[str]
) -> Proof | None:
    """A proof, if the step turns a refusal of a function that the owner may call into obedience."""
    for one in guarded:
        if one.function != step.function:
            found = arena.tried(partial(_obeys, arena, step, one, names))
            if isinstance(found, Proof):
                return found
    return None


def _obeys(arena: Arena, step: Step, guarded: Step, names: frozenset[str]) -> Proof | None:
    blocks = played(arena, [step, guarded])
    trees = arena.trees(blocks or ())
    if blocks is None or not enters(arena, trees, names):
        return None
    still = arena.by_account(arena.victim, guarded.function, guarded.arguments)
    if still:
        return None  # now it obeys everyone: something else than who calls has changed
    name = guarded.function.name
    summary = (
        f"{name}, which refused the stranger and obeys the owner, obeys the stranger after "
        f"{step.function.name or 'a payment'}"
    )
    return told(arena, "stranger", summary, [step, guarded], trees, ())
