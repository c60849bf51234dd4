"""The stock model_signing command accepts our bundles, and refuses what we did not sign."""

import base64
import json
import os
import socket
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from counterpoise.core.digest import array_bytes
from counterpoise.core.errors import InputError
from counterpoise.provenance import P256Signer, Statement, export_model_signature
from counterpoise.provenance.oms import public_key_pem

TOOL = Path(__file__).parents[2] / ".tools/model-signing/bin/model_signing"
KEY = ec.derive_private_key(7, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(8, ec.SECP256R1())
WEIGHTS = array_bytes(np.arange(14, dtype=np.int64))
SPARSE = 48 << 20

# One process answers many questions: the command's own start costs a CPU-second.
MANY = """
import contextlib, io, json, sys
from model_signing._cli import main
answers = []
for arguments in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(["verify", "key", *arguments], prog_name="model_signing")
        except SystemExit as ended:
            code = ended.code
    answers.append([code or 0, said.getvalue()])
json.dump(answers, sys.stdout)
"""


@pytest.fixture
def tool():
    if not TOOL.exists():
        pytest.skip("needs model_signing (make interop)")
    return TOOL


@pytest.fixture
def model(tmp_path):
    """A folder as the product writes it: one file of weights, and some around it."""
    folder = tmp_path / "heart"
    files = {
        "model.bin": WEIGHTS,
        "a/weights.bin": b"1",
        "a-b/weights.bin": b"2",
        "a/ü 1.txt": "Übung".encode(),
        "empty": b"",
        ".gitignore": b"*.tmp\n",
    }
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def question(model, bundle, key=KEY):
    """The arguments that ask the stock command about a model and its bundle."""
    signature, public = model.parent / f"{model.name}.sig", model.parent / "key.pub"
    signature.write_bytes(bundle)
    public.write_bytes(public_key_pem(P256Signer(key).verifier))
    return [str(model), "--signature", str(signature), "--public_key", str(public)]


def statement_of(bundle):
    return base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"])


def test_the_stock_command_accepts_our_model_file(tool, model):
    arguments = question(model, export_model_signature(model, KEY))
    ran = subprocess.run([tool, "verify", "key", *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "Verification succeeded" in ran.stdout + ran.stderr


def test_our_statement_is_the_one_that_the_stock_command_signs(tool, model, tmp_path):
    private, theirs = tmp_path / "key.pem", tmp_path / "theirs.sig"
    private.write_bytes(
        KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    command = [tool, "sign", "key", model, "--signature", theirs, "--private_key", private]
    subprocess.run(command, check=True, capture_output=True)
    wanted, ours = json.loads(theirs.read_bytes()), json.loads(export_model_signature(model, KEY))
    assert ours["verificationMaterial"] == wanted["verificationMaterial"]
    assert ours["mediaType"] == wanted["mediaType"]
    statements = [json.loads(statement_of(json.dumps(bundle))) for bundle in (wanted, ours)]
    for statement in statements:
        statement["predicate"]["serialization"]["ignore_paths"].sort()
    assert statements[0] == statements[1]


def test_the_stock_command_tells_what_was_signed_from_what_was_not(tool, tmp_path):
    questions, wanted = [], []

    def ask(name, files, answer, alter=lambda folder: None, **options):
        folder = tmp_path / name / "model"
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        bundle = export_model_signature(options.pop("export", folder), KEY, **options)
        alter(folder)
        questions.append(question(folder, bundle))
        wanted.append((name, answer))

    two = {"model.bin": WEIGHTS, "deep/er/table.bin": b"2"}
    ask("as it was", two, "Verification succeeded")
    ask("by name", two, "Verification succeeded", export=two)
    ask("git", two | {".git/HEAD": b"x"}, "Verification succeeded", export=two)
    ask("left out", two | {"old.sig": b"x"}, "Verification succeeded", ignore=["old.sig"])
    ask("changed", two, "Hash mismatch for 'model.bin'", lambda f: flip(f / "model.bin"))
    ask("added", two, "Extra files found", lambda f: (f / "more.bin").write_bytes(b""))
    ask("renamed", two, "Missing files", lambda f: (f / "model.bin").rename(f / "model2.bin"))
    ask("removed", two, "Missing files", lambda f: (f / "model.bin").unlink())
    ask("linked", two, "symlink", lambda f: (f / "link").symlink_to(f / "model.bin"))
    ask("swapped", two, "Hash mismatch", lambda f: swap(f / "model.bin", f / "deep/er/table.bin"))
    ask("other key", two, "Key mismatch")
    Path(questions[-1][4]).write_bytes(public_key_pem(P256Signer(OTHER_KEY).verifier))
    ask("forged", two, "Verification failed")
    forge(Path(questions[-1][2]))
    single = tmp_path / "alone.bin"
    single.write_bytes(WEIGHTS)
    questions.append(question(single, export_model_signature(single, KEY)))
    wanted.append(("one file", "Verification succeeded"))

    command = [tool.parent / "python", "-c", MANY]
    ran = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    for (name, answer), (code, said) in zip(wanted, json.loads(ran.stdout), strict=True):
        assert answer in said, f"{name}: {said}"
        assert (code == 0) == (answer == "Verification succeeded"), f"{name}: {said}"


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def swap(one, other):
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


def forge(place):
    """Exchange the model's name in a signed statement."""
    bundle = json.loads(place.read_bytes())
    payload = statement_of(json.dumps(bundle)).replace(b'"model.bin"', b'"nodel.bin"')
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    place.write_text(json.dumps(bundle))


def test_a_bundle_holds_a_statement_that_our_own_reader_accepts(model):
    statement = Statement.from_bytes(statement_of(export_model_signature(model, KEY, name="m")))
    assert [subject.name for subject in statement.subject] == ["m"]
    names = [resource["name"] for resource in statement.predicate["resources"]]
    assert names == ["a/weights.bin", "a/ü 1.txt", "a-b/weights.bin", "empty", "model.bin"]


def test_a_signer_and_its_private_key_export_the_same(model):
    bundles = [json.loads(export_model_signature(model, key)) for key in (KEY, P256Signer(KEY))]
    for bundle in bundles:
        del bundle["dsseEnvelope"]["signatures"][0]["sig"]
    assert bundles[0] == bundles[1]


def test_the_folders_name_is_the_models_name_however_it_is_given(model, monkeypatch):
    monkeypatch.chdir(model)
    for given in (model, str(model), ".", Path("../heart")):
        statement = json.loads(statement_of(export_model_signature(given, KEY)))
        assert statement["subject"][0]["name"] == "heart"


@pytest.mark.parametrize("where", ["file", "folder", "dangling", "left out", "root"])
def test_a_link_is_not_exported(model, where):
    if where == "root":
        link, target = model.parent / "link", model
    else:
        (model / ".git").mkdir()
        link = model / (".git/link" if where == "left out" else "link")
        target = {"folder": model / "a", "dangling": model / "none"}.get(where, model / "empty")
    link.symlink_to(target)
    with pytest.raises(InputError, match="symbolic link"):
        export_model_signature(link if where == "root" else model, KEY)


def test_a_link_given_by_name_is_not_exported(model):
    (model / "link").symlink_to(model / "empty")
    with pytest.raises(InputError, match="symbolic link"):
        export_model_signature({"model.bin": model / "link"}, KEY)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_special_file_is_not_exported(model, kind, monkeypatch):
    monkeypatch.chdir(model)
    if kind == "pipe":
        os.mkfifo("special")
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("special")
    with pytest.raises(InputError, match="not a regular file"):
        export_model_signature(model, KEY)


def write_again(folder):
    with (folder / "large.bin").open("r+b") as file:
        file.write(os.urandom(1))


def add_file(folder):
    (folder / f"{os.urandom(4).hex()}.bin").touch()


def exchange(folder):
    fresh = folder.parent / "fresh"
    fresh.touch()
    os.truncate(fresh, SPARSE)
    fresh.replace(folder / "large.bin")


@pytest.mark.parametrize("alter", [write_again, add_file, exchange])
def test_a_model_that_changes_while_it_is_hashed_is_not_exported(model, alter):
    (model / "large.bin").touch()
    os.truncate(model / "large.bin", SPARSE)
    begun, enough = threading.Event(), threading.Event()

    def keep_altering():
        while not enough.wait(0.005):
            alter(model)
            begun.set()

    writer = threading.Thread(target=keep_altering)
    writer.start()
    try:
        assert begun.wait(10)
        with pytest.raises(InputError, match="changed while the model was hashed"):
            export_model_signature(model, KEY)
    finally:
        enough.set()
        writer.join()


@pytest.mark.parametrize(
    "name",
    ["", ".", "/model.bin", "../model.bin", "a/../b", "a//b", "./a", "a/", "a\0b", "a\udcffb"],
)
def test_a_name_that_is_not_relative_and_plain_is_refused(name):
    with pytest.raises(InputError):
        export_model_signature({name: b""}, KEY)


@pytest.mark.parametrize("name", [".git/HEAD", ".gitignore", "old.sig", "old/1.bin"])
def test_a_name_that_stock_tools_would_not_look_at_is_refused(name):
    with pytest.raises(InputError, match="left out"):
        export_model_signature({name: b""}, KEY, ignore=["old.sig", "old"])


def test_a_name_that_is_a_file_and_a_folder_is_refused():
    with pytest.raises(InputError, match="named as a file too"):
        export_model_signature({"a": b"", "a/b/c": b""}, KEY)


def test_a_model_without_a_file_is_refused(tmp_path):
    (tmp_path / "below").mkdir()
    for empty in (tmp_path, {}):
        with pytest.raises(InputError, match="no file"):
            export_model_signature(empty, KEY)


def test_a_model_that_is_not_there_is_refused(tmp_path):
    for missing in (tmp_path / "none", {"model.bin": tmp_path / "none"}):
        with pytest.raises(InputError, match="not there"):
            export_model_signature(missing, KEY)


@pytest.mark.parametrize(
    "key", [ec.derive_private_key(7, ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_only_a_key_that_stock_tools_know_is_taken(model, key):
    with pytest.raises(InputError, match="P-256"):
        export_model_signature(model, key)
