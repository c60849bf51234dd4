"""Ask about findings, within a budget; let doubts lower a confidence, and nothing more."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from counterpoise.audit.adjudicator.endpoint import Endpoint, NoAnswer
from counterpoise.audit.adjudicator.questions import (
    MOST_TOKENS,
    Answer,
    check_again,
    prompt_digest,
    question,
    read_answer,
)
from counterpoise.audit.adjudicator.slices import Slice, renamed, slice_of
from counterpoise.audit.findings import Finding, Severity
from counterpoise.audit.project import Project
from counterpoise.core.digest import canonical_json, sha256

__all__ = ["Adjudicated", "Budget", "adjudicate"]

PATIENCE = 3
"""Questions in a row without an answer after which none is asked any more."""
LEAST_PART = 4
"""What is doubted keeps at least one part in this many of its confidence."""


@dataclass(slots=True)
class Budget:
    """What may be spent: `calls` on the endpoint, and `tokens` of questions and answers."""

    calls: int = 90
    tokens: int = 400_000
    failures: int = field(default=0, init=False)

    def allows(self, tokens: int) -> bool:
        """Whether one more question of this size may be asked."""
        return self.calls > 0 and self.tokens >= tokens and self.failures < PATIENCE


@dataclass(frozen=True, slots=True)
class Adjudicated:
    """The findings with what doubts did to their confidence, and notes for the report."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


class Asker:
    """Asks an endpoint, or its memory: answers are kept by digest of model and request."""

    def __init__(self, endpoint: Endpoint, budget: Budget, folder: Path | None) -> None:
        self.endpoint, self.budget, self.folder = endpoint, budget, folder

    def ask(self, request: dict[str, Any], part: Slice) -> tuple[str, Answer] | None:
        """What was said, and what it means; None where nothing usable was."""
        key = sha256(canonical_json({"model": self.endpoint.model, "request": request})).hex()
        kept = self._kept(key)
        text = self._fresh(request) if kept is None else kept
        answer = None if text is None else read_answer(text, part)
        if text is None or answer is None:
            return None
        if kept is None:
            self._keep(key, text)
        return text, answer

    def _fresh(self, request: dict[str, Any]) -> str | None:
        size = len(json.dumps(request)) // 3 + MOST_TOKENS
        if not self.budget.allows(size):
            return None
        self.budget.calls -= 1
        try:
            text, spent = self.endpoint.ask(request)
        except NoAnswer:
            self.budget.failures += 1
            self.budget.tokens -= size
            return None
        self.budget.failures = 0
        self.budget.tokens -= max(spent, size - MOST_TOKENS)
        return text

    def _kept(self, key: str) -> str | None:
        if self.folder is None:
            return None
        try:
            text = json.loads((self.folder / f"{key}.json").read_bytes())["said"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return text if isinstance(text, str) else None

    def _keep(self, key: str, text: str) -> None:
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = self.folder / f"{key}.{os.getpid()}"
            draft.write_text(json.dumps({"model": self.endpoint.model, "said": text}))
            draft.replace(self.folder / f"{key}.json")
        except OSError:
            self.folder = None  # a full or read-only disk costs the memory, not the audit


def adjudicate(
    project: Project,
    findings: Sequence[Finding],
    endpoint: Endpoint,
    *,
    budget: Budget | None = None,
    folder: Path | None = None,
    on_question: Callable[[str], None] = lambda path: None,
) -> Adjudicated:
    """Ask a model about findings, worst first, and lower the confidence of those it refutes.

    Each finding is asked about three times: with its names, with all names replaced, and once
    more as a check of the second answer. Only three agreeing answers that refute it count; they
    lower its confidence, never below a quarter, never its severity. Nothing is raised, nothing is
    hidden; what is confirmed, accepted or only a note is not asked about. A question without
    a usable answer leaves its finding as it was.

    Parameters
    ----------
    folder :
        Where answers are kept by digest of model and request; with all of them there, nothing
        is sent.
    """
    asker = Asker(endpoint, budget or Budget(), folder)
    texts = {one.path: (one.text, one.language) for one in project.sources}
    made, counts = list(findings), {"refuted": 0, "upheld": 0, "undecided": 0}
    order = sorted(range(len(made)), key=lambda n: (-made[n].severity, -made[n].confidence, n))
    for place in order:
        finding = made[place]
        if not _is_asked(finding, texts):
            continue
        on_question(finding.path)
        verdict, sure = _verdict(asker, finding, *texts[finding.path])
        counts[verdict] += 1
        if verdict != "undecided":
            made[place] = _marked(finding, verdict, sure)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    note = f"adjudicated by {endpoint.model}, prompts {prompt_digest()[:16]}: {said}"
    return Adjudicated(tuple(made), (note,))


def _is_asked(finding: Finding, texts: dict[str, tuple[str, str]]) -> bool:
    known = finding.path in texts and texts[finding.path][1] in ("vyper", "solidity")
    counts = finding.proof is None and finding.suppression is None
    return known and counts and bool(finding.lines) and finding.severity > Severity.INFO


def _verdict(asker: Asker, finding: Finding, text: str, language: str) -> tuple[str, int]:
    """``"refuted"``, ``"upheld"`` or ``"undecided"``, with the least sure answer's percent."""
    part = slice_of(finding, text, language)
    if not part.lines:
        return "undecided", 0
    plain = asker.ask(question(finding, part, finding.message), part)
    if plain is None:
        return "undecided", 0
    blind, (message,) = renamed(part, finding.message)
    request = question(finding, blind, message)
    second = asker.ask(request, blind)
    if second is None or second[1].true_positive != plain[1].true_positive:
        return "undecided", 0
    third = asker.ask(check_again(request, second[0]), blind)
    if third is None or third[1].true_positive != plain[1].true_positive:
        return "undecided", 0
    sure = min(one[1].confidence for one in (plain, second, third))
    return ("upheld" if plain[1].true_positive else "refuted"), sure


def _marked(finding: Finding, verdict: str, sure: int) -> Finding:
    """The finding with its mark; a refuted one loses as much confidence as the model is sure."""
    detectors = tuple(sorted({*finding.detectors, f"adjudicator:{verdict}"}))
    confidence = finding.confidence
    if verdict == "refuted":
        confidence = max(confidence // LEAST_PART, confidence * (100 - sure) // 100)
    return replace(finding, confidence=confidence, detectors=detectors)
