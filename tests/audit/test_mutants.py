"""Bugs put into our contracts are found."""

import json
from pathlib import Path

import pytest

from counterpoise.audit import load_project
from counterpoise.audit.engines.vyper import VyperEngine, annotated_tree
from counterpoise.audit.mutants import OPERATORS, measure, mutants_of, tallies
from counterpoise.audit.mutants.corpus import copied, texts_of
from counterpoise.audit.mutants.text import Text

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "counterpoise"
EQUIVALENTS = ROOT / "benchmarks" / "audit_equivalents.json"
ENGINE = VyperEngine()


def judge(project, source):
    (analysis,) = ENGINE.analyse(project, [source], seconds=60)
    return None if analysis.not_analysed else analysis.findings


@pytest.mark.slow
def test_bugs_in_the_escrow_and_the_token_are_found(tmp_path):
    project = load_project(SOURCES / "jobs")
    copy = copied(project, tmp_path)
    equivalents = json.loads(EQUIVALENTS.read_text())
    wanted = [text for text in texts_of(copy, annotated_tree) if "Cohort" not in text.path]
    measured = list(measure(copy, wanted, judge, {}, equivalents, most=1))
    real = [one for one in measured if not one.equivalent]
    assert len({one.mutant.operator.name for one in measured}) >= 12
    missed = [one.mutant.name for one in real if not one.found]
    assert len(missed) * 10 <= len(real), missed
    assert sum(row.real for row in tallies(measured)) == len(real)


def test_there_are_more_than_sixteen_kinds_of_bug_each_with_rules_that_exist():
    from counterpoise.audit import all_rules

    assert len(OPERATORS) >= 16 and len({one.name for one in OPERATORS}) == len(OPERATORS)
    for operator in OPERATORS:
        assert operator.expected <= set(all_rules())


def test_a_mutant_differs_in_one_place(tmp_path):
    project = load_project(SOURCES / "jobs" / "CreditToken.vy")
    tree = annotated_tree(project, project.sources[0])
    text = Text(project.sources[0].path, project.sources[0].text, tree["ast"])
    mutants = list(mutants_of(text))
    assert len(mutants) > 10
    for mutant in mutants:
        assert mutant.source != text.source
        assert abs(len(mutant.source) - len(text.source)) < 600
