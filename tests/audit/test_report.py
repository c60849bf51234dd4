"""Reports say all that was found and all that was not read, the same for the same input."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from vyper_code import HEAD

from counterpoise.audit import Proof, all_rules, audit_project, load_project, write_report
from counterpoise.audit.findings import Suppression
from counterpoise.audit.report import FORMATS

SARIF = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text())
"""OASIS's own schema, byte for byte as the npm package @microsoft/sarif-multitool-linux 5.7.0 (MIT)
brings it."""
VALIDATOR = jsonschema.Draft202012Validator(
    SARIF, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
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


def test_sarif_is_valid_by_the_schema_of_the_standard(outcome, folder):
    marked = replace(outcome.findings[0], suppression=Suppression("comment", "a faucet"))
    proven = replace(outcome.findings[0], proof=Proof("drain", "a stranger takes all"))
    for one in (outcome, replace(outcome, findings=(marked, proven), absent=(("slither", "no"),))):
        record = json.loads(write_report(one, "sarif"))
        VALIDATOR.validate(record)
    assert record["runs"][0]["results"][0]["suppressions"][0]["kind"] == "inSource"


def test_sarif_declares_every_rule_and_says_what_was_not_analysed(outcome):
    (run,) = json.loads(write_report(outcome, "sarif"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(all_rules())
    for rule in rules:
        assert rule.get("name", "").lower() != rule["id"]  # section 3.49.7
        assert re.fullmatch(r"\d\.\d", rule["properties"]["security-severity"])
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert re.fullmatch(
            "[0-9a-f]{32}:1", result["partialFingerprints"]["primaryLocationLineHash"]
        )
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert any("Broken.vy" in json.dumps(n) for n in invocation["toolExecutionNotifications"])


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("results", 0, "locations", 0, "physicalLocation", "region", "startLine"), 0),
        (("results", 0, "level"), "fatal"),
        (("results", 0, "message"), {}),
        (("tool", "driver", "rules", 0, "id"), 7),
        (("invocations", 0, "executionSuccessful"), None),
        (("results", 0, "surprise"), 1),
    ],
)
def test_the_schema_refuses_what_the_standard_refuses(outcome, keys, value):
    record = json.loads(write_report(outcome, "sarif"))
    part = record["runs"][0]
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(record)


def test_a_path_with_spaces_is_a_relative_uri_in_sarif(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "My Vault.vy").write_text(FLAWED)
    outcome = audit_project(load_project(tmp_path), engines=("vyper",), jobs=0)
    record = json.loads(write_report(outcome, "sarif"))
    VALIDATOR.validate(record)
    (place,) = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for one in record["runs"][0]["results"]
    }
    assert place == "My%20Vault.vy"


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
