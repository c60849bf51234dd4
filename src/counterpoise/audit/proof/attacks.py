"""One kind of attack on one contract, from its deployment to a proof, or to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from counterpoise.audit.findings import Proof
from counterpoise.audit.proof.arena import Arena, GivenUp
from counterpoise.audit.proof.failing import failing_receiver
from counterpoise.audit.proof.reentering import reentering_receiver
from counterpoise.audit.proof.stranger import lured_owner, stranger
from counterpoise.audit.proof.wrapping import wrap_around
from counterpoise.core.errors import CounterpoiseError

__all__ = ["TEMPLATES", "Target", "Task", "attempt"]

TEMPLATES: dict[str, Callable[[Arena, frozenset[str]], Proof | None]] = {
    "re-entering receiver": reentering_receiver,
    "stranger": stranger,
    "lured owner": lured_owner,
    "failing receiver": failing_receiver,
    "wrap-around": wrap_around,
}
"""Each kind of attack: a prepared arena and the functions in question, to a proof or nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A contract to attack: its interface, and the code that deploys it."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes


@dataclass(frozen=True, slots=True)
class Task:
    """What to show: a kind of attack, through one of these functions (any, where empty)."""

    template: str
    functions: frozenset[str]


def attempt(target: Target, task: Task, *, seconds: float) -> Proof | None:
    """Attack a contract on a fresh chain; None says that no attack was found, not that none is.

    The contract is deployed with arguments found by a small search, and an honest user puts value
    in. What fails then is tried again with a contract that agrees to everything among the
    constructor's arguments, and again after its owner has set what an owner can set.

    Parameters
    ----------
    seconds :
        Wall clock; transactions and their gas are bounded besides.
    """
    until = time.monotonic() + seconds
    for helped, arranged in _settings(target):
        arena: Arena | None = None
        try:
            arena = Arena(target.name, target.abi, target.bytecode, until, helped=helped)
            if arranged:
                arena.arrange()
            arena.settle()
            found = TEMPLATES[task.template](arena, task.functions)
        except (GivenUp, CounterpoiseError):
            continue
        finally:
            if arena is not None:
                arena.close()
        if found is not None:
            return found
    return None


def _settings(target: Target) -> Iterator[tuple[bool, bool]]:
    """Set-ups: whom its constructor is told of, and whether its owner then sets more."""
    constructor = next((one for one in target.abi if one["type"] == "constructor"), None)
    kinds = [one["type"] for one in constructor["inputs"]] if constructor else []
    yield False, False
    if any("address" in kind for kind in kinds):
        yield True, False
    yield False, True
