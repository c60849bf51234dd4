"""Which findings can be shown by which attack, and through which functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from counterpoise.audit.findings import Finding

__all__ = ["TEMPLATE_OF", "entries_of"]

TEMPLATE_OF = {
    "reentrancy-state": "re-entering receiver",
    "reentrancy-cross": "re-entering receiver",
    "unprotected-transfer": "stranger",
    "unprotected-write": "stranger",
    "unprotected-init": "stranger",
    "unequal-guard": "stranger",
    "void-guard": "stranger",
    "selfdestruct": "stranger",
    "delegate-target": "stranger",
    "array-length": "stranger",
    "tx-origin": "lured owner",
    "unchecked-raw": "failing receiver",
    "unsafe-math": "wrap-around",
}
"""The attack that shows a rule's flaw, if it is one."""


def entries_of(finding: Finding, functions: Iterable[str]) -> frozenset[str] | None:
    """Functions of the interface through which a finding is reached; None where none is known.

    A finding in an inner function is reached through the entries that its path or its message
    names.
    """
    known = set(functions)
    if finding.function in known:
        return frozenset({finding.function})
    words = " ".join([*(step.text for step in finding.trace[:1]), *_through(finding.message)])
    named = {word for word in re.findall(r"\w+", words) if word in known}
    if named:
        return frozenset(named)
    return frozenset() if finding.function in ("", "fallback", "__default__") else None


def _through(message: str) -> list[str]:
    return re.findall(r"\(through ([^)]*)\)", message)
