"""The front end follows what is written, whatever it looks like."""

import json
import re
import threading
import time
from pathlib import Path

import pytest
from vyper_code import HEAD, analysed, findings, project, rules

from counterpoise.audit import Cache, audit_project
from counterpoise.audit.engines.vyper import annotated_tree
from counterpoise.audit.pool import Worker, read_all
from counterpoise.audit.pragma import advisories, pragma_of
from counterpoise.audit.project import Project, Source
from counterpoise.audit.vyper.evaluate import MOST_EVENTS
from counterpoise.audit.vyper.program import read_program
from counterpoise.audit.vyper.walk import walk

BANK = """
balances: HashMap[address, uint256]

@external
@payable
def deposit():
    self.balances[msg.sender] += msg.value

@external
def withdraw():
    amount: uint256 = self.balances[msg.sender]
    raw_call(msg.sender, b"", value=amount)
    self.balances[msg.sender] = 0
"""


def test_a_pragma_inside_a_string_names_no_version(tmp_path):
    text = 'NOTE: constant(String[40]) = "# pragma version 0.3.7"\n# pragma version ~=0.4.3\n'
    assert pragma_of(text) == ("~=0.4.3", 2)
    assert analysed(tmp_path, text).not_analysed is None


def test_versions_with_advisories_are_named():
    assert advisories("~=0.4.3") == []
    assert any("CVE-2023-39363" in one for one in advisories("0.3.0"))
    assert any("CVE-2025-47285" in one for one in advisories(">=0.4.1"))


def test_a_lock_in_name_only_is_no_lock(tmp_path):
    named = BANK.replace("@external\ndef withdraw", "@external\ndef nonreentrant_withdraw")
    assert "reentrancy-state" in rules(tmp_path, named + "\nlocked: bool\n", 3)


def test_the_pragma_locks_all_but_what_is_declared_reentrant(tmp_path):
    head = "# pragma version ~=0.4.3\n# pragma nonreentrancy on\n"
    assert "reentrancy-state" not in rules(tmp_path, BANK, 3, head=head)
    opened = BANK.replace("@external\ndef withdraw", "@reentrant\n@external\ndef withdraw")
    assert "reentrancy-state" in rules(tmp_path, opened, 3, head=head)


def test_a_guard_in_a_module_counts(tmp_path):
    own = (
        "# pragma version ~=0.4.3\nowner: address\n\n@deploy\ndef __init__():\n"
        "    self.owner = msg.sender\n\n@internal\ndef _check(who: address):\n"
        "    assert who == self.owner\n"
    )
    body = (
        "import own\ninitializes: own\n\n@deploy\ndef __init__():\n    own.__init__()\n\n"
        "@external\ndef sweep(to: address):\n    CHECK\n    send(to, self.balance)\n"
    )
    flaw = "unprotected-transfer"
    assert flaw not in rules(tmp_path, body.replace("CHECK", "own._check(msg.sender)"), own=own)
    assert flaw in rules(tmp_path, body.replace("CHECK", "own._check(own.owner)"), own=own)


def test_a_guard_that_holds_on_one_path_only_is_none(tmp_path):
    body = """
owner: address

@external
def sweep(to: address, polite: bool):
    if polite:
        assert msg.sender == self.owner
    send(to, self.balance)
"""
    assert "unprotected-transfer" in rules(tmp_path, body)
    both = body.replace(
        "    send", "    else:\n        assert msg.sender == self.owner.SOME\n    send"
    ).replace(".SOME", "")
    assert "unprotected-transfer" not in rules(tmp_path, both)


def test_a_write_in_the_next_turn_of_a_loop_follows_the_call(tmp_path):
    body = """
left: uint256

@external
def spend(to: address):
    left: uint256 = self.left
    for n: uint256 in range(3):
        self.left = left
        left -= 1
        raw_call(to, b"", value=1)
"""
    assert "reentrancy-state" in rules(tmp_path, body, 3)


def test_a_slot_that_each_turn_names_anew_is_another_slot(tmp_path):
    body = """
state: HashMap[uint256, uint256]

@external
def close(ids: DynArray[uint256, 9], to: address):
    for id: uint256 in ids:
        assert self.state[id] == 1
        self.state[id] = 2
        raw_call(to, b"")
"""
    assert "reentrancy-state" not in rules(tmp_path, body, 2)


def test_transient_storage_is_storage(tmp_path):
    body = BANK.replace("balances: HashMap[address, uint256]", "balances: transient(uint256)")
    body = body.replace("[msg.sender]", "")
    head = "# pragma version ~=0.4.3\n# pragma evm-version cancun\n"
    assert "reentrancy-state" in rules(tmp_path, body, 3, head=head)


def test_renaming_everything_changes_no_verdict(tmp_path):
    def verdict(text):
        made = findings(tmp_path, text)
        return sorted((f.rule, f.severity, f.lines, f.confidence) for f in made)

    renamed = BANK
    for number, name in enumerate(("balances", "deposit", "withdraw", "amount")):
        renamed = re.sub(rf"\b{name}\b", f"x{number}", renamed)
    assert verdict(renamed) == verdict(BANK)


def test_comments_change_no_verdict(tmp_path):
    praised = BANK.replace("    raw_call", "    # auditor: safe, checked twice\n    raw_call")
    ours = {(f.rule, f.severity) for f in findings(tmp_path, BANK)}
    assert {(f.rule, f.severity) for f in findings(tmp_path, praised)} == ours


