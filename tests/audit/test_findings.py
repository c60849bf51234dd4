"""A finding is one thing, well formed; findings of several engines about one place are one."""

from dataclasses import replace

import pytest

from counterpoise.audit import Finding, Severity, all_rules
from counterpoise.audit.catalogue.rule import DASP
from counterpoise.audit.findings import Analysis, NotAnalysed, Proof, Step, Suppression
from counterpoise.audit.merge import merge
from counterpoise.audit.records import (
    analysis_from_record,
    analysis_record,
    finding_from_record,
    finding_record,
)
from counterpoise.core.errors import InputError

FINDING = Finding(
    "tx-origin", "a.vy", (3, 5), "A", "f", "why", ("vyper",), Severity.MEDIUM, 900_000
)


def test_every_rule_has_its_names_and_advice():
    for name, rule in all_rules().items():
        assert rule.id == name and rule.title and rule.advice.endswith(".")
        assert rule.dasp in DASP
        assert rule.cwe.startswith("CWE-"), name
        assert all(one in {f"SC{n:02}" for n in range(1, 11)} for one in rule.owasp)


def test_the_weaknesses_are_those_that_the_registry_gives():
    rules = all_rules()
    assert rules["reentrancy-state"].cwe == "CWE-841"
    assert rules["unchecked-raw"].cwe == "CWE-252"
    assert rules["tx-origin"].cwe == "CWE-477"
    assert rules["unsafe-math"].owasp == ("SC08",)


def test_a_finding_refuses_a_rule_lines_or_a_confidence_that_cannot_be():
    with pytest.raises(InputError, match="no rule"):
        replace(FINDING, rule="nonsense")
    with pytest.raises(InputError, match="ascending"):
        replace(FINDING, lines=(5, 3))
    with pytest.raises(InputError, match="ppm"):
        replace(FINDING, confidence=1_000_001)


def test_records_hold_all_of_a_finding():
    full = replace(
        FINDING,
        detectors=("slither:tx-origin",),
        trace=(Step("a.vy", 1, "enters f"),),
        snippet="assert x",
        proof=Proof("stranger", "took it", ("0x01",), ("call",), (("attacker", 5),)),
        suppression=Suppression("comment", "known"),
    )
    assert finding_from_record(finding_record(full)) == full
    analysis = Analysis(
        "a.vy", (full,), NotAnalysed("a.vy", "vyper", "cut"), (("b.vy", "00"),), ("vyper",), ("n",)
    )
    assert analysis_from_record(analysis_record(analysis)) == analysis


def test_two_engines_about_one_place_make_one_finding():
    other = replace(
        FINDING,
        engines=("slither",),
        lines=(4,),
        confidence=500_000,
        severity=Severity.HIGH,
        detectors=("slither:tx-origin",),
    )
    (one,) = merge([FINDING, other])
    assert one.engines == ("slither", "vyper") and one.lines == (3, 4, 5)
    assert one.severity == Severity.HIGH and one.message == FINDING.message


def test_one_engine_about_two_things_makes_two_findings():
    assert len(merge([FINDING, replace(FINDING, rule="void-guard")])) == 2
    assert len(merge([FINDING, replace(FINDING, engines=("slither",), lines=(9,))])) == 2
    assert len(merge([FINDING, FINDING])) == 1


def test_the_order_of_engines_does_not_matter():
    other = replace(FINDING, engines=("slither",), lines=(4,), confidence=500_000)
    assert merge([FINDING, other]) == merge([other, FINDING])
