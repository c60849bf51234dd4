"""Our rules for Solidity, over the graphs of a contract's entry points."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

from counterpoise.audit.solidity.contracts import Unit
from counterpoise.audit.solidity.guards import World
from counterpoise.audit.solidity.rules.hint import Hint
from counterpoise.audit.solidity.tree import kind_of

__all__ = ["Hint", "hints"]

PARTS = ("access", "blocking", "chance", "memory", "numbers", "order", "reentrancy", "unchecked")


def hints(unit: Unit, name: str, *, until: float = float("inf")) -> Iterator[Hint]:
    """What every rule says about the contracts of one file, each place once.

    Raises
    ------
    TimeoutError :
        The clock passed `until` (as `time.monotonic` has it) between two steps.
    """
    seen: set[tuple[str, str, tuple[int, ...]]] = set()
    owners = _owners(unit, name)
    for contract in unit.leaves(name):
        world = World(contract, until=until)
        for part in PARTS:
            for hint in import_module(f"{__name__}.{part}").rules(world):
                if time.monotonic() > until:
                    raise TimeoutError("the time limit was reached")
                key = (hint.rule, hint.variant, hint.lines)
                if key not in seen:
                    seen.add(key)
                    yield _placed(hint, owners)


def _owners(unit: Unit, name: str) -> dict[int, tuple[str, str]]:
    """Contract and function of each line of a file."""
    found: dict[int, tuple[str, str]] = {}
    for home in unit.contracts.values():
        if unit.file_of(home.node) != name:
            continue
        for one in home.node["nodes"]:
            if kind_of(one) in ("FunctionDefinition", "ModifierDefinition"):
                label = one["name"] or one.get("kind") or "fallback"
                for line in unit.lines(one):
                    found[line] = (home.name, label)
    return found


def _placed(hint: Hint, owners: dict[int, tuple[str, str]]) -> Hint:
    """The hint under the function that its first line is in, not the one that leads there."""
    contract, function = owners.get(hint.lines[0], (hint.contract, hint.function))
    return replace(hint, contract=contract, function=function)
