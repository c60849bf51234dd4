"""Nodes are killed at each point, and go on: nothing is done twice, nothing is lost."""

import subprocess
import sys
from pathlib import Path

import pytest
from oracle_crashes import POINTS, run
from oracle_village import FEE, MEMBERS, MODEL, opened

from counterpoise.core.units import TOKEN
from counterpoise.oracle import Stage, verify_answers
from counterpoise.provenance import Envelope, Verdict, kind_of

SCRIPT = Path(__file__).parent / "oracle_crashes.py"
ROWS = ((1, 2, 3, 4), (250, 1, 0, 9))


QUICK = ("commit", "propose", "fulfil", "state")
CASES = [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in POINTS]


@pytest.mark.parametrize("point", CASES)
def test_a_node_that_is_killed_goes_on_where_it_was(state, tmp_path, point):
    with opened(state) as village:
        asked = [village.ask(ROWS[0], level=0), village.ask(ROWS[1], level=1)]
    command = [sys.executable, SCRIPT, state, tmp_path / "homes", point]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert killed.returncode == -9, killed.stderr
    run(state, tmp_path / "homes", "nowhere")
    with opened(state) as village:
        for id_, row in zip(asked, ROWS, strict=True):
            assert village.oracle.request_of(id_).stage is Stage.ANSWERED
            assert village.oracle.answer_of(id_).answer == MODEL.answer(bytes(row))
        first, second = village.oracle.fulfilments()
        assert len(first.providers) == 3 and len(second.providers) == 1
        assert not village.quorum.contract.events("Fined")
        assert village.balance(village.oracle) == 0
        purses = sum(village.balance(village.account(name)) for name in MEMBERS)
        assert purses == 3 * 900 * TOKEN + 2 * FEE  # fees and bonds are all drawn
        kinds = [
            kind_of(Envelope.from_bytes(e).statement)
            for e in village.network.log_reader().entries()
        ]
        assert kinds.count("decision") >= 4
        verdict = Verdict()
        assert verify_answers(village.network, verdict) == 2
        verdict.raise_if_false()
