"""Findings in contract code, with their proof."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.audit.catalogue import RULE_SET, Rule, all_rules, rule_named
    from counterpoise.audit.findings import Analysis, Finding, NotAnalysed, Proof, Severity, Step

_HOMES = {
    "catalogue": ("RULE_SET", "Rule", "all_rules", "rule_named"),
    "findings": ("Analysis", "Finding", "NotAnalysed", "Proof", "Severity", "Step"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "RULE_SET",
    "Analysis",
    "Finding",
    "NotAnalysed",
    "Proof",
    "Rule",
    "Severity",
    "Step",
    "all_rules",
    "rule_named",
]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
