"""Our rules for Solidity, over the graphs of a contract's entry points."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from counterpoise.audit.solidity.contracts import Unit
from counterpoise.audit.solidity.guards import World
from counterpoise.audit.solidity.rules.hint import Hint

__all__ = ["Hint", "hints"]

PARTS = ("access", "blocking", "chance", "memory", "numbers", "order", "reentrancy", "unchecked")


def hints(unit: Unit, name: str) -> Iterator[Hint]:
    """What every rule says about the contracts of one file, each place once."""
    seen: set[tuple[str, str, tuple[int, ...]]] = set()
    for contract in unit.leaves(name):
        world = World(contract)
        for part in PARTS:
            for hint in import_module(f"{__name__}.{part}").rules(world):
                key = (hint.rule, hint.variant, hint.lines)
                if key not in seen:
                    seen.add(key)
                    yield hint
