"""The verb: exit codes, clear lines for every bad input, and that the rest goes on."""

import json
import os
import subprocess
import sys

import pytest
from vyper_code import HEAD

CLEAN = HEAD + "\ncount: uint256\n\n@external\ndef more():\n    self.count += 1\n"
FLAWED = HEAD + "\n@external\ndef sweep(to: address):\n    send(to, self.balance)\n"
LOW = HEAD + "\n@external\ndef f(n: uint256):\n    assert block.timestamp == n\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def run(*words, folder):
    command = [sys.executable, "-m", "counterpoise", "audit", *map(str, words), "--jobs", "1"]
    there = {"XDG_CACHE_HOME": str(folder / ".cache"), "PATH": os.environ["PATH"]}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=folder, env=os.environ | there
    )


def test_exit_codes_say_clean_found_or_not_analysed(folder):
    (folder / "Clean.vy").write_text(CLEAN)
    (folder / "Low.vy").write_text(LOW)
    assert run("Clean.vy", folder=folder).returncode == 0
    assert run("Low.vy", folder=folder).returncode == 0
    assert run("Low.vy", "--fail-on", "low", folder=folder).returncode == 1
    (folder / "Broken.vy").write_text("# pragma version ~=0.4.3\nx = =\n")
    both = run(".", folder=folder)
    assert both.returncode == 2 and "NOT ANALYSED" in both.stdout
    (folder / "Flawed.vy").write_text(FLAWED)
    assert run(".", folder=folder).returncode == 1


def test_every_bad_input_has_its_own_line_and_the_rest_goes_on(folder):
    bad = {
        "binary.vy": b"\x00\x01\xff\xfe" * 40,
        "braces.vy": b"# pragma version ~=0.4.3\n@external\ndef f((:\n    pass\n",
        "missing.vy": b"# pragma version ~=0.4.3\nimport nowhere\n",
        "round.vy": b"# pragma version ~=0.4.3\nimport turn\n",
        "turn.vy": b"# pragma version ~=0.4.3\nimport round\n",
        "old.vy": b"# @version 0.3.7\n@external\ndef f():\n    pass\n",
        "future.vy": b"# pragma version 7.0.0\n",
        "words.hex": b"this is no code",
        "empty.vy": b"",
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    (folder / "Flawed.vy").write_text(FLAWED)
    done = run(".", "--format", "json", folder=folder)
    assert done.returncode == 1, done.stderr
    record = json.loads(done.stdout)
    why = {one["path"]: one["reason"] for one in record["not_analysed"]}
    assert set(why) == set(bad)
    assert "not UTF-8" in why["binary.vy"]
    assert "does not compile" in why["braces.vy"] and "(line " in why["braces.vy"]
    assert "nowhere" in why["missing.vy"]
    assert "ImportCycle" in why["round.vy"] and str(folder) not in why["round.vy"]
    assert "written for Vyper 0.3.7" in why["old.vy"]
    assert "7.0.0" in why["future.vy"]
    assert "not a contract" in why["words.hex"]
    assert why["empty.vy"] == "empty"
    assert {one["path"] for one in record["findings"] if one["severity"] == "high"} == {"Flawed.vy"}


def test_mistakes_of_the_caller_are_one_line_and_exit_2(folder):
    (folder / "notes.md").write_text("nothing")
    (folder / "Clean.vy").write_text(CLEAN)
    for words, said in (
        (["nowhere"], "there is nothing at"),
        (["Clean.vy", "--baseline", "none.json"], "cannot be read"),
        (["Clean.vy", "--diff", "main"], "git"),
        (["Clean.vy", "--remap", "x"], "no remapping"),
        (["Clean.vy", "--engine", "magic"], "no engine"),
        (["Clean.vy", "--format", "pdf"], "Invalid value"),
    ):
        done = run(*words, folder=folder)
        assert done.returncode == 2, words
        assert said in done.stderr and "Traceback" not in done.stderr


def test_a_baseline_is_written_and_then_counts(folder):
    (folder / "Flawed.vy").write_text(FLAWED)
    assert run("Flawed.vy", "--write-baseline", "base.json", folder=folder).returncode == 1
    assert run("Flawed.vy", "--baseline", "base.json", folder=folder).returncode == 0
    (folder / "Flawed.vy").write_text(CLEAN)
    done = run("Flawed.vy", "--baseline", "base.json", folder=folder)
    assert done.returncode == 0 and "not found" in done.stderr


def test_a_second_audit_is_read_from_the_cache_until_an_import_changes(folder):
    (folder / "own.vy").write_text(
        "# pragma version ~=0.4.3\n@internal\ndef _check():\n"
        "    assert msg.sender == 0x0000000000000000000000000000000000000001\n"
    )
    (folder / "Vault.vy").write_text(
        "# pragma version ~=0.4.3\nimport own\n\n@external\ndef sweep(to: address):\n"
        "    own._check()\n    send(to, self.balance)\n"
    )
    first = run("Vault.vy", "--format", "json", folder=folder)
    kept = list((folder / ".cache").rglob("*.json"))
    assert kept and first.returncode == 0
    stamp = kept[0].stat().st_mtime_ns
    assert run("Vault.vy", "--format", "json", folder=folder).stdout == first.stdout
    assert kept[0].stat().st_mtime_ns == stamp
    (folder / "own.vy").write_text("# pragma version ~=0.4.3\n@internal\ndef _check():\n    pass\n")
    assert run("Vault.vy", folder=folder).returncode == 1


def test_a_report_can_be_checked_by_doing_the_work_again(folder):
    (folder / "Clean.vy").write_text(CLEAN)
    assert run("Clean.vy", "--format", "json", "--output", "r.json", folder=folder).returncode == 0
    assert run("Clean.vy", "--check", "r.json", folder=folder).returncode == 0
    false = (folder / "r.json").read_text().replace('"high":0', '"high":1')
    (folder / "r.json").write_text(false)
    done = run("Clean.vy", "--check", "r.json", folder=folder)
    assert done.returncode == 5 and "'counts' differs" in done.stderr


def test_an_address_without_code_is_refused_and_one_with_code_is_read(tmp_path):
    from counterpoise.network import create_network

    state = tmp_path / "state"
    with create_network(state) as network:
        token = network.contract("CreditToken").address
    done = run("0x" + "11" * 20, "--state", state, folder=tmp_path)
    assert done.returncode == 2 and "no code at" in done.stderr
    words = "0x" + bytes(token).hex()
    done = run(words, "--state", state, "--format", "json", folder=tmp_path)
    record = json.loads(done.stdout)
    assert record["sources"][0]["path"] == words and done.returncode in (0, 1, 2)
