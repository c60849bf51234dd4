"""The main job as a newcomer runs it: one command, real data, three cheats."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
CHEATS = ("free-rider", "sign-flipper", "non-finite")


def counterpoise(*words, **options):
    command = [sys.executable, "-m", "counterpoise", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = counterpoise("demo", "--state", folder / "state", "--report", folder / "report.json")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout, json.loads((folder / "report.json").read_text())


def test_the_report_has_every_field_that_was_promised(finished):
    _, _, report = finished
    for how in ("federated", "pooled", "local"):
        assert set(report["accuracy"][how]) == {*HOSPITALS, "pooled_test"}
    assert {p["name"] for p in report["participants"]} == {*HOSPITALS, *CHEATS}
    assert {"score_ppm", "pay", "refused"} <= set(report["participants"][0])
    assert report["rounds"] >= 1 and report["gas"]["claim"] > 0
    assert set(report["digests"]) >= {"model", "trace", "scores", "pay"}
    assert report["verify"]["numbers"] > 1000 and report["verify"]["false"] == []


def test_the_model_is_worth_the_trouble_in_spite_of_the_cheats(finished):
    accuracy = finished[2]["accuracy"]
    assert 0.785 <= accuracy["federated"]["pooled_test"] <= 0.85
    assert accuracy["federated"]["pooled_test"] > accuracy["local"]["pooled_test"]


def test_hospitals_are_paid_the_pot_and_cheats_nothing(finished):
    paid = {p["name"]: int(p["pay"]) for p in finished[2]["participants"]}
    assert all(paid[name] == 0 for name in CHEATS)
    assert sum(paid.values()) == 1000 * 10**18
    assert sum(p["score_ppm"] for p in finished[2]["participants"]) == 1_000_000


def test_the_one_that_sends_nan_is_refused_by_name(finished):
    refused = {p["name"]: p["refused"] for p in finished[2]["participants"] if p["refused"]}
    assert refused == {"non-finite": ["non-finite"]}


def test_a_round_and_a_claim_cost_what_was_promised(finished):
    gas = finished[2]["gas"]
    assert gas["per_round"] <= 150_000 and gas["claim"] <= 60_000


def test_the_run_and_its_verification_are_fast_enough(finished):
    seconds = finished[2]["seconds"]
    assert seconds["run"] <= 60
    assert seconds["verify"] <= 0.3 * seconds["run"]


def test_it_says_where_the_state_is_and_what_to_try_next(finished):
    folder, shown, _ = finished
    assert str(folder / "state") in shown and "Try next" in shown and "none false" in shown


def test_another_process_comes_to_the_same_numbers(finished):
    folder, _, report = finished
    done = counterpoise("verify", "--state", folder / "state", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["false"] == [] and found["numbers"] == report["verify"]["numbers"]


def test_one_round_and_the_model_can_be_verified_alone(finished):
    folder, _, report = finished
    assert counterpoise("verify", "1/3", "--state", folder / "state").returncode == 0
    digest = report["digests"]["model"]
    assert counterpoise("verify", digest[:12], "--state", folder / "state").returncode == 0
    done = counterpoise("verify", "ffffffff", "--state", folder / "state")
    assert done.returncode == 2 and digest[:16] in done.stderr


def test_a_finished_state_is_shown_again_not_run_again(finished):
    folder, _, report = finished
    done = counterpoise("demo", "--state", folder / "state", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digests"] == report["digests"]


def test_a_state_of_other_options_is_refused(finished):
    done = counterpoise("demo", "--state", finished[0] / "state", "--seed", "7")
    assert done.returncode == 2 and "another --state" in done.stderr


def test_a_changed_blob_is_named_and_the_exit_code_is_5(finished, tmp_path):
    folder, _, report = finished
    state = tmp_path / "state"
    shutil.copytree(folder / "state", state)
    name = report["digests"]["model"]
    blobs = (path for path in (state / "blobs").rglob("*") if path.is_file())
    blob = next(path for path in blobs if name.endswith(path.name))
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"\x00")
    done = counterpoise("verify", "--state", state)
    assert done.returncode == 5 and done.stdout.startswith("FALSE: ")
    assert "Traceback" not in done.stderr


def test_a_contract_is_told_what_the_model_says_of_a_patient(finished):
    opinion = finished[2]["opinion"]
    assert opinion["agreement"]["rows"] > 100
    assert opinion["agreement"]["agree"] >= 0.995 * opinion["agreement"]["rows"]
    assert opinion["diseased"] == (opinion["logit"] > 0) and opinion["level"] == "optimistic"
    assert all(0 < used < 300_000 for used in opinion["gas"].values())
    assert "salted commitment" in finished[1]


def test_a_changed_input_of_a_question_is_named(finished, tmp_path):
    folder, _, _ = finished
    state = tmp_path / "state"
    shutil.copytree(folder / "state", state)
    letters = (state / "mail" / "oracle-input").rglob("*")
    (pointer,) = (path for path in letters if path.is_file())
    blobs = (path for path in (state / "blobs").rglob("*") if path.is_file())
    blob = next(path for path in blobs if pointer.stem.endswith(path.name))
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"\xff")
    done = counterpoise("verify", "--state", state)
    assert done.returncode == 5 and "request 1" in done.stdout
    assert "Traceback" not in done.stderr


def test_interrupted_it_goes_on_and_ends_as_if_it_had_not_been(finished, tmp_path):
    state = tmp_path / "state"
    command = [sys.executable, "-m", "counterpoise", "demo", "--state", str(state)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    for blow, after in ((signal.SIGINT, 4.0), (signal.SIGKILL, 6.0)):
        running = subprocess.Popen(command, **quiet, env={**os.environ, "TERM": "dumb"})
        time.sleep(after)
        running.send_signal(blow)
        _, errors = running.communicate(timeout=60)
        if blow is signal.SIGINT and running.returncode:
            assert running.returncode == 130 and b"Traceback" not in errors
    done = counterpoise("demo", "--state", state, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verify"]["false"] == []
    assert report["digests"]["model"] == finished[2]["digests"]["model"]
    assert report["digests"]["scores"] == finished[2]["digests"]["scores"]
