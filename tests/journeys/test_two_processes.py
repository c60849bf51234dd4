"""Two owners, a coordinator and a chain, each in a process of its own, and what may befall them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from counterpoise.federation import verify_job
from counterpoise.network import open_network
from counterpoise.provenance import Verdict

SECONDS = {"commit": 20, "reveal": 20, "challenge": 1, "lifetime": 86_400}
TASK = {
    "name": "doses of two clinics",
    "features": [
        {"name": "age", "minimum": 0, "maximum": 120},
        {"name": "dose", "decimals": 1, "minimum": 0, "maximum": 50},
    ],
    "rounds": 3,
    "clip": 0.25,
    "pot": 100,
    "stake": 1,
    "quorum": 2,
    "validation": ["ann.rows", "bob.rows"],
}


def start(*words, **options):
    command = [sys.executable, "-m", "counterpoise", *map(str, words)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def run(*words, code=0):
    process = start(*words)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return json.loads(out) if code == 0 else json.loads(err)


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Scene:
    """A folder with a chain's node, the files of a job and its processes."""

    def __init__(self, folder: Path, **seconds: int) -> None:
        self.folder = folder
        self.task = TASK | {"seconds": SECONDS | seconds}
        self.processes = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.node = self.serve()

    def serve(self):
        words = ("chain", "start", "--state", self.folder / "node", "--port", self.port, "--json")
        self.node = self.keep(start(*words))
        assert json.loads(self.node.stdout.readline())["url"] == self.url
        return self.node

    def keep(self, process):
        self.processes.append(process)
        return process

    def prepare(self):
        """Found the network over a shared folder; both owners disclose; the sponsor opens."""
        state, shared = self.folder / "state", self.folder / "shared"
        run(
            "federation", "init", "--state", state, "--chain", self.url, "--store", shared, "--json"
        )
        (self.folder / "task.json").write_text(json.dumps(self.task))
        for seed, name in enumerate(("ann", "bob")):
            rng = np.random.default_rng(seed)
            age, dose = rng.integers(0, 121, 60), rng.integers(0, 501, 60)
            rows = [f"{a},{d / 10},{int(a > d / 4)}" for a, d in zip(age, dose, strict=True)]
            (self.folder / f"{name}.csv").write_text("\n".join(["age,dose,ill", *rows]))
        task, disclosing = self.folder / "task.json", []
        for name in ("ann", "bob"):
            out = ["--out", self.folder / f"{name}.rows", "--json"]
            words = ["federation", "disclose", task, *self.owner(name), *out]
            disclosing.append(self.keep(start(*words)))
        for process in disclosing:
            assert process.wait(30) == 0, process.stderr.read()
        words = [
            "open",
            self.folder / "task.json",
            "--local-key",
            "sponsor",
            *self.visit(),
            "--json",
        ]
        assert run("federation", *words)["job"] == 1

    def owner(self, name):
        own = ["--rows", self.folder / f"{name}.csv", "--label", "ill", "--name", name]
        return [*own, "--home", self.folder / name]

    def visit(self):
        return ["--network", self.folder / "state" / "network.json"]

    def join(self, name):
        key = ["--local-key", name, "--tries", 4, "--json"]
        return self.keep(start("federation", "join", 1, *self.owner(name), *self.visit(), *key))

    def coordinate(self):
        words = ["--state", self.folder / "state", "--members", 2, "--tries", 4, "--json"]
        return self.keep(start("federation", "run", 1, *words))

    def mail(self, number, phase):
        return len(list((self.folder / f"shared/mail/job-1/round-{number}/{phase}").glob("*")))

    def verdict(self):
        verdict = Verdict()
        with open_network(self.folder / "state") as network:
            verify_job(network, 1, verdict)
        return verdict

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


@contextmanager
def scene(folder, **seconds):
    made = Scene(folder, **seconds)
    try:
        made.prepare()
        yield made
    finally:
        made.end()


def answer_of(process, seconds=45):
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return json.loads(out)


