"""The report as SARIF 2.1.0, for code scanning services.

Every rule is declared, those that are silent too: a service closes the alerts of a rule that it
sees declared and silent. Fingerprints do not hang on line numbers.
"""

from __future__ import annotations

import json
from typing import Any

from counterpoise import __version__
from counterpoise.audit.audit import Outcome
from counterpoise.audit.catalogue import RULE_SET, Rule, all_rules
from counterpoise.audit.findings import Finding, NotAnalysed, Severity, Step, severity_named

__all__ = ["sarif_record", "write"]

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
}
SCORES = {Severity.INFO: "0.5", Severity.LOW: "3.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0"}
"""What services read as a score from 0 to 10, a decimal in a string."""


def write(outcome: Outcome) -> str:
    """The report as indented JSON."""
    return json.dumps(sarif_record(outcome), indent=1, sort_keys=True) + "\n"


def sarif_record(outcome: Outcome) -> dict[str, Any]:
    """One run with all rules, results and notifications."""
    rules = list(all_rules().values())
    index = {rule.id: number for number, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(rules), "extensions": _extensions(outcome)},
                "invocations": [_invocation(outcome)],
                "originalUriBaseIds": {"ROOT": {"description": {"text": "The project's root."}}},
                "artifacts": [
                    {
                        "location": _artifact(one.path),
                        "hashes": {"sha-256": one.digest},
                        "length": len(one.content),
                    }
                    for one in outcome.project.sources
                ],
                "results": [_result(one, index) for one in outcome.findings],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }


def _driver(rules: list[Rule]) -> dict[str, Any]:
    return {
        "name": "Counterpoise audit",
        "version": __version__,
        "semanticVersion": __version__,
        "properties": {"ruleSet": RULE_SET},
        "rules": [_rule(one) for one in rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    severity = severity_named(rule.severity)
    tags = ["security", rule.dasp, rule.swc, *(f"OWASP-{one}" for one in rule.owasp)]
    if rule.cwe:
        tags.append(f"external/cwe/{rule.cwe.lower()}")
    name = "".join(word.capitalize() for word in rule.id.split("-"))
    return {
        "id": rule.id,
        **({"name": name} if name.lower() != rule.id else {}),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. {rule.advice}"},
        "help": {"text": rule.advice},
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {
            "security-severity": SCORES[severity],
            "tags": sorted(filter(None, tags)),
        },
    }


def _extensions(outcome: Outcome) -> list[dict[str, Any]]:
    return [{"name": name, "version": version} for name, version in outcome.engines if version]


def _invocation(outcome: Outcome) -> dict[str, Any]:
    """What was not analysed, and which engines were absent."""
    notes = [_notification(one) for one in outcome.not_analysed]
    notes += [
        {"level": "note", "message": {"text": f"engine {name} did not run: {reason}"}}
        for name, reason in outcome.absent
    ]
    return {
        "executionSuccessful": not outcome.not_analysed,
        "toolExecutionNotifications": notes,
    }


def _notification(failed: NotAnalysed) -> dict[str, Any]:
    by = f" by {failed.engine}" if failed.engine else ""
    return {
        "level": "error",
        "message": {"text": f"not analysed{by}: {failed.reason}"},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(failed.path)}}],
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.message}. {finding.advice}"},
        "locations": [_location(finding)],
        "partialFingerprints": {"primaryLocationLineHash": f"{finding.fingerprint}:1"},
        "properties": {
            "confidencePpm": finding.confidence,
            "security-severity": SCORES[finding.severity],
            "engines": list(finding.engines),
            "detectors": list(finding.detectors),
            "confirmed": finding.proof is not None,
        },
    }
    if finding.trace:
        flow = [{"location": _step(one)} for one in finding.trace]
        result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
    if finding.suppression is not None:
        kind = "inSource" if finding.suppression.where == "comment" else "external"
        result["suppressions"] = [{"kind": kind, "justification": finding.suppression.reason}]
    return result


def _location(finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.line}
    if finding.snippet:
        region["snippet"] = {"text": finding.snippet}  # type: ignore[assignment]
    name = ".".join(filter(None, (finding.contract, finding.function)))
    return {
        "physicalLocation": {"artifactLocation": _artifact(finding.path), "region": region},
        "logicalLocations": [{"fullyQualifiedName": name or finding.path, "kind": "function"}],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(step.path),
            "region": {"startLine": step.line},
        },
        "message": {"text": step.text},
    }


def _artifact(path: str) -> dict[str, str]:
    from urllib.parse import quote

    return {"uri": quote(path), "uriBaseId": "ROOT"}
