"""The verbs of evidence on a whole network: what they print is true, and errors are clear."""

import json
import shutil

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from counterpoise.cli import main
from counterpoise.network import create_network
from counterpoise.provenance import (
    AccountSigner,
    Receipt,
    Statement,
    Subject,
    TlogProof,
    build_statement,
    sign,
)

MODEL, DATA = b"m" * 32, b"d" * 32


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """A network with a dataset, a model made from it, and an anchored log."""
    folder = tmp_path_factory.mktemp("network")
    with create_network(folder, seed=b"s" * 32) as network:
        signer = AccountSigner(network.account("clinic"))
        common = {"actor": signer.keyid, "time": 1_700_000_000, "nonce": bytes(16)}
        dataset = build_statement(
            "dataset",
            [Subject("cleveland", DATA)],
            **common,
            schema=[{"name": "age", "type": "int64"}],
            encoding="salted-dag-cbor/v1",
            rows=3,
            row_root=bytes(32),
            source="UCI",
            licence="CC-BY-4.0",
        )
        model = build_statement(
            "model",
            [Subject("heart model", MODEL)],
            **common,
            inputs=[{"sha256": DATA, "role": "data"}],
            files=[{"name": "model.bin", "sha256": MODEL}],
            kind="linear",
        )
        network.log.append([sign(s, signer).to_bytes() for s in (dataset, model)])
        network.log.append([b"no statement"])
        network.anchor_log()
        keys = {"vkey": network.charter.log_vkey, "signer": signer.keyid}
    return folder, keys


@pytest.fixture
def state(founded, tmp_path):
    shutil.copytree(founded[0], tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def run(state, capsys):
    """Runs a verb; gives its exit code, standard output and standard error."""

    def run_(*words, at_state=True):
        where = ["--state", str(state)] if at_state else []
        with pytest.raises(SystemExit) as ended:
            main(["provenance", *map(str, words), *where])
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run_


def test_the_log_is_listed_and_audited(run):
    code, out, _ = run("log", "--audit")
    assert code == 0
    assert "3 entries" in out and "every tile and every entry is as signed" in out
    assert "dataset" in out and "(no statement)" in out
    code, out, _ = run("log", "--kind", "model", "--json")
    record = json.loads(out)
    assert record["size"] == 3 and [e["entry"] for e in record["entries"]] == [1]


def test_a_statement_is_shown_with_its_signatures(run, founded):
    code, out, _ = run("show", "1")
    assert code == 0 and f"signed by {founded[1]['signer']}: true" in out
    assert '"kind": "linear"' in out and f"about heart model  {MODEL.hex()}" in out
    assert json.loads(run("show", MODEL.hex(), "--json")[1])["entry"] == 1


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("3", "no entry 3 in a log of 3"),
        ("2", "entry 2 is no statement"),
        ("wxyz", "is no beginning of a digest"),
        ("00" * 32, "knows no digest that begins"),
    ],
)
def test_what_is_not_there_is_a_clear_error(run, what, message):
    code, out, err = run("show", what)
    assert code == 2 and message in err and not out and "Traceback" not in err


def test_the_lineage_of_the_newest_model_is_drawn(run):
    assert run("lineage")[1].splitlines() == [
        f"heart model  {MODEL.hex()[:12]}  [model #1]",
        f"└─ data: cleveland  {DATA.hex()[:12]}  [dataset #0]",
    ]
    assert json.loads(run("lineage", DATA.hex()[:12], "--json")[1])["name"] == "cleveland"


def test_a_receipt_is_written_anchored_and_checked_with_pinned_keys_alone(run, founded, tmp_path):
    path, keys = tmp_path / "r", founded[1]
    assert run("receipt", "1", "--anchored", "--out", path)[0] == 0
    assert Receipt.from_bytes(path.read_bytes()).anchor.head.size == 3
    pinned = ["--vkey", keys["vkey"], "--signer", keys["signer"]]
    code, out, _ = run("check", path, *pinned, at_state=False)
    assert code == 0 and out.startswith("true: entry 1") and "anchored" in out
    assert json.loads(run("check", path, *pinned, "--json", at_state=False)[1])["entry"] == 1
    stranger = ["--vkey", keys["vkey"], "--signer", "ed25519:" + "00" * 32]
    code, _, err = run("check", path, *stranger, at_state=False)
    assert code == 5 and "0 of the pinned keys" in err
    path.write_bytes(path.read_bytes().replace(b"index 1", b"index 2"))
    code, _, err = run("check", path, *pinned, at_state=False)
    assert code == 5 and "error:" in err