def test_a_job_between_processes_survives_kill_9_of_a_participant_and_the_coordinator(tmp_path):
    with scene(tmp_path) as made:
        ann, bob, coordinator = made.join("ann"), made.join("bob"), made.coordinate()

        until(lambda: made.mail(2, "commit") >= 1)
        os.kill(ann.pid, signal.SIGKILL)
        ann.wait()
        again = run("federation", "run", 1, "--state", tmp_path / "state", "--json", code=7)
        assert again["error"] == "Busy", "one coordinator at a time"
        ann = made.join("ann")

        until(lambda: made.mail(3, "commit") >= 1)
        os.kill(coordinator.pid, signal.SIGKILL)
        coordinator.wait()
        coordinator = made.coordinate()

        told = answer_of(coordinator)
        paid = [answer_of(each) for each in (ann, bob)]
        assert told["rounds"] == 4 and {4} <= set(paid[0]["rounds"])
        assert sum(int(each["paid"]) for each in paid) == int(told["pay_total"]) == 100 * 10**18
        assert all(each["stake_returned"] == str(10**18) for each in paid)

        shown = run("federation", "show", 1, "--state", tmp_path / "state", "--json")
        assert shown["state"] == "paid" and shown["model"] == told["model"]
        assert [one["refused"] for one in shown["participants"]] == [[], []]
        assert sum(one["score_ppm"] for one in shown["participants"]) == 1_000_000
        assert sum(int(one["drawn"]) for one in shown["participants"]) == 100 * 10**18
        seen = run("federation", "show", 1, *made.visit(), "--json")
        dues = {one["name"]: one["due"] for one in shown["participants"]}
        assert {one["name"]: one["due"] for one in seen["participants"]} == dues
        assert made.verdict().false == []
        late = run("federation", "join", 1, *made.owner("bob"), *made.visit(),
                   "--local-key", "bob", "--json")  # fmt: skip
        assert late["paid"] == "0" and late["due"] == dues["bob"], "done again, it changes nothing"


def test_a_node_that_goes_away_in_the_middle_is_a_clear_error_and_all_resume(tmp_path):
    with scene(tmp_path, reveal=4) as made:
        players = [made.join("ann"), made.join("bob"), made.coordinate()]
        until(lambda: made.mail(2, "closed") >= 1)
        made.node.send_signal(signal.SIGTERM)
        made.node.wait(20)
        for player in players:
            _, err = player.communicate(timeout=40)
            told = json.loads(err)
            assert player.returncode == 4 and told["error"] == "Unreachable", err
            assert "the same command goes on" in told["hint"]

        made.serve()
        players = [made.join("ann"), made.join("bob"), made.coordinate()]
        for player in players:
            answer_of(player)
        assert made.verdict().false == []


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with scene(tmp_path_factory.mktemp("small")) as made:
        yield made


def test_another_chain_is_refused_by_its_id_or_its_missing_contracts(small, tmp_path):
    other = small.keep(start("chain", "start", "--memory", "--port", "0", "--json"))
    url = json.loads(other.stdout.readline())["url"]
    words = ["federation", "list", *small.visit(), "--chain", url, "--json"]
    assert "no code at the address" in run(*words, code=5)["message"]

    charter = json.loads((small.folder / "state" / "network.json").read_text())
    (tmp_path / "network.json").write_text(json.dumps(charter | {"chain_id": 1337}))
    words = ["federation", "list", "--network", tmp_path / "network.json", "--json"]
    told = run(*words, code=2)
    assert "31337" in told["message"] and "1337" in told["message"]


def test_ctrl_c_while_waiting_exits_130_and_leaves_what_the_same_command_goes_on_from(small):
    ann = small.join("ann")
    place = small.folder / "shared/mail/job-1/join"
    until(lambda: place.is_dir() and len(list(place.iterdir())) == 3)
    twice = small.join("ann")
    _, err = twice.communicate(timeout=30)
    assert twice.returncode == 7 and json.loads(err)["error"] == "Busy", "one process per home"
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    ann.send_signal(signal.SIGINT)
    _, err = ann.communicate(timeout=20)
    assert ann.returncode == 130 and "Traceback" not in err

    ann = small.join("ann")
    time.sleep(2.0)
    assert ann.poll() is None
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    shown = run("federation", "show", 1, *small.visit(), "--json")
    assert [one["name"] for one in shown["participants"]] == ["ann"], "it has joined once"


def test_rows_that_changed_since_the_commitment_and_a_foreign_key_are_refused(small):
    changed = small.folder / "bob.csv"
    before = changed.read_text()
    changed.write_text(before.replace("\n", "\n1,1.0,1\n", 1))
    words = ["federation", "join", 1, *small.owner("bob"), *small.visit(), "--json"]
    told = run(*words, "--local-key", "bob", code=2)
    assert "not those that" in told["message"]
    changed.write_text(before)
    assert "no key was given" in run(*words, code=2)["message"]
