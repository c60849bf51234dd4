"""The verb proves and asks only where it is told to, and says what came of it."""

import json
import os
import subprocess
import sys

from counterpoise.audit import Project, audit_project
from counterpoise.audit.second_look import SecondLook

BANK = """# pragma version ~=0.4.3
due: HashMap[address, uint256]

@external
@payable
def put():
    self.due[msg.sender] += msg.value

@external
def take():
    n: uint256 = self.due[msg.sender]
    FIRST
    raw_call(msg.sender, b"", value=n)
    LAST
"""
FLAWED = BANK.replace("FIRST", "pass").replace("LAST", "self.due[msg.sender] = 0")


def run(*words, folder):
    command = [sys.executable, "-m", "counterpoise", "audit", *map(str, words), "--jobs", "1"]
    there = {"XDG_CACHE_HOME": str(folder / ".cache")}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=folder, env=os.environ | there
    )


def test_a_report_holds_the_transactions_the_calls_and_the_balances(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "Bank.vy").write_text(FLAWED)
    plain = json.loads(run("Bank.vy", "--json", folder=tmp_path).stdout)
    assert not any("proof" in one for one in plain["findings"]), "off unless it is asked for"
    done = run("Bank.vy", "--json", "--prove", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    (one,) = [each for each in json.loads(done.stdout)["findings"] if "proof" in each]
    assert one["rule"] == "reentrancy-state" and one["confidence_ppm"] == 990_000
    assert ["attacker", str(6 * 10**18)] in one["proof"]["balances"]
    assert len(one["proof"]["transactions"]) == 2 and len(one["proof"]["calls"]) > 6
    assert run("Bank.vy", "--json", "--prove", folder=tmp_path).stdout == done.stdout


def test_an_endpoint_that_is_not_there_changes_nothing_and_is_named(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "Bank.vy").write_text(FLAWED)
    asked = run("Bank.vy", "--json", "--adjudicate", "http://127.0.0.1:9", "--model", "judge",
                folder=tmp_path)  # fmt: skip
    record = json.loads(asked.stdout)
    assert any(note.startswith("adjudicated by judge, prompts") for note in record["notes"])
    plain = json.loads(run("Bank.vy", "--json", folder=tmp_path).stdout)
    assert record["findings"] == plain["findings"]
    nameless = run("Bank.vy", "--adjudicate", "http://127.0.0.1:9", folder=tmp_path)
    assert nameless.returncode == 2 and "no model is named" in nameless.stderr


def test_nothing_is_run_where_nothing_was_asked_for(tmp_path):
    outcome = audit_project(Project(tmp_path, ()), engines=("vyper",), jobs=0)
    assert SecondLook().at(outcome) is outcome
