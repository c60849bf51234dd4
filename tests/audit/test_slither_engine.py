"""Slither in an environment of its own: what it says, and how it fails."""

import json
import sys
from pathlib import Path

import pytest
from solidity_code import HEAD, analysed, need, project

from counterpoise.audit.catalogue import all_rules
from counterpoise.audit.engines import slither, slither_cli, slither_runner, solc_units
from counterpoise.audit.engines.slither import combined, finding
from counterpoise.audit.engines.slither_rules import RULE_OF
from counterpoise.audit.engines.solc import Compiler, Worker
from counterpoise.audit.findings import Severity

TWO = HEAD + "contract A { address owner; function f() external { require(tx.origin == owner); } }"


def detector(check="tx-origin", **more):
    node = {"type": "node", "name": "x", "file": "/p/A.sol", "lines": [4, 5]}
    whole = {"type": "function", "name": "f", "file": "/p/A.sol", "lines": [3, 4, 5, 6]}
    place = {"contract": "A", "function": "f"}
    return {
        "check": check,
        "impact": "Medium",
        "confidence": "High",
        "description": "A.f() (../p/A.sol#3-6) uses tx.origin\n\tin A.sol#4 \n",
        "elements": [whole | place, node | place],
    } | more


def test_each_detector_speaks_of_a_rule_that_there_is():
    assert set(RULE_OF.values()) <= set(all_rules())
    assert RULE_OF["reentrancy-unlimited-gas"] != RULE_OF["reentrancy-eth"]


def test_a_result_becomes_a_finding_on_the_lines_of_its_statements():
    found = finding("A.sol", "/p/A.sol", detector())
    assert (found.rule, found.lines, found.function) == ("tx-origin", (4, 5), "f")
    assert found.detectors == ("slither:tx-origin",) and found.severity is Severity.MEDIUM
    assert found.message == "A.f() (line 3) uses tx.origin in A.sol#4"


def test_a_result_about_style_or_another_file_is_left_out():
    assert finding("A.sol", "/p/A.sol", detector("naming-convention")) is None
    assert finding("A.sol", "/p/B.sol", detector()) is None


def test_a_result_without_statements_stands_at_the_first_line_of_what_it_names():
    whole = detector()["elements"][:1]
    assert finding("A.sol", "/p/A.sol", detector(elements=whole)).lines == (3,)


@pytest.mark.parametrize(("version", "spelt"), [((0, 7, 6), str), ((0, 8, 30), list)])
def test_the_compilers_answer_is_turned_into_what_slither_reads(version, spelt):
    answer = {
        "sources": {"A.sol": {"ast": {"nodeType": "SourceUnit"}, "id": 0}},
        "contracts": {"A.sol": {"A": {"abi": []}}},
    }
    packed = solc_units.zlib.compress(json.dumps(answer).encode())
    made = solc_units.Compilation("A.sol", Compiler(version, Path("x"), False), {}, (), "", packed)
    told = combined(made, "/p/A.sol")
    assert told["sourceList"] == ["/p/A.sol"]
    assert isinstance(told["contracts"]["/p/A.sol:A"]["abi"], spelt)
    assert told["sources"]["/p/A.sol"]["AST"] == {"nodeType": "SourceUnit"}


# A program in Slither's place, over compilations that need no compiler.
@pytest.fixture
def made(monkeypatch, tmp_path):
    answer = {"sources": {"Vault.sol": {"ast": {}}, "B.sol": {"ast": {}}}, "contracts": {}}
    packed = solc_units.zlib.compress(json.dumps(answer).encode())
    here = Compiler((0, 8, 30), Path("x"), False)

    def compilation(project, source, *, seconds):
        return solc_units.Compilation(source.path, here, {source.path: ""}, (), "", packed)

    monkeypatch.setattr(slither, "compilation", compilation)
    monkeypatch.setattr(slither, "interpreter", lambda: sys.executable)

    def runs(program):
        monkeypatch.setattr(
            slither, "Worker", lambda command: Worker([sys.executable, "-c", program])
        )

    return runs


