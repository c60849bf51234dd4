"""A node that is killed between any two steps loses no job, and uses no budget twice."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ward import older

from counterpoise.core.errors import Busy, VerificationError
from counterpoise.market.compute_to_data.auditing import audit_data_jobs
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.ledger import Ledger
from counterpoise.market.compute_to_data.letters import topic
from counterpoise.market.compute_to_data.node import DataNode
from counterpoise.provenance import Verdict

STEPS = ("charged", "run", "result", "sent", "submitted", "posted", "told")


class Killed(BaseException):
    """Stands for a SIGKILL: nothing after it runs."""


def killed_at(name):
    def on_step(step, request):
        if step == name:
            raise Killed

    return on_step


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_changes_no_result_and_no_budget(ward, step):
    policy, buyer = ward.enforce(is_public=False), ward.buyer()
    asked = ward.ask(policy)
    with pytest.raises(Killed):
        ward.node(on_step=killed_at(step)).serve_once()
    before = _told(ward, asked)
    node = ward.node()
    node.serve_once()
    answer = buyer.answer(asked)
    assert answer.outputs["metrics"]["rows"] > 0
    assert node.home.ledger.spent().jobs == 1
    assert before in (None, answer.digest), "what was told once is never told otherwise"
    assert sum(event.name == "JobSubmitted" for event in buyer.jobs.history(asked.job)) == 1
    assert ward.node().serve_once() == 0
    assert ward.verdict().is_true and _audit(ward).is_true


def _told(ward, asked):
    from counterpoise.core.errors import CounterpoiseError

    try:
        answer = ward.buyer().answer(asked)
    except CounterpoiseError:
        return None
    return answer and answer.digest


def _audit(ward):
    verdict = Verdict()
    audit_data_jobs(ward.network, OwnerHome(ward.home.folder), verdict)
    return verdict


@pytest.mark.parametrize("step", ["charged", "refused", "posted", "told"])
def test_a_kill_on_the_way_to_a_refusal_refuses_once(ward, step):
    policy = ward.enforce()
    asked = ward.ask_code(policy, where=older(75))
    with pytest.raises(Killed):
        ward.node(on_step=killed_at(step)).serve_once()
    node = ward.node()
    node.serve_once()
    assert ward.buyer().answer(asked).rule == "rows"
    assert node.home.ledger.spent().jobs == 1
    assert ward.verdict().is_true


def test_budgets_hold_when_the_node_is_killed_at_every_job(ward):
    policy = ward.enforce(jobs_a_buyer=2, jobs_in_all=2)
    asked = [ward.ask_code(policy) for _ in range(3)]
    for step in STEPS:
        with pytest.raises(Killed):
            ward.node(on_step=killed_at(step)).serve_once()
    ward.node().serve_once()
    answers = [ward.buyer().answer(one) for one in asked]
    assert [answer.rule for answer in answers] == ["", "", "jobs"]
    assert ward.verdict().is_true


def test_a_real_kill_in_the_middle_of_the_code_is_gone_on_from(ward, tmp_path):
    slow = b"def run(c, p):\n    end = sum(range(10_000_000))\n    return {'found': 1}\n"
    manifest = ward.admit_code(slow, {"found": {"least": 0, "most": 1}})
    policy = ward.enforce(algorithms=(manifest.digest,), seconds=30)
    asked = ward.ask_code(policy, manifest=manifest)
    ward.release_log()
    ward.network.close()
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom ward import open_ward\n"
        "open_ward(Path(sys.argv[2])).node().serve_once()\n"
    )
    here = Path(__file__).parent
    words = [sys.executable, "-c", script, str(here), str(ward.folder)]
    node = subprocess.Popen(words)
    ledger, deadline = ward.home.folder / "ledger.jsonl", time.monotonic() + 60
    while b'"charged"' not in ledger.read_bytes():
        assert time.monotonic() < deadline and node.poll() is None
        time.sleep(0.02)
    node.send_signal(signal.SIGKILL)
    node.wait()
    from ward import open_ward

    again = open_ward(ward.folder)
    try:
        (answer,) = again.answers(asked)
        assert answer.outputs == {"found": 1}
        assert again.node().home.ledger.spent().jobs == 1
    finally:
        again.release_log()
        again.network.close()


def test_a_torn_line_is_dropped_and_a_changed_one_is_seen(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    charge = {"job": 1, "buyer": "aa" * 20, "bits": 5, "noise": 7, "number": 1}
    ledger.add("charged", b"\1" * 32, **charge)
    ledger.add("told", b"\1" * 32)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"before":')
    assert Ledger(path).spent().jobs == 1 and path.read_bytes() == whole
    path.write_bytes(whole.replace(b'"bits":5', b'"bits":0'))
    with pytest.raises(VerificationError, match="line 2"):
        Ledger(path)
    path.write_bytes(whole)
    other = Ledger(path)
    other.add("told", b"\2" * 32)
    with pytest.raises(Busy):
        ledger.add("told", b"\3" * 32)


def test_the_owners_audit_makes_every_result_again(ward):
    policy = ward.enforce()
    asked = [ward.ask(policy, edges=(0, 50_000)), ward.ask_code(policy)]
    assert all(answer.outputs for answer in ward.answers(*asked))
    found = _audit(ward)
    assert found.is_true and found.numbers > 5
    name = f"results/{asked[0].request.hex()}.blob"
    kept = json.loads((ward.home.folder / name).read_bytes())
    kept["outputs"]["counts"][0][0][0] += 5
    (ward.home.folder / name).write_text(json.dumps(kept))
    assert "what left" in _audit(ward).first.name


def test_a_folder_restored_from_a_backup_does_not_begin_its_budgets_anew(ward, tmp_path):
    policy = ward.enforce(jobs_a_buyer=1, jobs_in_all=1)
    shutil.copytree(ward.home.folder, tmp_path / "backup")
    assert ward.answers(ward.ask_code(policy))[0].outputs
    with pytest.raises(VerificationError, match="an answer that was told"):
        DataNode(ward.network, ward.owner, OwnerHome(tmp_path / "backup"))


def test_a_flood_of_letters_hides_no_request(ward):
    """Junk in everybody's name, the owner's too, that sorts before every true letter."""
    policy, me = ward.enforce(), ward.owner.address
    asked = ward.ask_code(policy)
    for number in range(60):
        for place in (asked.request.hex(), "log"):
            for who in (me, b"x" * 20):
                ward.network.mailbox.post(topic(me, place), f"{who.hex()}.{number:032x}", b"junk")
    (answer,) = ward.answers(asked)
    assert answer.outputs
    assert ward.verdict().is_true


def test_an_escrow_that_a_reorganisation_takes_back_is_told_nothing_and_stops_nobody(ward):
    policy, buyer, chain = ward.enforce(), ward.buyer(), ward.network.chain
    before = chain.snapshot()
    asked = ward.ask_code(policy)

    def vanish(step, request):
        if step == "result":
            chain.revert(before)

    node = ward.node(on_step=vanish)
    assert node.serve_once() == 0
    node.on_step = lambda step, request: None
    assert node.serve_once() == 0 and buyer.answer(asked) is None
    other = ward.ask_code(policy)
    assert other.job == asked.job and other.request != asked.request
    assert node.serve_once() == 1 and buyer.answer(other).outputs
    assert buyer.answer(asked) is None
    assert ward.verdict().is_true
