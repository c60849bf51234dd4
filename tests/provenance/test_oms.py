"""A signed model is accepted by the stock tool, and every change to it is named."""

import base64
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance import P256Signer, check_model, export_model
from counterpoise.provenance.oms import model_files
from counterpoise.provenance.signers import p256_pem

STOCK = Path(__file__).parents[2] / ".tools/model-signing/bin/model_signing"
KEY = ec.derive_private_key(99, ec.SECP256R1())
SIGNER = P256Signer(KEY)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    for name in ("a.bin", "a/b.bin", "a/c/d.txt", "a.txt", "z"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    (folder / ".gitignore").write_text("ignored")
    return folder


@pytest.fixture
def stock(tmp_path):
    if not STOCK.exists():
        pytest.skip("skipped: needs model_signing (make interop)")
    (tmp_path / "public.pem").write_bytes(p256_pem(KEY.public_key()))
    (tmp_path / "private.pem").write_bytes(
        KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    def run(*words):
        return subprocess.run(
            [str(STOCK), *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    return run


def test_the_stock_tool_accepts_our_bundle_and_refuses_a_changed_model(model, stock, tmp_path):
    (tmp_path / "model.sig").write_bytes(export_model(model, SIGNER))
    words = ("verify", "key", model, "--public_key", "public.pem", "--signature", "model.sig")
    done = stock(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Verification succeeded" in done.stdout
    (model / "a/b.bin").write_bytes(b"other")
    done = stock(*words)
    assert done.returncode != 0 and "Verification failed" in done.stdout + done.stderr


def test_the_stock_tools_bundle_names_the_same_model_and_is_accepted(model, stock, tmp_path):
    done = stock("sign", "key", model, "--private_key", "private.pem", "--signature", "model.sig")
    assert done.returncode == 0, done.stdout + done.stderr
    theirs = (tmp_path / "model.sig").read_bytes()
    digest = check_model(model, theirs, SIGNER.verifier)
    assert digest == check_model(model, export_model(model, SIGNER), SIGNER.verifier)


def test_files_are_signed_in_the_order_of_path_parts(model):
    names = [file.name for file in model_files(model)]
    assert names == ["a/b.bin", "a/c/d.txt", "a.bin", "a.txt", "z"]


def test_every_change_is_named(model):
    bundle = export_model(model, SIGNER)
    check_model(model, bundle, SIGNER.verifier)
    for change, undo, named in (
        (lambda: (model / "new").write_text("x"), (model / "new").unlink, "new is in"),
        (
            lambda: (model / "z").rename(model / "y"),
            lambda: (model / "y").rename(model / "z"),
            "y is",
        ),
        (lambda: (model / "z").rename(model.parent / "z"), None, "z of the model is missing"),
    ):
        change()
        with pytest.raises(VerificationError, match=named):
            check_model(model, bundle, SIGNER.verifier)
        if undo:
            undo()
    (model.parent / "z").rename(model / "z")
    (model / "a/c/d.txt").write_bytes(b"changed")
    with pytest.raises(VerificationError, match=r"a/c/d\.txt of the model has changed"):
        check_model(model, bundle, SIGNER.verifier)


def test_a_symbolic_link_is_refused(model):
    (model / "link").symlink_to(model / "z")
    with pytest.raises(InputError, match="link is a symbolic link"):
        export_model(model, SIGNER)
    (model / "link").unlink()
    (model / "folder").symlink_to(model / "a")
    with pytest.raises(InputError, match="folder is a symbolic link"):
        export_model(model, SIGNER)


def test_what_is_no_file_or_no_folder_is_refused(model, tmp_path):
    os.mkfifo(model / "pipe")
    with pytest.raises(InputError, match="neither a file"):
        export_model(model, SIGNER)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file"):
        export_model(tmp_path / "empty", SIGNER)
    for nothing in (tmp_path / "nothing", model / "z"):
        with pytest.raises(InputError, match="no folder"):
            export_model(nothing, SIGNER)


def test_a_file_that_changes_while_it_is_hashed_is_refused(model):
    """A writer appends all the time; the file is large enough for it to be met."""
    large, done = model / "large", threading.Event()
    large.write_bytes(bytes(32 << 20))

    def write():
        with large.open("ab", buffering=0) as file:
            while not done.is_set():
                file.write(b"x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(InputError, match="large changed while it was hashed"):
            export_model(model, SIGNER)
    finally:
        done.set()
        writer.join()


def test_another_key_or_a_changed_bundle_is_refused(model):
    bundle = export_model(model, SIGNER)
    other = P256Signer(ec.derive_private_key(98, ec.SECP256R1()))
    with pytest.raises(VerificationError, match="another key"):
        check_model(model, bundle, other.verifier)
    document = json.loads(bundle)
    payload = base64.b64decode(document["dsseEnvelope"]["payload"]).replace(b"a.bin", b"b.bin")
    document["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(VerificationError, match="signature is false"):
        check_model(model, json.dumps(document).encode(), SIGNER.verifier)
    for broken in (b"{}", b"[]", b"x", bundle.replace(b"dsseEnvelope", b"dsseEnvelop")):
        with pytest.raises(InputError):
            check_model(model, broken, SIGNER.verifier)
