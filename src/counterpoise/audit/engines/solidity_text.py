"""Solidity that does not compile: a few patterns over its statements, with little confidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from counterpoise.audit.catalogue import rule_named
from counterpoise.audit.engines.solc_choice import blanked
from counterpoise.audit.findings import Analysis, Finding, severity_named
from counterpoise.audit.project import Project, Source

__all__ = ["SolidityTextEngine", "open_engine", "statements"]

CONFIDENCE = 200_000
"""In ppm: nothing is known of types, of inheritance, of what a guard guards."""

LARGEST = 10_000_000
LONGEST = 2000
"""Characters of one statement; what is longer is no statement, but a brace or semicolon lost."""

ROOM = 20
"""Lines of a statement that a finding names."""

PATTERNS: tuple[tuple[str, str, str], ...] = (
    (
        "tx-origin",
        r"tx\.origin\s*[=!]=(?!\s*msg\.sender)|(?<!sender)\s[=!]=\s*tx\.origin",
        "decides by tx.origin",
    ),
    (
        "unchecked-raw",
        r"^[\w.\[\]() ]+?\.(send|call|callcode|delegatecall)\b[^=]*$",
        "drops whether a call succeeded",
    ),
    ("selfdestruct", r"\b(selfdestruct|suicide)\s*\(", "destroys the contract"),
    ("delegate-target", r"[\w.\[\]]+\.(delegatecall|callcode)\s*\(", "runs foreign code"),
    (
        "bad-randomness",
        r"\b(now|block\.(timestamp|number|difficulty|coinbase|prevrandao))\b.*%|blockhash.*%",
        "draws from the block",
    ),
    (
        "timestamp",
        r"\b(now|block\.timestamp)\s*[=!]=|[=!]=\s*(now|block\.timestamp)\b",
        "asks for an exact time",
    ),
)
PAYS = re.compile(r"\.call(\.value\b|\s*\{[^}]*value)|\.call\.gas\b")
CHANGES = re.compile(r"^(\w+\s*\[.*\]|\w+)\s*[-+]?=[^=]")
GUARDED = re.compile(r"\bmsg\.sender\s*[=!]=|[=!]=\s*msg\.sender|\bonly\w*|\[\s*msg\.sender\s*\]")
OPEN_ONLY = ("selfdestruct", "delegate-target")
"""Rules that are silent in a function that compares msg.sender, or has a modifier called only…"""

_STATEMENT = re.compile(r"[^;{}]*(?:\{\s*(?:value|gas|salt)\s*:[^}]*\}[^;{}]*)*[;{}]?")
_CONTRACT = re.compile(r"\b(?:contract|library)\s+(\w+)")
_FUNCTION = re.compile(r"\b(?:function\s*(\w*)|(constructor|fallback|receive)\s*\()")


@dataclass(frozen=True)
class Statement:
    """Code up to a brace or semicolon, comments and strings blanked; `body` is its function's."""

    text: str
    lines: tuple[int, ...]
    contract: str
    function: str
    body: list[str] = field(repr=False)


def statements(source: str) -> Iterator[Statement]:
    """The statements of a source, whatever is wrong with it.

    >>> [(one.function, one.text) for one in statements("contract A { function f() { x = 1; ")]
    [('', 'contract A'), ('f', 'function f()'), ('f', 'x = 1')]
    """
    contract = function = ""
    body: list[str] = []
    line = 1
    for found in _STATEMENT.finditer(source):
        text = found[0]
        first = line + text[: len(text) - len(text.lstrip())].count("\n")
        line += text.count("\n")
        plain = text.strip(" \t\n;{}")
        if not plain or len(plain) > LONGEST:
            continue
        if named := _CONTRACT.match(plain.removeprefix("abstract").lstrip()):
            contract, function, body = named[1], "", []
        elif named := _FUNCTION.match(plain):
            function, body = named[1] or named[2] or "fallback", []
        body.append(plain)
        lines = tuple(range(first, first + min(plain.count("\n"), ROOM) + 1))
        yield Statement(" ".join(plain.split()), lines, contract, function, body)


class SolidityTextEngine:
    """See `Engine`. What it reads stays "not analysed": it sees shapes, not meaning."""

    name = "solidity-text"
    in_worker = True
    fallback = True

    def missing(self) -> str:
        """Nothing: it needs neither a compiler nor a parser."""
        return ""

    def version(self) -> str:
        """Of the patterns."""
        return "2"

    def reads(self, source: Source) -> bool:
        """Whether it is Solidity of a size that can be searched."""
        return source.language == "solidity" and len(source.content) <= LARGEST

    def analyse(
        self, project: Project, sources: Sequence[Source], *, seconds: int
    ) -> Iterator[Analysis]:
        """Look for the patterns in each source."""
        for source in sources:
            yield Analysis(
                source.path,
                tuple(dict.fromkeys(_findings(source))),
                notes=("what does not compile is searched for a few patterns only",),
            )


def _findings(source: Source) -> Iterator[Finding]:
    paid: Statement | None = None
    for one in statements(blanked(source.text)):
        for rule, pattern, does in PATTERNS:
            if re.search(pattern, one.text) and not (rule in OPEN_ONLY and _is_guarded(one)):
                yield _finding(source.path, rule, one, does)
        if paid is not None and one.body is paid.body and CHANGES.match(one.text):
            yield _finding(source.path, "reentrancy-state", one, "changes after a call that pays")
            paid = None
        if PAYS.search(one.text):
            paid = one


def _is_guarded(one: Statement) -> bool:
    return any(GUARDED.search(text) for text in one.body)


def _finding(path: str, rule: str, one: Statement, does: str) -> Finding:
    return Finding(
        rule=rule,
        path=path,
        lines=one.lines,
        contract=one.contract,
        function=one.function,
        message=f"{one.text[:70]} {does}, it seems: the file does not compile",
        engines=("solidity-text",),
        severity=severity_named(rule_named(rule).severity),
        confidence=CONFIDENCE,
        detectors=(f"text:{rule}",),
    )


def open_engine() -> SolidityTextEngine:
    """The engine, ready to read."""
    return SolidityTextEngine()