def test_entries_are_exported_as_other_tools_read_them(run, state, tmp_path):
    path = tmp_path / "out"
    assert run("export", "entry", "1", "--as", "statement", "--out", path)[0] == 0
    assert Statement.from_bytes(path.read_bytes()).subject[0].digest == MODEL
    assert run("export", "entry", "2", "--as", "proof", "--out", path)[0] == 0
    assert TlogProof.parse(path.read_bytes()).index == 2
    assert '"payloadType"' in run("export", "entry", "1")[1]


def test_a_model_is_signed_for_stock_tools(run, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    key = ec.derive_private_key(7, ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    words = ["export", "model", folder, "--out", tmp_path / "sig", "--key"]
    assert run(*words, tmp_path / "key.pem", at_state=False)[0] == 0
    assert b"model_signing" not in (tmp_path / "sig").read_bytes()
    assert json.loads((tmp_path / "sig").read_bytes())["mediaType"].startswith("application/vnd")
    code, _, err = run(*words, tmp_path / "none.pem", at_state=False)
    assert code == 2 and "no plain PEM private key" in err


def test_rows_are_committed_proven_checked_and_erased(run, state, tmp_path):
    source, kept, proof = tmp_path / "p.csv", tmp_path / "kept", tmp_path / "row.proof"
    source.write_text("age,ward\n63,A\n41,B\n57,A\n")
    columns = ["--column", "age:int64", "--column", "ward:utf8"]
    code, out, _ = run("rows", "commit", source, *columns, "--out", kept, at_state=False)
    assert code == 0 and out.startswith("3 rows, root ")
    for row in (0, 1):
        words = [
            "rows",
            "prove",
            source,
            row,
            "--kept",
            kept,
            "--out",
            proof.with_suffix(f".{row}"),
        ]
        assert run(*words, at_state=False)[0] == 0
    shown = run("rows", "check", proof.with_suffix(".1"), kept / "commitment.json", at_state=False)
    assert shown[1].splitlines() == ["true: row 1", "  age: 41", "  ward: B"]
    salt = (kept / "salts").read_bytes()[16:32]
    words = ["--kept", kept, "--dataset", DATA.hex(), "--reason", "request", "--authority", "owner"]
    code, out, _ = run("erase", 1, *words, "--as", "clinic")
    assert code == 0 and out.startswith("erased 1 rows; entry 3")
    assert json.loads(run("show", "3", "--json")[1])["predicate"]["positions"] == [1]
    words = ["rows", "prove", source, 1, "--kept", kept, "--out", tmp_path / "again"]
    code, _, err = run(*words, at_state=False)
    assert code == 2 and "row 1 was erased" in err
    check = ["rows", "check", proof.with_suffix(".0"), kept / "commitment.json"]
    assert run(*check, at_state=False)[0] == 0
    for folder in (state, kept):
        for path in folder.rglob("*"):
            assert not path.is_file() or salt not in path.read_bytes(), path


def test_a_damaged_log_is_named_and_exits_5(run, state):
    tile = state / "log/tile/entries/000.p/3"
    tile.write_bytes(tile.read_bytes().replace(b"no statement", b"no Statement"))
    code, _, err = run("log", "--audit")
    assert code == 5 and "entry 2 in tile/entries/000.p/3" in err


def test_a_missing_network_is_a_clear_error(run, state):
    (state / "network.json").unlink()
    for words in (["log"], ["lineage"], ["receipt", "1"]):
        code, _, err = run(*words)
        assert code == 2 and "no network at" in err and "hint:" in err


def test_a_pinned_key_must_hold_the_key_itself(run, tmp_path):
    (tmp_path / "r").write_bytes(b"{}")
    code, _, err = run(
        "check", tmp_path / "r", "--vkey", "v", "--signer", "p256:00", at_state=False
    )
    assert code == 2 and "error:" in err
