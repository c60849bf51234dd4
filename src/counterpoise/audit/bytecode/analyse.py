"""From code to findings: walk from the start of every function, ask every rule."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from counterpoise.audit.bytecode.code import PROXY_SLOTS, Code
from counterpoise.audit.bytecode.facts import Function
from counterpoise.audit.bytecode.graph import explore
from counterpoise.audit.bytecode.machine import Machine, State
from counterpoise.audit.bytecode.memory import Memory
from counterpoise.audit.bytecode.names import name_of
from counterpoise.audit.bytecode.rules import Hint, hints
from counterpoise.audit.bytecode.values import constant, labelled

__all__ = ["Reading", "analyse_code"]

FREE_POINTER = 0x40
SURELY = 990_000
UNLINKED = "libraries are not linked: calls into them are taken to go to address 0"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the rules say of a contract.

    Parameters
    ----------
    cut :
        Functions that were not followed to their end, each with the reason.
    notes :
        What the reader should know of the code.
    """

    hints: tuple[Hint, ...]
    cut: tuple[str, ...]
    notes: tuple[str, ...] = ()


def analyse_code(code: Code, entries: Iterable[tuple[bytes, int]], until: float) -> Reading:
    """Walk a contract and judge it.

    Parameters
    ----------
    entries :
        Selector and offset of each function, as its dispatcher knows them.
    until :
        `time.monotonic` at which to stop; functions that were not reached count as cut.
    """
    if code.clone_of:
        text = f"a minimal proxy (ERC-1167) of 0x{code.clone_of.hex()}"
        return Reading((Hint("proxy", "", 0, text, SURELY),), ())
    machine = code.machine()
    known = sorted(entries, key=lambda pair: pair[1])
    functions, cut = [], []
    for selector, offset in known:
        if time.monotonic() > until:
            cut.append(f"{name_of(selector)} (out of time)")
            continue
        made = _function(machine, code.runtime, selector, offset, frozenset(), until)
        functions.append(made)
        if made.graph.cut:
            cut.append(f"{made.name} ({made.graph.cut})")
    others = frozenset(offset for _, offset in known)
    for start in [0, *_else(machine, known)]:
        rest = _function(machine, code.runtime, b"", start, others, until)
        functions.append(rest)
        if rest.graph.cut and (start or not known):
            cut.append(f"{rest.name} ({rest.graph.cut})")
    found = [*_proxies(functions), *hints(functions)]
    notes = (UNLINKED,) if _is_unlinked(machine, functions) else ()
    return Reading(tuple(_grouped(found)), tuple(cut), notes)


def _grouped(found: list[Hint]) -> Iterator[Hint]:
    """One hint a rule and byte, however many functions lead there; one a function and message."""
    groups: dict[tuple[str, int, str], list[Hint]] = {}
    said: set[tuple[str, str, str]] = set()
    for hint in sorted(set(found), key=_order):
        groups.setdefault((hint.rule, hint.pc, hint.message), []).append(hint)
    for group in groups.values():
        first, *others = group
        if (first.rule, first.function, first.message) in said:
            continue
        said.add((first.rule, first.function, first.message))
        names = [one.function for one in others]
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        away = f" (also through {', '.join(names[:2])}{more})" if names else ""
        yield replace(first, message=first.message + away)


def _is_unlinked(machine: Machine, functions: list[Function]) -> bool:
    """Whether what is reached names a library that was left at zeros."""
    blocks = {key[0] for one in functions for key in one.graph.outcomes}
    return any(
        one.name == "PUSH20" and one.operand == 0 for pc in blocks for one in machine.block(pc)
    )


def _order(hint: Hint) -> tuple[str, str, int, str]:
    return hint.rule, hint.function, hint.pc, hint.message


def _function(
    machine: Machine,
    runtime: bytes,
    selector: bytes,
    offset: int,
    stops: frozenset[int],
    until: float,
) -> Function:
    start = State([labelled("selector")] if selector else [], Memory())
    if selector and runtime[0] in (0x60, 0x61) and runtime[2:4] == b"\x60\x40":
        start.memory.words[FREE_POINTER] = constant(runtime[1])
    graph = explore(machine, offset, start, stops, until)
    name = name_of(selector) if selector else "fallback"
    return Function(name, selector, graph)


def _else(machine: Machine, known: list[tuple[bytes, int]]) -> list[int]:
    """Where a dispatcher goes on when a selector is not the one it looked at.

    Vyper's dispatchers jump through a table, which a walk from the first byte does not follow;
    what they run for a selector that nobody has is found behind each comparison.
    """
    before = {one.next: one for one in machine.instructions.values()}
    found = set()
    for _, offset in known:
        jump = before.get(offset)
        push = before.get(jump.pc) if jump is not None and jump.name == "JUMPI" else None
        if push is not None and push.operand in machine.targets:
            found.add(push.operand)
    return sorted(found)


def _proxies(functions: list[Function]) -> list[Hint]:
    """The kinds of proxy that the code is, by the slots from which it takes what it runs."""
    found = []
    for function in functions:
        if not any(function.named("DELEGATECALL")):
            continue
        for site in function.named("SLOAD"):
            kind = PROXY_SLOTS.get(site.event.values[0].const or 0)
            if kind:
                text = f"a proxy ({kind}): runs the code at an address that it stores"
                found.append(Hint("proxy", "", 0, text, SURELY))
    return found[:1]
