"""What verification says of whole, unfinished and absent jobs, and how it says it."""

import json
import subprocess
import sys

import pytest
from revisit import address_of, copied, lived, opened, settled, verdict_of, visitors_verdict
from village import owners

from counterpoise.core.units import to_checksum
from counterpoise.federation.book import Book
from counterpoise.federation.coordinator import STEPS
from counterpoise.federation.verify import job_ids, verify_job
from counterpoise.network import open_network
from counterpoise.provenance import Verdict

PEOPLE = owners(3)


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """One job before its rounds and finished; what was false at every step between."""
    folder = tmp_path_factory.mktemp("verify")
    begun = settled(folder / "begun", PEOPLE)
    finished = copied(begun, folder / "finished")
    seen = []
    with opened(finished, PEOPLE) as found:

        def look(name, number):
            seen.append((name, number, [str(one) for one in verdict_of(found).false]))

        coordinator = found.coordinator(on_step=look)
        coordinator.run()
        found.coordinator = lambda: coordinator
        lived(found)
    return begun, finished, seen


def test_a_job_is_true_before_its_rounds_and_at_every_step_of_them(states):
    begun, _, seen = states
    assert visitors_verdict(begun).first is None
    assert [(name, number) for name, number, _ in seen] == [
        (s, n) for n in (1, 2, 3) for s in STEPS
    ]
    assert [false for _, _, false in seen if false] == []


def test_a_finished_job_is_true_and_many_numbers_were_derived(states):
    verdict = visitors_verdict(states[1])
    assert verdict.first is None
    assert verdict.numbers > visitors_verdict(states[0]).numbers + 150


def test_one_round_is_verified_with_all_that_it_rests_on(states):
    with open_network(states[1]) as network:
        counts = []
        for only in (1, 2, 3, None):
            verdict = Verdict()
            verify_job(network, 1, verdict, only_round=only)
            assert verdict.first is None
            counts.append(verdict.numbers)
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("number", [4, 99])
def test_a_round_that_the_log_does_not_know_is_false(states, number):
    falsehood = str(visitors_verdict(states[1], number).first)
    assert falsehood == f"rounds: the log has no result of round {number} of job 1"


def test_a_job_that_the_log_does_not_know_is_false(states):
    with open_network(states[1]) as network:
        verdict = Verdict()
        verify_job(network, 7, verdict)
        assert str(verdict.first) == "task: the log has no task statement of job 7"


def test_sections_are_told_in_the_order_in_which_they_rest_on_each_other(states):
    told = []
    with open_network(states[1]) as network:
        assert job_ids(network) == [1]
        verify_job(network, 1, Verdict(), on_section=told.append)
    parts = ["evidence log", "task", "participants", "validation rows"]
    parts += [f"round {n} of 3" for n in (1, 2, 3)]
    assert told == [*parts, "pay", "model"]


def run_verify(folder, *words):
    command = [
        sys.executable,
        "-m",
        "counterpoise",
        "verify",
        *words,
        "--state",
        str(folder),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_the_verb_exits_0_on_a_true_state_and_5_on_a_false_one(states, tmp_path):
    code, record = run_verify(states[1])
    assert (code, record["false"]) == (0, [])
    folder = copied(states[1], tmp_path / "state")
    with open_network(folder) as network:
        update = Book.read(network.log_reader().entries(), 1).round(2).updates[0]
    name = update.fields["update"]
    (folder / "blobs" / name[:2] / name[2:4] / name).write_bytes(b"altered")
    owner = {to_checksum(address_of(one.name)): one.name for one in PEOPLE}[update.fields["actor"]]
    for words in ([], ["1/2"]):
        code, record = run_verify(folder, *words)
        assert code == 5
        assert record["false"][0]["name"] == f"round 2 / update of {owner}"
    assert run_verify(folder, "1/1")[0] == 0
