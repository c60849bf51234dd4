"""Prove what an audit found, as far as attacks that are run can."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from counterpoise.audit.engines.deployable import LANGUAGES, Deployable, deployables
from counterpoise.audit.engines.solc import CompilerFailed, Worker
from counterpoise.audit.findings import Finding, Proof
from counterpoise.audit.project import Project, Source
from counterpoise.audit.proof.tasks import TEMPLATE_OF, entries_of
from counterpoise.core.errors import InputError

__all__ = ["Proving", "prove"]

SHOWN = 990_000
"""Confidence, in ppm, of what was executed: an attack may still be what its author meant."""
SECONDS = 20
"""Wall clock of one attempt; the process is ended a little later."""


@dataclass(frozen=True, slots=True)
class Proving:
    """What came of it: the findings, those that were shown now *confirmed*, and notes."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def prove(
    project: Project,
    findings: Sequence[Finding],
    *,
    seconds: float = SECONDS,
    on_attempt: Callable[[str, str], None] = lambda path, template: None,
) -> Proving:
    """Attack every contract that has a finding which an attack can show.

    A finding that no attack shows stays as it was: "no proof" is not "safe". Findings that are
    accepted, or were confirmed before, are not tried.

    Parameters
    ----------
    seconds :
        Of one kind of attack through one function of one contract.
    on_attempt :
        Called with a path and a kind of attack before each.
    """
    tried: dict[tuple[str, str, str, frozenset[str]], Proof | None] = {}
    sources = {one.path: one for one in project.sources if one.language in LANGUAGES}
    compiled: dict[str, list[Deployable]] = {}
    worker = Worker([sys.executable, "-m", "counterpoise.audit.proof.worker"])
    made: list[Finding] = []
    notes: list[str] = []
    try:
        for finding in findings:
            template = TEMPLATE_OF.get(finding.rule)
            source = sources.get(finding.path)
            if template is None or source is None or finding.proof or finding.suppression:
                made.append(finding)
                continue
            if source.path not in compiled:
                compiled[source.path] = _compiled(project, source, notes)
            proof = None
            for target, entries in _targets(finding, compiled[source.path]):
                key = (source.path, target.name, template, entries)
                if key not in tried:
                    on_attempt(source.path, template)
                    tried[key] = _shown(worker, target, template, entries, seconds)
                proof = proof or tried[key]
            made.append(finding if proof is None else _confirmed(finding, proof))
    finally:
        worker.end()
    shown = sum(proof is not None for proof in tried.values())
    if tried:
        notes.append(f"proof: {len(tried)} attacks were attempted, {shown} worked")
    return Proving(tuple(made), tuple(notes))


def _confirmed(finding: Finding, proof: Proof) -> Finding:
    return replace(finding, proof=proof, confidence=max(finding.confidence, SHOWN))


def _compiled(project: Project, source: Source, notes: list[str]) -> list[Deployable]:
    try:
        return deployables(project, source)
    except InputError as error:
        notes.append(f"proof: {error.message}")
        return []


def _targets(
    finding: Finding, made: Iterable[Deployable]
) -> list[tuple[Deployable, frozenset[str]]]:
    """The contracts that have a finding, with the functions that lead to it.

    It is the finding's own contract; where that cannot be deployed or does not show the function,
    those beside it, which may be built on it.
    """
    found = []
    for one in made:
        names = [entry["name"] for entry in one.abi if entry["type"] == "function"]
        entries = entries_of(finding, names)
        if entries is not None:
            found.append((one, entries))
    own = [pair for pair in found if pair[0].name == finding.contract]
    return own or found[:2]


def _shown(
    worker: Worker, target: Deployable, template: str, entries: frozenset[str], seconds: float
) -> Proof | None:
    message: dict[str, Any] = {
        "name": target.name,
        "abi": list(target.abi),
        "bytecode": target.bytecode.hex(),
        "template": template,
        "functions": sorted(entries),
        "seconds": seconds,
    }
    try:
        answer = worker.exchange(message, seconds + 10)["proof"]
    except CompilerFailed:
        return None  # it hung or crashed; the next attempt has a process of its own
    if answer is None:
        return None
    balances = tuple((who, change) for who, change in answer["balances"])
    transactions, calls = (tuple(answer[one]) for one in ("transactions", "calls"))
    return Proof(answer["template"], answer["summary"], transactions, calls, balances)
