"""kill -9 at every step: a second process resumes the folder and comes to the same digests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from revisit import settled
from village import RULES, owners

from counterpoise.core.units import TOKEN
from counterpoise.federation.coordinator import STEPS

HERE = Path(__file__).parent
MOMENTS = ("commitments half taken", *STEPS[:2], "reveals half taken", *STEPS[2:])


def crashes(*arguments):
    """Run the villages that are killed, in a process of their own."""
    command = [sys.executable, str(HERE / "crashes.py"), *map(str, arguments)]
    environment = {**os.environ, "PYTHONWARNINGS": "error::ResourceWarning"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return settled(tmp_path_factory.mktemp("crash") / "state", owners(3))


@pytest.mark.parametrize("number", [1, 2])
def test_a_coordinator_that_is_killed_at_a_step_resumes_to_the_same_digests(
    state, tmp_path, number
):
    folder = state.rename(tmp_path / "state")
    try:
        records = crashes("rounds", folder, *(f"{number}:{moment}" for moment in MOMENTS))
    finally:
        folder.rename(state)
    plain = records.pop("None")
    assert plain["false"] == []
    assert len(records) == len(MOMENTS)
    for record in records.values():
        assert record == plain  # digests, numbers checked, none false, nothing posted twice
    rounds = RULES.rounds + 1
    assert plain["events"] == ["Opened", *["Committed", "ResultPosted"] * rounds, "Finished"]


def test_a_sponsor_that_is_killed_at_a_transaction_funds_one_job_once(tmp_path):
    records = crashes("opening", tmp_path)
    plain = records.pop("None")
    assert len(records) == 2 * plain["sent"]
    for name, record in records.items():
        assert record["funded"] == 1, name
        assert record["same"], name
        assert record["stored"], name
        assert record["rounds"] == RULES.rounds + 1, name
        assert record["left"] == 1000 * TOKEN - RULES.pot, name
