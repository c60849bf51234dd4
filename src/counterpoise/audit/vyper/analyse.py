"""From an annotated syntax tree to findings: walk every entry, ask every rule, merge."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from counterpoise.audit.catalogue import rule_named
from counterpoise.audit.findings import Finding, Severity, Step, severity_named
from counterpoise.audit.vyper.found import Found
from counterpoise.audit.vyper.program import Node, read_program
from counterpoise.audit.vyper.rules import ALL
from counterpoise.audit.vyper.trust import Contract
from counterpoise.audit.vyper.walk import walk

__all__ = ["Report", "analyse_tree"]


BY_FUNCTION = frozenset({"unsafe-math"})
"""Rules of which a function has one finding with all its lines: one bound answers them all."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the rules say of one contract, and which functions were too long to follow."""

    findings: tuple[Finding, ...]
    cut: tuple[str, ...]


def analyse_tree(tree: Node, path_of: Callable[[str], str]) -> Report:
    """Analyse one compiled contract.

    Parameters
    ----------
    tree :
        ``{"contract_name", "ast", "imports"}``, as the compiler gives it.
    path_of :
        From the resolved path of a module to its path in the project.
    """
    program = read_program(tree)
    entries = [walk(program, function) for function in program.entries()]
    contract = Contract(program, entries)
    found = [one for rule in ALL for one in rule(contract)]
    findings = _merged(found, program.name, path_of)
    return Report(tuple(findings), tuple(sorted(entry.name for entry in entries if entry.cut)))


def _merged(found: Iterable[Found], contract: str, path_of: Callable[[str], str]) -> list[Finding]:
    """One finding a rule, place and message, however many entries lead there.

    In a module each entry has its own: what one caller of a module makes safe, another may not.
    """
    groups: dict[tuple[str, str, str, int, str, str], list[Found]] = {}
    for one in found:
        line = 0 if one.rule in BY_FUNCTION else one.place.line
        away = one.entry.name if one.place.path != one.entry.place.path else ""
        key = (one.rule, one.place.path, one.place.function, line, _core(one), away)
        groups.setdefault(key, []).append(one)
    return [_finding(group, contract, path_of) for _, group in sorted(groups.items())]


def _core(one: Found) -> str:
    """What parts findings of one rule at one line, where they say different things."""
    return one.message if one.rule == "signature-replay" else ""


def _finding(group: list[Found], contract: str, path_of: Callable[[str], str]) -> Finding:
    def rank(one: Found) -> tuple[int, int]:
        return -_severity(one), -one.confidence

    first = sorted(group, key=rank)[0]
    names = list(dict.fromkeys(one.entry.name for one in group))
    away = [name for name in names if name != first.place.function]
    message = first.message
    if away:
        more = f" and {len(away) - 3} more" if len(away) > 3 else ""
        message += f" (through {', '.join(away[:3])}{more})"
    return Finding(
        rule=first.rule,
        path=path_of(first.place.path),
        lines=tuple(sorted({one.place.line for one in group})),
        contract=contract,
        function=first.place.function,
        message=message,
        engines=("vyper",),
        severity=_severity(first),
        confidence=first.confidence,
        trace=_trace(first, path_of),
    )


def _severity(one: Found) -> Severity:
    given = one.severity
    return severity_named(rule_named(one.rule).severity) if given is None else given


def _trace(one: Found, path_of: Callable[[str], str]) -> tuple[Step, ...]:
    steps = [Step(path_of(one.entry.place.path), one.entry.place.line, f"enters {one.entry.name}")]
    steps += [
        Step(path_of(frame.path), frame.line, f"in {frame.function}, calls inward")
        for frame in one.frames
    ]
    steps += [Step(path_of(place.path), place.line, text) for place, text in one.steps]
    if not one.steps:
        steps.append(Step(path_of(one.place.path), one.place.line, rule_named(one.rule).title))
    return tuple(steps)