ANSWERS = "print(json.dumps({'detectors': [], 'broken': ['calls-loop: KeyError']}), flush=True)"
START = "import json, sys, time\nfor line in sys.stdin:\n "
FAILURES = {
    "hangs": ("time.sleep(60)", "Slither failed: still busy after 1 s"),
    "crashes": ("sys.exit(2)", "Slither failed: the process ended without an answer"),
    "half": ("print('{\"detectors\": [', end='', flush=True); sys.exit(0)", "without an answer"),
    "says so": ("print(json.dumps({'error': 'KeyError: 5\\nmore'}), flush=True)", "KeyError: 5"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_file_at_which_slither_fails_is_not_analysed_and_the_next_is(
    tmp_path, made, name, monkeypatch
):
    monkeypatch.setattr(slither, "fits", lambda python: True)
    does, reason = FAILURES[name]
    made(f"{START}if 'Vault.sol' in line.split('combined')[0]: {does}\n else: {ANSWERS}")
    files = project(tmp_path, {"Vault.sol": "", "B.sol": ""})
    first, second = slither.open_engine().analyse(files, files.sources, seconds=1)
    assert first.not_analysed is not None and reason in first.not_analysed.reason
    assert "\n" not in first.not_analysed.reason
    assert second.not_analysed is None
    assert second.notes == ("a detector of Slither crashed: calls-loop: KeyError",)


def test_where_the_inside_of_slither_has_moved_its_command_line_is_asked(
    tmp_path, made, monkeypatch
):
    made("raise ImportError")
    monkeypatch.setattr(slither, "fits", lambda python: False)
    asked = []

    def answers(python, name, request, seconds):
        asked.append((name, request["path"]))
        result = detector()
        for one in result["elements"]:
            one["file"] = request["path"]
        return {"detectors": [result], "broken": []}

    monkeypatch.setattr(slither, "asked", answers)
    files = project(tmp_path, {"Vault.sol": "", "B.sol": ""})
    both = list(slither.open_engine().analyse(files, files.sources, seconds=5))
    assert [one.findings[0].rule for one in both] == ["tx-origin"] * 2
    assert [name for name, _ in asked] == ["Vault.sol", "B.sol"]


COMMANDS = {
    "a crash": ("import sys; sys.exit('KeyError: 7')", {"error": "KeyError: 7"}),
    "half an answer": ("print('{\"success\": tr')", {"error": "it ended without an answer"}),
    "no success": ('print(\'{"success": false, "error": "no"}\')', {"error": "no"}),
    "nothing found": (
        'print(\'{"success": true, "error": null, "results": {}}\')',
        {"detectors": [], "broken": []},
    ),
    "a hang": ("import time; time.sleep(60)", {"error": "still busy after 2 s"}),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_fails_in_words(tmp_path, name):
    program, answer = COMMANDS[name]
    assert slither_cli._answered([sys.executable, "-c", program], str(tmp_path), 2) == answer


def test_an_environment_without_slither_does_not_fit():
    assert not slither_cli.fits(sys.executable)
    assert not slither_cli.fits("/nowhere/python")


def test_slithers_environment_is_found_by_the_program_on_the_path(tmp_path, monkeypatch):
    program = tmp_path / "slither"
    program.write_text("#!/opt/slither/bin/python\n")
    monkeypatch.setenv("COUNTERPOISE_TOOLS", str(tmp_path / "none"))
    monkeypatch.setenv("COUNTERPOISE_SLITHER", str(program))
    slither.interpreter.cache_clear()
    try:
        assert slither.interpreter() == "/opt/slither/bin/python"
    finally:
        slither.interpreter.cache_clear()


def test_the_place_of_an_element_is_read_from_its_parents():
    parent = {
        "type": "function",
        "name": "f",
        "type_specific_fields": {"parent": {"type": "contract", "name": "A"}},
    }
    one = {
        "type": "node",
        "name": "x",
        "source_mapping": {"filename_absolute": "/p/A.sol", "lines": [3]},
        "type_specific_fields": {"parent": parent},
    }
    assert slither_runner.element(one) == {
        **{"type": "node", "name": "x", "file": "/p/A.sol", "lines": [3]},
        **{"contract": "A", "function": "f"},
    }


# With Slither.
def test_slither_reads_what_was_compiled_and_says_the_same_by_its_command_line(
    tmp_path, monkeypatch
):
    need("slither")
    assert slither_cli.fits(slither.interpreter())
    usual = analysed(tmp_path, TWO, "slither")
    assert {one.rule for one in usual.findings} >= {"tx-origin"}
    assert all("/" not in one.message for one in usual.findings)
    monkeypatch.setattr(slither, "fits", lambda python: False)
    monkeypatch.setattr(slither.SlitherEngine, "_checked", lambda self: False)
    monkeypatch.setattr(slither.Worker, "exchange", lambda *_: {"error": "moved"})
    slow = analysed(tmp_path, TWO, "slither")
    assert slow.not_analysed is None and set(slow.findings) == set(usual.findings)


def test_two_engines_agree_in_one_finding(tmp_path):
    need("slither")
    from counterpoise.audit import audit_project

    files = project(tmp_path, {"A.sol": TWO})
    outcome = audit_project(files, engines=("solidity", "slither", "solidity-text"))
    (found,) = (one for one in outcome.findings if one.rule == "tx-origin")
    assert found.engines == ("slither", "solidity")
    assert found.detectors == ("slither:tx-origin", "solidity:tx-origin/compared")
    assert not outcome.not_analysed
