"""What a file's text shows before anything is compiled: hidden characters, the pragma."""

from __future__ import annotations

import re
from collections.abc import Iterator

from counterpoise.audit.findings import Finding, Severity
from counterpoise.audit.pragma import advisories, pragma_of
from counterpoise.audit.project import Source

__all__ = ["text_findings"]

HIDDEN = re.compile(
    "[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u2028\u2029]"
)
"""Characters that turn the direction of text, take no width, or end a line unseen."""


def text_findings(source: Source) -> Iterator[Finding]:
    """Findings that need the text alone; of any language."""
    hidden = [n for n, row in enumerate(source.text.split("\n"), 1) if HIDDEN.search(row)]
    if hidden and source.language != "bytecode":
        yield _finding(
            "hidden-text",
            source,
            tuple(hidden),
            "characters that turn or hide text stand in these lines",
            Severity.HIGH,
            900_000,
        )
    if source.language == "vyper":
        yield from _compiler(source)


def _compiler(source: Source) -> Iterator[Finding]:
    found = pragma_of(source.text)
    if found is None:
        yield _finding(
            "compiler-advisory",
            source,
            (1,),
            "no pragma names a version: any compiler may be used",
            Severity.LOW,
            900_000,
        )
        return
    constraint, line = found
    faults = advisories(constraint)
    if faults:
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        yield _finding(
            "compiler-advisory",
            source,
            (line,),
            f"{constraint} admits a version with {faults[0]}{more}",
            Severity.MEDIUM,
            900_000,
        )


def _finding(
    rule: str,
    source: Source,
    lines: tuple[int, ...],
    message: str,
    severity: Severity,
    confidence: int,
) -> Finding:
    name = source.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return Finding(rule, source.path, lines, name, "", message, ("text",), severity, confidence)
