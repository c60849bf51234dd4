"""The verbs of integer models, from a file of a trained model to a registered one."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from sets import split
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.inference import Card, load_model
from counterpoise.inference.cli import inference
from counterpoise.network import create_network

NAMES = [f"f{i}" for i in range(13)]


def run(*words, fails=None):
    done = CliRunner().invoke(inference, list(map(str, words)))
    if fails is not None:
        assert isinstance(done.exception, fails), done.output
        return done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def write(path, rows, labels):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", *NAMES])
        writer.writerows(
            [label, *map(repr, map(float, row))] for row, label in zip(rows, labels, strict=True)
        )
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    rows, held, labels, held_labels = split("heart")
    convert = pytest.importorskip("skl2onnx").to_onnx
    trained = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    made = convert(trained, rows[:1].astype(np.float32), options={"zipmap": False})
    (folder / "heart.onnx").write_bytes(made.SerializeToString())
    write(folder / "train.csv", rows, labels)
    write(folder / "test.csv", held, held_labels)
    run(
        "import", folder / "heart.onnx", "--rows", folder / "train.csv",
        "--check", folder / "test.csv", "--label", "kind", "--range", "f0:0:120",
    )  # fmt: skip
    return folder


def test_import_writes_a_model_and_its_card(files):
    model = load_model(files / "heart.model")
    card = Card.from_bytes((files / "heart.card.json").read_bytes())
    assert card.model == model.id and card.quantiser.names == tuple(NAMES)
    assert card.report.held_out and card.report.agreement >= 0.99
    assert card.quantiser.features[0].highest == 120
    shown = run("show", files / "heart.model")
    assert model.id.hex() in shown and "net 13-1" in shown and "held-out" in shown
    record = json.loads(run("show", files / "heart.model", "--json"))
    assert record["model"] == model.id.hex() and record["widths"] == [13, 1]


def test_run_decides_each_row_and_names_what_is_outside(files, tmp_path):
    record = json.loads(
        run("run", files / "heart.model", "--rows", files / "test.csv", "--clip", "--json")
    )
    _, held, _, _ = split("heart")
    model = load_model(files / "heart.model")
    card = Card.from_bytes((files / "heart.card.json").read_bytes())
    wanted = list(model.run(card.quantiser.bytes_of(held, clip=True)))
    assert [one["answer"] for one in record["rows"]] == [answer.hex() for answer in wanted]
    far = held[:1].copy()
    far[0, 3] = 9999
    odd = write(tmp_path / "odd.csv", far, [0])
    refused = run("run", files / "heart.model", "--rows", odd, fails=InputError)
    assert "feature 'f3' is 9999 in row 0" in refused.message
    assert (
        json.loads(run("run", files / "heart.model", "--rows", odd, "--clip", "--json"))["clipped"]
        == 1
    )


def test_check_and_register_bind_the_model_to_the_chain(files, tmp_path):
    state = tmp_path / "state"
    create_network(state, seed=b"s" * 32).close()
    model = files / "heart.model"
    assert "the onnx path gives the reference's bits" in run("check", model)
    refused = run("check", model, "--on-chain", "--state", state, fails=InputError)
    assert "no model" in refused.message
    words = ("register", model, "--as", "operator", "--state", state, "--json")
    first, second = json.loads(run(*words)), json.loads(run(*words))
    assert first["model"] == load_model(model).id.hex() and first["gas"] > second["gas"] == 0
    record = json.loads(run("check", model, "--on-chain", "--state", state, "--json"))
    assert record["owner"] == first["owner"] and record["path"] == "onnx"


def test_a_card_of_another_model_is_false(files, tmp_path):
    (tmp_path / "other.model").write_bytes((files / "heart.model").read_bytes())
    card = json.loads((files / "heart.card.json").read_bytes())
    card["model"] = "00" * 32
    data = json.dumps(card, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (tmp_path / "other.card.json").write_text(data)
    refused = run("show", tmp_path / "other.model", fails=VerificationError)
    assert "is the card of another model" in refused.message
    (tmp_path / "other.card.json").unlink()
    refused = run("run", tmp_path / "other.model", "--rows", files / "test.csv", fails=InputError)
    assert "has no card" in refused.message


def test_tables_that_cannot_be_read_are_refused_by_their_line(files, tmp_path):
    table = tmp_path / "rows.csv"
    for text, reason in [
        ("f0,f1\n", "holds no rows"),
        ("f0\n1\n", "has no column 'f1'"),
        (",".join(NAMES) + "\n1,2\n", "line 2: 2 columns"),
        (",".join(NAMES) + "\n" + "x," * 12 + "x\n", "line 2: f0 is 'x', a number is wanted"),
    ]:
        table.write_text(text)
        refused = run("run", files / "heart.model", "--rows", table, fails=InputError)
        assert reason in refused.message
    for words, reason in [
        (("--label", "kind", "--range", "f0"), "a range 'f0'"),
        (("--label", "none"), "has no column 'none'"),
    ]:
        rows = ("import", files / "heart.onnx", "--rows", files / "train.csv", *words)
        assert reason in run(*rows, fails=InputError).message
    refused = run("import", tmp_path / "m.pkl", "--rows", files / "train.csv", fails=InputError)
    assert "is a pickle" in refused.message


def test_a_mistake_shows_no_stack_trace(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "counterpoise", "inference", "show", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