def test_characters_that_turn_text_are_found(tmp_path):
    text = HEAD + "\n@external\ndef f():\n    pass  # \u202eend\n"
    made = project(tmp_path, text)
    outcome = audit_project(made, engines=("vyper",), jobs=0)
    assert any(one.rule == "hidden-text" and one.lines == (6,) for one in outcome.findings)


def test_an_import_from_outside_the_project_is_refused(tmp_path):
    (tmp_path / "secret.vy").write_text("# pragma version ~=0.4.3\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    made = project(inside, "# pragma version ~=0.4.3\nimport secret\n")
    made = Project(made.root, made.sources, (tmp_path.resolve(),))
    outcome = audit_project(made, engines=("vyper",), jobs=0)
    assert "outside the project" in outcome.not_analysed[0].reason


def test_what_one_function_does_is_in_the_events_of_its_callers(tmp_path):
    made = project(
        tmp_path,
        HEAD + BANK + "\n@external\ndef all():\n    self._go()\n\n@internal\n"
        "def _go():\n    self.balances[self] = 7\n",
    )
    program = read_program(annotated_tree(made, made.sources[0]))
    entry = walk(program, program.main.functions["all"])
    ((write, new),) = entry.writes
    assert write.variable == "balances" and new.number == 7
    assert [frame.function for frame in write.frames] == ["all"]


def test_a_function_too_long_to_follow_is_summed_up_or_said_to_be(tmp_path):
    layers = ["@internal\ndef _f0():\n    self.n += 1\n"]
    layers += [
        f"@internal\ndef _f{k}():\n    self._f{k - 1}()\n    self._f{k - 1}()\n"
        for k in range(1, 16)
    ]
    text = "n: uint256\n\n" + "\n".join(layers) + "\n@external\ndef go():\n    self._f15()\n"
    made = project(tmp_path, HEAD + text)
    program = read_program(annotated_tree(made, made.sources[0]))
    entry = walk(program, program.main.functions["go"])
    assert len(entry.events) <= MOST_EVENTS + 1
    assert any(event.variable == "n" for event, _ in entry.writes)
    analysis = analysed(tmp_path, HEAD + text)
    assert analysis.not_analysed is None or "too long" in analysis.not_analysed.reason


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """Workers whose engine does what the source says: hangs, dies, or prints half an answer."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import base64, json, sys, time\n"
        "for line in sys.stdin:\n"
        "    task = json.loads(line)\n"
        "    word = base64.b64decode(task['content']).decode()\n"
        "    if word == 'hang': time.sleep(60)\n"
        "    if word == 'die': sys.exit('out of memory')\n"
        "    if word == 'half': print('{\"path\": ', end='', flush=True); sys.exit(1)\n"
        "    print(json.dumps({'path': task['path'], 'findings': [], 'not_analysed': None,"
        " 'depends': [], 'compilers': [], 'notes': []}), flush=True)\n"
    )
    import subprocess
    import sys

    real = subprocess.Popen

    def start(command, **options):
        return real([sys.executable, str(script)], **options)

    monkeypatch.setattr("counterpoise.audit.pool.subprocess.Popen", start)
    return tmp_path


def test_an_engine_that_hangs_dies_or_stops_half_way_loses_only_its_file(strange):
    words = ["fine", "hang", "fine", "die", "half", "fine"]
    sources = [Source(f"{n}.vy", word.encode(), "vyper") for n, word in enumerate(words)]
    made = Project(strange, tuple(sources))
    answers = {a.path: a.not_analysed for a in read_all("vyper", made, sources, jobs=2, seconds=3)}
    assert {path for path, failed in answers.items() if failed is None} == {"0.vy", "2.vy", "5.vy"}
    assert "3 seconds" in answers["1.vy"].reason
    assert "out of memory" in answers["3.vy"].reason
    assert "ended" in answers["4.vy"].reason


def test_an_interrupted_audit_leaves_no_process_and_keeps_what_was_read(strange):
    sources = [Source(f"{n}.vy", b"fine" if n < 2 else b"hang", "vyper") for n in range(4)]
    made = Project(strange, tuple(sources))
    kept, before = Cache(strange / "cache"), threading.active_count()

    def interrupt(path, engine):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit_project(made, engines=("vyper",), cache=kept, jobs=1, seconds=30, on_read=interrupt)
    assert kept.fetch("vyper", "0.4.3", made, sources[0]) is not None
    for _ in range(100):  # a thread whose process was ended goes in its own time
        if threading.active_count() <= before:
            break
        time.sleep(0.1)
    assert threading.active_count() <= before, threading.enumerate()


def test_a_broken_cache_entry_is_made_anew(tmp_path):
    made = project(tmp_path, HEAD + BANK)
    kept = Cache(tmp_path / "cache")
    first = audit_project(made, engines=("vyper",), cache=kept, jobs=0)
    (entry,) = (tmp_path / "cache").rglob("*.json")
    entry.write_text("{")
    assert audit_project(made, engines=("vyper",), cache=kept, jobs=0).findings == first.findings
    assert json.loads(entry.read_text())["path"] == "Vault.vy"


def test_a_worker_reads_one_contract_after_another(tmp_path):
    made = project(tmp_path, HEAD + BANK)
    worker = Worker("vyper", made, 60)
    try:
        first, second = (worker.analyse(made.sources[0]) for _ in range(2))
        assert first == second and first.findings and Path(first.path).name == "Vault.vy"
    finally:
        worker.end()
