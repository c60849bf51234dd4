"""Which compiler a Solidity file asks for, of those that are here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["Version", "admitted", "blanked", "candidates", "imports_of", "pragmas_of"]

Version = tuple[int, int, int]

_LEXED = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))""",
    re.DOTALL,
)
_PRAGMA = re.compile(r"\bpragma\s+solidity\b([^;]*);")
_IMPORT = re.compile(r"""\bimport\b[^;"']*?["']([^"'\n]+)["']""")
_BOUND = re.compile(r"(\^|~|>=|<=|>|<|=)?\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?")
_OLD = re.compile(r"\b(throw|suicide|sha3|callcode|var)\b|\bconstant\s+returns\b|\.call\.value\(")


def _spaces(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def blanked(text: str, *, strings: bool = True) -> str:
    """The text with comments, and the insides of strings, as spaces; lines stay.

    >>> blanked('a = "pragma"; // b').rstrip()
    'a =         ;'
    """

    def blank(found: re.Match[str]) -> str:
        return found[0] if found["string"] and not strings else _spaces(found[0])

    return _LEXED.sub(blank, text)


def pragmas_of(text: str) -> list[str]:
    r"""The version constraints of a file, outside of comments and strings.

    >>> pragmas_of('// pragma solidity 0.1.0;\npragma solidity ^0.4.18;')
    ['^0.4.18']
    """
    return [found.strip() for found in _PRAGMA.findall(blanked(text))]


def without_pragmas(text: str) -> str:
    """The text with its version pragmas as spaces, so that any compiler reads it."""
    spans = [found.span() for found in _PRAGMA.finditer(blanked(text))]
    for start, end in spans:
        text = text[:start] + _spaces(text[start:end]) + text[end:]
    return text


def imports_of(text: str) -> list[str]:
    """The paths that a file imports, as written."""
    return _IMPORT.findall(blanked(text, strings=False))


def admitted(constraint: str, version: Version) -> bool:
    """Whether a version satisfies a constraint in the manner of npm.

    >>> admitted("^0.4.18", (0, 4, 26)), admitted(">=0.4.22 <0.6", (0, 8, 0))
    (True, False)
    """
    alternatives = (_all_bounds(part, version) for part in constraint.split("||"))
    return any(alternatives)


def _all_bounds(part: str, version: Version) -> bool:
    span = re.match(r"\s*v?([\d.]+)\s+-\s+v?([\d.]+)\s*$", part)
    if span:
        return _all_bounds(f">={span[1]} <={span[2]}", version)
    found = _BOUND.findall(part.replace('"', ""))
    return bool(found) and all(_within(operator, numbers, version) for operator, *numbers in found)


def _within(operator: str, numbers: Sequence[str], version: Version) -> bool:
    known = [int(one) for one in numbers if one.isdigit()]
    if not known:
        return True
    bound: Version = (*known, 0, 0, 0)[:3]  # type: ignore[assignment]
    if operator == "^":
        fixed = next((n + 1 for n, one in enumerate(bound) if one), len(known))
        return version >= bound and version[:fixed] == bound[:fixed]
    if operator == "~":
        return version >= bound and version[:2] == bound[:2]
    if operator in (">=", "<=", ">", "<"):
        short = version[: len(known)] if operator in (">", "<=") else version
        at = bound[: len(known)] if operator in (">", "<=") else bound
        return {">=": short >= at, "<=": short <= at, ">": short > at, "<": short < at}[operator]
    return version[: len(known)] == tuple(known)


def candidates(texts: Iterable[str], here: Iterable[Version]) -> list[tuple[Version, bool]]:
    """Versions to try for files that are compiled together, best first.

    The newest version that satisfies every pragma comes first, then the newest of each older
    series. Where none satisfies, the nearest newer one of the series that is named is tried with
    the pragma blanked; the second part of each pair says so.
    """
    sources = list(texts)
    asked = [one for text in sources for one in pragmas_of(text)]
    order = sorted(set(here), reverse=True)
    fitting = [one for one in order if all(admitted(each, one) for each in asked)]
    if not asked and any(_OLD.search(blanked(text)) for text in sources):
        fitting.sort(key=lambda one: (one >= (0, 5, 0), tuple(-n for n in one)))
    if fitting:
        first: dict[tuple[int, int], Version] = {}
        for one in fitting:
            first.setdefault(one[:2], one)
        return [(one, False) for one in first.values()]
    named = [
        tuple(int(n) for n in found[1:] if n.isdigit())
        for each in asked
        for found in _BOUND.findall(each)
    ]
    series = {one[:2] for one in named if len(one) >= 2}
    return [(one, True) for one in order if one[:2] in series][:1]
