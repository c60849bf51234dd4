"""What a rule says before it is judged: where, why, and the marks that its confidence hangs on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.audit.solidity.guards import Entry, World
from counterpoise.audit.solidity.tree import Node

__all__ = ["Hint", "hint_at", "some"]


@dataclass(frozen=True)
class Hint:
    """One place where a rule speaks.

    Parameters
    ----------
    rule :
        Id in the catalogue.
    variant :
        Which shape of the flaw it is; confidence is learned for each.
    marks :
        Facts about the place that make it likelier or less likely to be true.
    trace :
        ``(line, text)`` of the steps that lead there.
    """

    rule: str
    variant: str
    contract: str
    function: str
    lines: tuple[int, ...]
    message: str
    marks: frozenset[str] = frozenset()
    trace: tuple[tuple[int, str], ...] = ()


def hint_at(
    where: World | Entry,
    rule: str,
    variant: str,
    nodes: Node | Iterable[Node],
    message: str,
    *,
    marks: Iterable[str] = (),
    trace: Iterable[tuple[Node, str]] = (),
    function: str = "",
) -> Hint | None:
    """A hint at some nodes; None where they are in another file than the contract."""
    world = where.world if isinstance(where, Entry) else where
    unit = world.contract.unit
    home = unit.file_of(world.contract.node)
    given = [nodes] if isinstance(nodes, dict) else list(nodes)
    lines = {line for one in given if unit.file_of(one) == home for line in unit.lines(one)}
    if not lines:
        return None
    steps = tuple((unit.lines(one)[0], text) for one, text in trace if unit.file_of(one) == home)
    name = where.name if isinstance(where, Entry) else function
    found = frozenset(marks) | (_marks(world))
    return Hint(
        rule, variant, world.contract.name, name, tuple(sorted(lines)), message, found, steps
    )


def _marks(world: World) -> frozenset[str]:
    names = {one["name"] for one in world.contract.functions}
    return frozenset({"token"} if {"transfer", "transferFrom"} <= names else ())


def some(hint: Hint | None) -> Iterator[Hint]:
    """The hint, if there is one."""
    if hint is not None:
        yield hint
