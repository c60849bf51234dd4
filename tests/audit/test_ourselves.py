"""Our own contracts pass, and each finding that was accepted has its reason beside the code."""

from dataclasses import replace
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from counterpoise.audit import Cache, Severity, audit_project, load_project
from counterpoise.audit.project import Source
from counterpoise.audit.suppress import comments_of, suppress

ROOT = Path(__file__).parents[2]
CONTRACTS = load_project(ROOT / "src")
ACCEPTED = [
    pytest.param(source, comment, id=f"{source.path.rpartition('/')[2]}:{comment.line}")
    for source in CONTRACTS.sources
    for comment in comments_of(source)
]
"""Every comment that accepts a finding."""


@pytest.fixture(scope="module")
def outcome():
    """What `counterpoise audit src` finds; read from its cache where it ran before."""
    kept = Cache(user_cache_path("counterpoise") / "audit")
    return audit_project(CONTRACTS, engines=("vyper",), cache=kept, jobs=0)


def counted(outcome, sources):
    findings, warnings = suppress(outcome.findings, sources)
    return replace(outcome, findings=tuple(findings)), warnings


@pytest.mark.slow
def test_every_contract_is_read_and_nothing_above_info_is_left(outcome):
    assert outcome.not_analysed == ()
    left, warnings = counted(outcome, CONTRACTS.sources)
    told = [f"{f.rule} {f.path}:{f.line} {f.message}" for f in left.counted() if f.severity > 0]
    assert told == [], "\n".join(told)
    assert left.exit_code(Severity.LOW) == 0
    assert warnings == [], "a comment accepts what is not found any more"


def freed(outcome, source, text):
    """What a source accepts, and accepts no more with another text."""
    bare = Source(source.path, text.encode(), source.language)
    before, _ = suppress(outcome.findings, [source])
    after, warnings = suppress(outcome.findings, [bare])
    lost = [
        new
        for old, new in zip(before, after, strict=True)
        if old.suppression is not None and new.suppression is None
    ]
    return replace(outcome, findings=tuple(lost)), warnings


@pytest.mark.slow
@pytest.mark.parametrize(("source", "comment"), ACCEPTED)
def test_a_finding_whose_reason_is_removed_counts_again(outcome, source, comment):
    assert len(comment.reason) > 10
    rows = source.text.split("\n")
    rows[comment.line - 1] = "#"
    again, _ = freed(outcome, source, "\n".join(rows))
    assert again.exit_code(Severity.LOW) == 1


@pytest.mark.slow
def test_a_comment_without_its_reason_accepts_nothing(outcome):
    (source, comment) = next(one.values for one in ACCEPTED if "next-line" in _line(*one.values))
    again, warnings = freed(outcome, source, source.text.replace(comment.reason, ""))
    assert again.exit_code(Severity.LOW) == 1
    assert any("gives no reason" in one for one in warnings)


def _line(source, comment):
    return source.text.split("\n")[comment.line - 1]


def test_there_are_accepted_findings_to_look_at():
    assert len(ACCEPTED) >= 5


def test_continuous_integration_holds_the_strictest_bar_that_is_true():
    steps = (ROOT / ".ci" / "run").read_text().splitlines()
    assert ".venv/bin/counterpoise audit src --engine vyper --fail-on low" in steps
