"""Findings in contract code, with their proof."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.audit.audit import Outcome, audit_project
    from counterpoise.audit.cache import Cache
    from counterpoise.audit.catalogue import RULE_SET, Rule, all_rules, rule_named
    from counterpoise.audit.evidence import (
        audit_answer,
        audit_question,
        audit_statement,
        check_report,
        code_digest,
        report_bytes,
    )
    from counterpoise.audit.findings import Analysis, Finding, NotAnalysed, Proof, Severity, Step
    from counterpoise.audit.loading import load_project
    from counterpoise.audit.project import Project, Source
    from counterpoise.audit.report import write_report

_HOMES = {
    "audit": ("Outcome", "audit_project"),
    "cache": ("Cache",),
    "catalogue": ("RULE_SET", "Rule", "all_rules", "rule_named"),
    "evidence": (
        "audit_answer",
        "audit_question",
        "audit_statement",
        "check_report",
        "code_digest",
        "report_bytes",
    ),
    "findings": ("Analysis", "Finding", "NotAnalysed", "Proof", "Severity", "Step"),
    "loading": ("load_project",),
    "project": ("Project", "Source"),
    "report": ("write_report",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "RULE_SET",
    "Analysis",
    "Cache",
    "Finding",
    "NotAnalysed",
    "Outcome",
    "Project",
    "Proof",
    "Rule",
    "Severity",
    "Source",
    "Step",
    "all_rules",
    "audit_answer",
    "audit_project",
    "audit_question",
    "audit_statement",
    "check_report",
    "code_digest",
    "load_project",
    "report_bytes",
    "rule_named",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
