"""The verbs of the oracle, on a network in a folder."""

import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from oracle_village import FEE, MODEL, opened
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from counterpoise.core.errors import InputError, Reverted, Unreachable
from counterpoise.inference import import_model
from counterpoise.network import entered
from counterpoise.oracle import publish_model
from counterpoise.oracle.cli import oracle
from counterpoise.verification import DirectClient


@pytest.fixture
def run(state):
    """Run a verb with --json; the direct level knows the village's model."""
    with opened(state) as village:
        client = DirectClient(village.network.contract("Direct"))
        client.load(village.account("operator"), MODEL)

    def run(*words, text=False):
        command = [*map(str, words), "--state", str(state), *([] if text else ["--json"])]
        done = CliRunner().invoke(oracle, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout if text else json.loads(done.stdout)

    return run


@pytest.fixture
def asked(run):
    return run("ask", "toy", "--values", "1,2,3,4", "--level", "direct", "--account", "client")


def serve(run, tmp_path, seconds=2):
    return run(
        "serve", "--account", "nina", "--level", "direct", "--home", tmp_path / "n", "--seconds",
        seconds,
    )  # fmt: skip


def test_a_request_is_asked_served_shown_and_drawn(run, asked, tmp_path):
    assert (asked["request"], asked["stage"], asked["level"]) == (1, "open", "direct")
    assert serve(run, tmp_path) == {"fulfilled": 1}
    found = run("status", 1)
    logits, decision = MODEL.run(np.array([[1, 2, 3, 4]], np.uint8)).logits[0], found["decision"]
    assert found["stage"] == "answered" and found["logits"] == logits.tolist()
    assert decision == int(logits.argmax())
    latest = run("latest", "toy", asked["commitment"], "--least-level", "direct")
    assert (latest["request"], latest["decision"]) == (1, decision)
    assert run("status")["requests"] == [found]
    assert run("status", text=True).split()[:3] == ["1", "answered", "direct"]
    with pytest.raises(Reverted, match="nothing earned"):
        run("withdraw", "--account", "nina")  # the node drew its fee itself


def test_a_row_of_real_values_is_asked_by_the_models_own_card(run, state, tmp_path):
    cancer = load_breast_cancer()
    names = [str(name) for name in cancer.feature_names]
    rows = cancer.data[:, :2]
    fitted = LogisticRegression().fit(rows, cancer.target)
    made = import_model(fitted, rows, names=names[:2])
    with opened(state) as village:
        operator = village.account("operator")
        card = made.card.to_bytes()
        publish_model(village.network, operator, made.model, name="cancer", card=card)
        DirectClient(village.network.contract("Direct")).load(operator, made.model)
    table = tmp_path / "rows.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([names, *cancer.data[:5]])
    words = ("ask", "cancer", "--csv", table, "--line", 3, "--level", "direct")
    run(*words, "--account", "client", "--fee", "0.5")
    serve(run, tmp_path)
    found = run("status", 1)
    assert found["decision"] == int(fitted.predict(rows[2:3])[0])
    assert found["class"] == made.card.classes[found["decision"]]
    far = tmp_path / "far.csv"
    far.write_text("mean radius,mean texture\n9999,1\n")
    with pytest.raises(InputError, match=r"'mean radius' is 9999.*outside calibration"):
        run("ask", "cancer", "--csv", far, "--account", "client")
    run("ask", "cancer", "--csv", far, "--clip", "--account", "client")


def test_what_makes_no_sense_is_refused_with_a_reason(run, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,x\n")
    client = ("--account", "client")
    for words, message in (
        (("ask", "nothing", "--values", "1", *client), "0 models are named 'nothing'"),
        (("ask", "toy", *client), "one input is wanted"),
        (("ask", "toy", "--values", "1,2", *client), "2 bytes of input, the model wants 4"),
        (("ask", "toy", "--values", "1,2,3,256", *client), "is no list of bytes"),
        (("ask", "toy", "--values", "1,2,3,4"), "no key was given"),
        (("latest", "toy", "zz"), "is no commitment"),
        (("status", 9), "there is no request 9"),
        (("serve", *client, "--network", tmp_path / "n.json"), "name two networks"),
    ):
        with pytest.raises(InputError, match=message):
            run(*words)


def test_rows_that_are_not_there_are_named(tmp_path):
    from counterpoise.oracle.cards import row_of

    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,x\n")
    assert row_of(table, 1, ("a",)) == [1.0]
    for line, names, message in (
        (2, ("a",), "has 1 rows, there is no row 2"),
        (1, ("c",), "has no column 'c'"),
        (1, ("b",), "b is 'x' in row 1"),
    ):
        with pytest.raises(InputError, match=message):
            row_of(table, line, names)
    with pytest.raises(InputError, match="cannot be read as CSV"):
        row_of(tmp_path / "nowhere.csv", 1, ("a",))


def test_a_request_that_nobody_answers_is_cancelled(run, state, asked):
    with pytest.raises(Reverted, match="an answer may still come"):
        run("cancel", 1, "--account", "client")
    with opened(state) as village:
        village.pass_time(86_401)
    assert run("cancel", 1, "--account", "client") == {"request": 1, "refunded": "1"}


def test_fees_can_be_drawn_for_another(run, state, tmp_path):
    from oracle_village import Level

    with opened(state) as village:
        village.ask(level=3)
        node = village.node(tmp_path, "nina", [Level.DIRECT])
        node.policy = type(node.policy)(courtesy_seconds=0, draw_at=2**90)
        village.turn(node, times=2)
        node.close()
        nina = "0x" + village.account("nina").address.hex()
    paid = run("withdraw", "--for", nina, "--account", "client")
    assert paid["paid"] == str(FEE // 10**18)


def test_ctrl_c_stops_a_node_without_a_trace(run, state, tmp_path):
    words = ["oracle", "serve", "--state", state, "--account", "nina", "--level", "direct"]
    command = [sys.executable, "-m", "counterpoise", *words, "--home", tmp_path / "home"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert "serving as" in process.stderr.readline()
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err


def test_a_node_that_is_away_says_that_the_command_can_be_repeated(state):
    away = entered(state, None, "http://127.0.0.1:9", None, tries=1)
    with pytest.raises(Unreachable) as caught, away:
        pass
    assert "the same command goes on" in caught.value.hint
