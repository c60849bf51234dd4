"""Findings that somebody accepted, with the reason: by a comment beside the code.

The words are Slither's, in ``//`` and ``#`` comments alike, with a reason after the rules::

    # slither-disable-next-line unchecked-raw a permit that was used already fails here
    # slither-disable-start timestamp,divide-first rounding falls against the caller
    # slither-disable-end timestamp,divide-first

A finding in a module is accepted there for all who use it, or for one of them where it calls in.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from counterpoise.audit.findings import Finding, Suppression
from counterpoise.audit.project import Source

__all__ = ["Comment", "comments_of", "suppress"]

ALL = "all"


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment that accepts findings.

    Parameters
    ----------
    path, line :
        Where it stands.
    first, last :
        Lines that it covers.
    names :
        Rules or detectors, or ``"all"``.
    reason :
        Why; empty where none is given.
    """

    path: str
    line: int
    first: int
    last: int
    names: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is meant: it is here, or in a module that is called from here."""
        here = [n for n in finding.lines if finding.path == self.path]
        here += [s.line for s in finding.trace if s.path == self.path != finding.path]
        if not any(self.first <= n <= self.last for n in here):
            return False
        detectors = [one.rpartition(":")[2] for one in finding.detectors]
        return bool({ALL, finding.rule, *detectors} & set(self.names))


def comments_of(source: Source) -> list[Comment]:
    """The comments of one source that accept findings, in order; those inside strings are none."""
    found: list[Comment] = []
    started: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for line, text in _comments(source):
        match = re.match(r"slither-disable-(next-line|start|end)\b\s*(.*)", text.strip())
        if not match:
            continue
        names, reason = _split(match[2])
        if match[1] == "next-line":
            last = _next_code(source.text, line, source.language)
            found.append(Comment(source.path, line, line + 1, last, names, reason))
        elif match[1] == "start":
            started.setdefault(names, []).append((line, reason))
        elif started.get(names):
            first, reason = started[names].pop()
            found.append(Comment(source.path, first, first, line, names, reason))
    end = source.text.count("\n") + 1
    for names, open_ones in started.items():
        found += [Comment(source.path, n, n, end, names, reason) for n, reason in open_ones]
    return sorted(found, key=lambda one: (one.line, one.names))


def suppress(
    findings: Iterable[Finding], sources: Sequence[Source]
) -> tuple[list[Finding], list[str]]:
    """Mark the findings that comments accept.

    Returns
    -------
    tuple
        The findings, and a line for each comment that accepts nothing, or gives no reason and so
        does not count.
    """
    comments = [comment for source in sources for comment in comments_of(source)]
    used: set[Comment] = set()
    marked = []
    for finding in findings:
        hit = next((c for c in comments if c.reason and c.covers(finding)), None)
        used |= {c for c in comments if c.covers(finding)}
        by = Suppression("comment", hit.reason) if hit else finding.suppression
        marked.append(replace(finding, suppression=by))
    warnings = [
        f"{c.path}:{c.line}: this comment accepts {', '.join(c.names)}, which is not found here"
        for c in comments
        if c not in used
    ]
    warnings += [
        f"{c.path}:{c.line}: this comment gives no reason, so the finding counts"
        for c in comments
        if c in used and not c.reason
    ]
    return marked, sorted(warnings)


def _split(words: str) -> tuple[tuple[str, ...], str]:
    """The rules, separated by commas, and the reason after them."""
    parts = re.match(r"([\w-]+(?:\s*,\s*[\w-]+)*)\s*:?\s*(.*)", words.strip())
    if not parts:
        return (ALL,), ""
    names = tuple(sorted(re.split(r"\s*,\s*", parts[1])))
    return names, parts[2].strip().removesuffix("*/").strip()


def _comments(source: Source) -> Iterator[tuple[int, str]]:
    if source.language == "vyper":
        try:
            for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
                if token.type == tokenize.COMMENT:
                    yield token.start[0], token.string.lstrip("#")
        except (tokenize.TokenError, SyntaxError):
            return
        return
    if source.language != "solidity":
        return
    pattern = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|//([^\n]*)|/\*(.*?)\*/"
    for match in re.finditer(pattern, source.text, re.DOTALL):
        text = match[1] if match[1] is not None else match[2]
        if text is not None:
            yield source.text.count("\n", 0, match.start()) + 1, text


def _next_code(text: str, line: int, language: str) -> int:
    """The line of code that a comment is about: the first after it that is not a comment too."""
    mark = "#" if language == "vyper" else "//"
    rows = text.split("\n")
    for number in range(line, len(rows)):
        row = rows[number].strip()
        if row and not row.startswith(mark):
            return number + 1
    return line + 1
