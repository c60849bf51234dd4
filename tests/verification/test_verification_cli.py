"""The verbs of proofs answer people and machines, and tell what is missing."""

import json
import subprocess
import sys

import pytest
from prover_of_nets import need_engine, small_net

from counterpoise.inference import save_model


def run(*words, expect=0, **options):
    command = [sys.executable, "-m", "counterpoise", "verification", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if expect == 0 else done.stderr


@pytest.fixture
def model(tmp_path):
    save_model(small_net(), tmp_path / "net.model")
    return tmp_path / "net.model"


def test_a_model_is_set_up_proven_and_checked_from_the_command_line(tmp_path, model):
    need_engine()
    srs, key, proof = tmp_path / "srs", tmp_path / "key", tmp_path / "proof.json"
    made = json.loads(run("srs", "development", "--rows", "10", "--to", srs, "--json"))
    assert (made["origin"], made["for production"]) == ("development", "no")
    record = json.loads(run("zk", "setup", model, "--srs", srs, "--to", key, "--json"))
    assert record["model"] == small_net().id.hex()
    shown = run("prove", model, "--key", key, "--input", "0a02", "--out", proof)
    assert "decision" in shown and str(proof) in shown
    checked = json.loads(run("check", proof, "--model", model, "--key", key, "--json"))
    assert checked["proof"] == "true" and "who made the SRS" in checked["can be forged"]
    changed = json.loads(proof.read_text())
    changed["answer"] = "00000000" + changed["answer"][8:]
    proof.write_text(json.dumps(changed))
    assert "the model answers" in run("check", proof, "--model", model, "--key", key, expect=5)


def test_mistakes_are_told_with_what_to_do(tmp_path, model):
    out = tmp_path / "p.json"
    told = run("prove", model, "--key", tmp_path, "--input", "0a02", "--out", out, expect=2)
    assert "holds no proving key" in told and "zk setup" in told
    (tmp_path / "odd.ptau").write_bytes(b"odd")
    imported = ("srs", "import", tmp_path / "odd.ptau", "--rows", "9", "--to", tmp_path)
    assert "no powers-of-tau file" in run(*imported, expect=2)


def test_without_the_extra_every_other_level_is_there(tmp_path):
    (tmp_path / "ezkl.py").write_text("raise ModuleNotFoundError(name='ezkl')\n")
    environment = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    found = json.loads(run("levels", "--json", env=environment))
    assert "counterpoise[zk]" in found["zk"] and "nothing to install" in found["direct"]
    setup = ("srs", "development", "--rows", "9", "--to", tmp_path)
    assert "counterpoise[zk]" in run(*setup, expect=3, env=environment)
