"""Reports say all that was found and all that was not read, the same for the same input."""

import json

import jsonschema
import pytest
from sarif_shape import SARIF
from vyper_code import HEAD

from counterpoise.audit import all_rules, audit_project, load_project, write_report
from counterpoise.audit.report import FORMATS

FLAWED = HEAD + "\n@external\ndef sweep(to: address):\n    send(to, self.balance)\n"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "a project"
    place.mkdir()
    (place / "pyproject.toml").write_text("")
    (place / "Vault.vy").write_text(FLAWED)
    (place / "Broken.vy").write_text("# pragma version ~=0.4.3\ndef (:\n")
    return place


@pytest.fixture
def outcome(folder):
    return audit_project(load_project(folder), engines=("vyper",), jobs=0)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_the_flaw_and_what_was_not_analysed(outcome, form):
    text = write_report(outcome, form)
    assert "unprotected-transfer" in text and "Vault.vy" in text
    assert "Broken.vy" in text and "does not compile" in text
    assert text.endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_input_gives_the_same_bytes_wherever_it_lies(folder, tmp_path, form):
    again = tmp_path / "elsewhere"
    folder.rename(again)
    first = write_report(audit_project(load_project(again), engines=("vyper",), jobs=0), form)
    again.rename(folder)
    second = write_report(audit_project(load_project(folder), engines=("vyper",), jobs=2), form)
    assert first == second
    assert str(tmp_path) not in first


def test_sarif_has_the_shape_that_the_standard_asks_for(outcome):
    record = json.loads(write_report(outcome, "sarif"))
    jsonschema.validate(record, SARIF)
    (run,) = record["runs"]
    declared = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert declared == list(all_rules())
    for result in run["results"]:
        assert declared[result["ruleIndex"]] == result["ruleId"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert any("Broken.vy" in json.dumps(n) for n in invocation["toolExecutionNotifications"])


def test_the_shape_refuses_what_the_standard_refuses(outcome):
    record = json.loads(write_report(outcome, "sarif"))
    record["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, SARIF)


def test_a_path_with_spaces_is_a_uri_in_sarif(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "My Vault.vy").write_text(FLAWED)
    outcome = audit_project(load_project(tmp_path), engines=("vyper",), jobs=0)
    record = json.loads(write_report(outcome, "sarif"))
    jsonschema.validate(record, SARIF)
    assert "My%20Vault.vy" in json.dumps(record)


def test_a_fingerprint_stays_when_lines_move_and_changes_with_the_line(folder):
    def prints():
        outcome = audit_project(load_project(folder / "Vault.vy"), engines=("vyper",), jobs=0)
        return {one.fingerprint for one in outcome.findings}

    before = prints()
    (folder / "Vault.vy").write_text(FLAWED.replace("@external", "\n\n# a comment\n@external"))
    assert prints() == before
    (folder / "Vault.vy").write_text(FLAWED.replace("send(to, self.balance)", "send(to, 1)"))
    assert prints() != before


def test_markdown_gives_no_power_to_text_from_a_source(folder):
    (folder / "Broken.vy").write_text("# pragma version ~=0.4.3\n<script>|`*\n")
    text = write_report(audit_project(load_project(folder), engines=("vyper",), jobs=0), "markdown")
    assert "<script>" not in text


def test_json_counts_by_severity_and_lists_limits(outcome):
    record = json.loads(write_report(outcome, "json"))
    assert record["counts"]["high"] == 1 and record["counts"]["not_analysed"] == 1
    assert record["limits"] and record["compilers"] == ["vyper 0.4.3"]
    assert {one["path"] for one in record["sources"]} == {"Vault.vy", "Broken.vy"}
