"""From an attack that worked to a proof that can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from counterpoise.audit.findings import Proof
from counterpoise.audit.proof.arena import Arena, Step
from counterpoise.audit.proof.puppet import REFUSE
from counterpoise.core.digest import keccak

__all__ = ["calls_of", "played", "shown", "told"]

MOST_LINES = 40


def played(arena: Arena, steps: Sequence[Step], **options: Any) -> list[int] | None:
    """Run an attack step by step; the blocks of its transactions, None where one fails."""
    blocks = []
    for step in steps:
        if not arena.step(step, **options):
            return None
        blocks.append(int(arena.chain.block().number))
    return blocks


def told(
    arena: Arena, template: str, summary: str, steps: Sequence[Step], trees: Sequence[Any],
    balances: Sequence[tuple[str, int]], who: str = "attacker",
) -> Proof:  # fmt: skip
    """The proof of an attack that was run."""
    given = "; the contract was given 10 ether to begin with" if arena.given else ""
    transactions = tuple(_transaction(arena, step, who) for step in steps)
    lines = [line for tree in trees for line in calls_of(arena, tree)]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more calls"]
    return Proof(template, summary + given, transactions, tuple(lines), tuple(balances))


def _transaction(arena: Arena, step: Step, who: str) -> str:
    arguments = ", ".join(shown(arena, one) for one in step.arguments)
    name = f"{step.function.name}({arguments})" if step.function.name else "(a payment)"
    parts = [f"{who}: {arena.name}.{name}"]
    if step.value:
        parts.append(f"with {step.value} wei")
    if step.times:
        parts.append(f"coming back {step.times} times when called")
    if step.habit == REFUSE:
        parts.append("refusing what it is sent")
    return ", ".join(parts)


def shown(arena: Arena, value: Any) -> str:
    """A value for people: addresses by their part in the attack."""
    if isinstance(value, bytes) and len(value) == 20:
        return arena.names.get(value, f"0x{value.hex()}")
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(arena, one) for one in value) + "]"
    return str(value)


def calls_of(arena: Arena, tree: Any, depth: int = 0) -> Iterator[str]:
    """The call tree, one line a call."""
    selectors = _selectors(arena)
    who, whom = (arena.names.get(one, f"0x{one.hex()}") for one in (tree.sender, tree.to))
    function = selectors.get(tree.data[:4], "") if tree.to == arena.address else ""
    value = f" {tree.value} wei" if tree.value else ""
    failed = f" FAILED ({tree.failed})" if tree.failed else ""
    called = f"{whom}.{function}" if function else whom
    yield f"{'  ' * depth}{tree.kind} {who} -> {called}{value}{failed}"
    for inner in tree.calls:
        yield from calls_of(arena, inner, depth + 1)


def _selectors(arena: Arena) -> dict[bytes, str]:
    found = {}
    for one in arena.contract.interface.functions.values():
        for each in one:
            found[keccak(f"{each.name}({','.join(each.inputs)})".encode())[:4]] = each.name
    return found


def enters(arena: Arena, trees: Sequence[Any], names: frozenset[str]) -> bool:
    """Whether an attack went through one of the functions that are in question."""
    if not names:
        return True
    selectors = _selectors(arena)
    return any(
        call.to == arena.address and selectors.get(call.data[:4], "") in names
        for tree in trees
        for call in tree.walk()
    )
