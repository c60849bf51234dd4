"""The version that a Vyper file asks for, and what is known against that version."""

from __future__ import annotations

import io
import re
import tokenize

__all__ = ["admits", "advisories", "pragma_of"]

Version = tuple[int, int, int]

ADVISORIES: tuple[tuple[Version, Version, str], ...] = (
    ((0, 2, 15), (0, 3, 1), "CVE-2023-39363: reentrancy locks do not lock"),
    ((0, 2, 0), (0, 4, 1), "CVE-2025-21607: a failing precompile goes unnoticed"),
    ((0, 2, 0), (0, 4, 1), "CVE-2025-26622: sqrt() can round up"),
    ((0, 2, 0), (0, 4, 1), "CVE-2025-27104: the list of a loop can be evaluated anew in its body"),
    ((0, 2, 0), (0, 4, 1), "CVE-2025-27105: an augmented assignment can write past a list"),
    ((0, 2, 0), (0, 4, 2), "CVE-2025-47285: concat() may leave out what its arguments do"),
)
"""First version with the fault, first without it, and the fault."""


def pragma_of(text: str) -> tuple[str, int] | None:
    """The version constraint of a file and its line, from a comment outside of all strings.

    >>> pragma_of("# pragma version ~=0.4.3")
    ('~=0.4.3', 1)
    """
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found = re.match(r"#\s*(?:pragma\s+version|@version)\s+(\S.*)", token.string)
                if found:
                    return found[1].strip(), token.start[0]
    except (tokenize.TokenError, SyntaxError):
        return None
    return None


def admits(constraint: str, version: Version) -> bool:
    """Whether a version satisfies a constraint such as ``~=0.4.3`` or ``>=0.3.10,<0.5``.

    >>> admits("^0.3.7", (0, 3, 10)), admits("^0.3.7", (0, 4, 0)), admits("~=0.4.0", (0, 4, 3))
    (True, False, True)
    """
    parts = re.findall(r"(~=|\^|~|>=|<=|==|!=|>|<)?\s*v?(\d+)\.(\d+)(?:\.(\d+))?", constraint)
    return all(
        _satisfies(operator, (int(major), int(minor), int(patch or 0)), version)
        for operator, major, minor, patch in parts
    )


def _satisfies(operator: str, bound: Version, version: Version) -> bool:
    if operator in ("^", "~=", "~"):
        return version >= bound and version[:2] == bound[:2]
    order = {
        ">=": version >= bound,
        "<=": version <= bound,
        ">": version > bound,
        "<": version < bound,
        "!=": version != bound,
    }
    return order.get(operator, version == bound)


def advisories(constraint: str) -> list[str]:
    """The faults of versions that a constraint admits, newest first."""
    found = []
    for first, fixed, fault in reversed(ADVISORIES):
        span = [v for v in RELEASES if first <= v < fixed and admits(constraint, v)]
        if span:
            found.append(fault)
    return found


RELEASES: tuple[Version, ...] = (
    *((0, 2, patch) for patch in range(1, 17)),
    *((0, 3, patch) for patch in range(11)),
    *((0, 4, patch) for patch in range(4)),
)
"""Releases of the compiler that advisories are matched with."""
