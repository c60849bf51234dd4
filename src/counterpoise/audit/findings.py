"""What an engine says about a source: findings, and what it could not read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from counterpoise.audit.catalogue import Rule, rule_named
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import PPM

__all__ = [
    "Analysis",
    "Finding",
    "NotAnalysed",
    "Proof",
    "Severity",
    "Step",
    "Suppression",
    "severity_named",
]


class Severity(IntEnum):
    """How bad it is if the finding is true; ordered."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        """The word of reports and of ``--fail-on``: info, low, medium, high."""
        return self.name.lower()


def severity_named(label: str) -> Severity:
    """The severity that a word names.

    >>> severity_named("high") > severity_named("medium")
    True
    """
    try:
        return Severity[label.upper()]
    except KeyError:
        words = ", ".join(one.label for one in Severity)
        raise InputError(f"no severity {label!r}", hint=f"one of {words}") from None


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One station of the path that a finding follows through the code.

    Parameters
    ----------
    path :
        File, relative to the project's root, with forward slashes.
    line :
        From 1.
    text :
        What happens there, such as ``"calls TOKEN.transfer"``.
    """

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Proof:
    """An attack that was executed, and what it moved.

    Parameters
    ----------
    template :
        Name of the kind of attack, such as ``"re-entering receiver"``.
    summary :
        One sentence: what the attacker did and gained.
    transactions :
        Hashes or readable calls, in order.
    calls :
        The call tree, one line a call.
    balances :
        ``(account, change in wei)``.
    """

    template: str
    summary: str
    transactions: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    balances: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding is accepted: ``where`` is ``"comment"`` or ``"baseline"``."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or may be, in contract code.

    SWC, CWE, DASP and OWASP names, and the advice, follow from the rule (see `catalogue`).

    Parameters
    ----------
    rule :
        Id in the catalogue, such as ``"reentrancy-state"``.
    path :
        File, relative to the project's root, with forward slashes; an address for bytecode.
    lines :
        Lines of the nodes that show it, ascending, from 1; not those of a whole function. Empty
        for bytecode.
    contract, function :
        Where it is; ``function`` is ``""`` for what belongs to no function.
    message :
        One sentence about this place: names the variables, the call, the missing guard.
    engines :
        Names of the engines that say so, sorted.
    detectors :
        What the engines themselves call it, such as ``"slither:reentrancy-eth"``, sorted; may be
        empty.
    severity :
        The rule's, unless this place makes it better or worse.
    confidence :
        Chance that the finding is true, in ppm.
    trace :
        Path through the code that leads there, from the entry point on.
    snippet :
        The source of the first line, spaces normalised, without comments; part of the fingerprint.
    proof :
        An executed attack; such a finding is *confirmed*.
    suppression :
        Why it is accepted; None where it counts.
    """

    rule: str
    path: str
    lines: tuple[int, ...]
    contract: str
    function: str
    message: str
    engines: tuple[str, ...]
    severity: Severity
    confidence: int
    detectors: tuple[str, ...] = ()
    trace: tuple[Step, ...] = ()
    snippet: str = ""
    proof: Proof | None = None
    suppression: Suppression | None = None

    def __post_init__(self) -> None:
        rule_named(self.rule)  # raises where there is no such rule
        if not 0 <= self.confidence <= PPM:
            raise InputError(f"a confidence of {self.confidence} ppm; it is 0 to {PPM}")
        if list(self.lines) != sorted(set(self.lines)) or any(n < 1 for n in self.lines):
            raise InputError(f"lines {self.lines} are not ascending from 1")

    @property
    def about(self) -> Rule:
        """The rule, with its SWC, CWE, DASP and OWASP names and its advice."""
        return rule_named(self.rule)

    @property
    def line(self) -> int:
        """The first line; 1 where the finding has none."""
        return self.lines[0] if self.lines else 1

    @property
    def swc(self) -> str:
        """Such as ``"SWC-107"``; empty where the registry has no entry."""
        return self.about.swc

    @property
    def cwe(self) -> str:
        """Such as ``"CWE-841"``."""
        return self.about.cwe

    @property
    def dasp(self) -> str:
        """DASP category by its name in SmartBugs, such as ``"access_control"``."""
        return self.about.dasp

    @property
    def owasp(self) -> tuple[str, ...]:
        """OWASP Smart Contract Top 10 of 2025, such as ``("SC05",)``."""
        return self.about.owasp

    @property
    def advice(self) -> str:
        """What to do about it."""
        return self.about.advice

    @property
    def fingerprint(self) -> str:
        """32 hex digits that stay when lines move: rule, contract, function and snippet."""
        parts = (self.rule, self.contract, self.function, self.snippet)
        return sha256("\0".join(parts).encode()).hex()[:32]

    def with_snippet(self, text: str) -> Finding:
        """The same finding with its snippet taken from the source `text`."""
        rows = text.splitlines()
        if not self.lines or self.line > len(rows):
            return self
        row = rows[self.line - 1]
        for mark in ("//", "#"):
            row = row.split(mark)[0]
        return replace(self, snippet=" ".join(row.split()))


@dataclass(frozen=True, slots=True, order=True)
class NotAnalysed:
    """A file that an engine did not read, and why: never the same as clean."""

    path: str
    engine: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one engine says about one source.

    Parameters
    ----------
    path :
        The source.
    findings :
        What it found; empty and `not_analysed` None means that the rules are silent.
    not_analysed :
        Why it could not be read; findings may be there nevertheless, if it was read in part.
    depends :
        ``(path, sha256 hex)`` of every other file that was read for it; the cache compares them.
    compilers :
        Compilers used, such as ``"vyper 0.4.3+commit.bff19ea2"``.
    notes :
        What the reader should know of its limits, such as ``"inline assembly is not followed"``.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    not_analysed: NotAnalysed | None = None
    depends: tuple[tuple[str, str], ...] = ()
    compilers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
