"""Independent implementations read our log: aics-tlog (C2SP), pymerkle and OpenSSL."""

import base64
import json
import subprocess
from pathlib import Path

import pymerkle
import pytest
from pymerkle.proof import InvalidProof

from counterpoise.provenance import Ed25519Signer, Witness, add_cosignature, sign

from .conftest import ORIGIN

AICS = Path(__file__).parents[2] / ".tools/aics/bin/python"
AUDIT = """
import json, sys
import aics_tlog as aics
given = json.loads(sys.argv[1])
reader = aics.FileSystemTileReader(given["folder"])
key = aics.parse_vkey(given["vkey"])
text = open(given["folder"] + "/checkpoint", encoding="utf-8", newline="").read()
note = aics.parse_note(text)
found = aics.verify_checkpoint(note, key, expected_origin=given["origin"])
assert found.ok, found
cosigned = aics.parse_note(given["cosigned"])
witness = aics.parse_vkey(given["witness"])
found = aics.verify_checkpoint(cosigned, key, [witness], 1, now=1_700_000_000)
assert found.ok, found
head = aics.parse_checkpoint(note.text)
aics.audit_tiles(reader, head.size, head.root)
assert aics.tree_root_from_tiles(reader, head.size) == head.root
for index in given["inclusion"]:
    proof = [bytes.fromhex(h) for h in given["inclusion"][index]]
    index = int(index)
    leaf = aics.leaf_hash(aics.read_entry(reader, index, head.size))
    assert proof == aics.inclusion_proof_from_tiles(reader, index, head.size)
    assert aics.verify_inclusion(leaf, index, head.size, proof, head.root)
for first, (root, proof) in given["consistency"].items():
    proof = [bytes.fromhex(h) for h in proof]
    assert proof == aics.consistency_proof_from_tiles(reader, int(first), head.size)
    assert aics.verify_consistency(int(first), head.size, bytes.fromhex(root), head.root, proof)
print("accepted", head.size)
"""


@pytest.fixture
def log(open_log):
    log = open_log()
    for count in (1, 255, 1, 300, 143):
        log.append([b"entry %d" % (log.size + i) for i in range(count)])
    return log


def test_an_independent_c2sp_verifier_accepts_checkpoint_tiles_and_proofs(log, tmp_path):
    if not AICS.exists():
        pytest.skip("skipped: needs aics-tlog, in a Python 3.12 environment (make interop)")
    witness = Witness(tmp_path / "w", name="example.net/w", key=b"w" * 32, logs=[log.vkey])
    cosignature = witness.cosign(log.checkpoint().to_bytes(), [], time=1_700_000_000)
    given = {
        "folder": str(log.folder),
        "origin": ORIGIN,
        "vkey": log.vkey,
        "witness": witness.vkey,
        "cosigned": add_cosignature(log.checkpoint(), cosignature).to_bytes().decode(),
        "inclusion": {i: [h.hex() for h in log.inclusion(i)] for i in (0, 255, 256, 557, 699)},
        "consistency": {
            n: (log.root_at(n).hex(), [h.hex() for h in log.consistency(n)])
            for n in (1, 256, 257, 557, 700)
        },
    }
    done = subprocess.run(
        [str(AICS), "-c", AUDIT, json.dumps(given)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "accepted 700"


def test_pymerkle_gives_the_same_roots_and_paths(log):
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries(log.entries())
    for size in (1, 2, 255, 256, 257, 557, 700):
        assert tree.get_root(size) == log.root_at(size)
    for index in (0, 1, 255, 256, 556, 699):
        proof = tree.prove_inclusion(index + 1, log.size)
        assert proof.path == [tree.get_leaf(index + 1), *log.inclusion(index)]
        pymerkle.verify_inclusion(tree.get_leaf(index + 1), log.root, proof)
        with pytest.raises(InvalidProof):
            pymerkle.verify_inclusion(tree.get_leaf(index + 1), bytes(32), proof)


def test_openssl_verifies_a_checkpoint_and_a_statement(log, dataset, tmp_path):
    """The notes and envelopes need nothing of ours to be verified: OpenSSL and base64 do."""
    signer = Ed25519Signer(b"k" * 32)
    envelope = json.loads(sign(dataset, signer).to_bytes())
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    pae = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    text, line = log.checkpoint().to_bytes().split(b"\n\n")
    checkpoint_key = base64.b64decode(log.vkey.split("+", 2)[2])[1:]
    cases = {
        "note": (checkpoint_key, text + b"\n", base64.b64decode(line.split()[-1])[4:]),
        "dsse": (
            bytes.fromhex(signer.keyid.removeprefix("ed25519:")),
            pae,
            base64.b64decode(envelope["signatures"][0]["sig"]),
        ),
    }
    for name, (public, message, signature) in cases.items():
        (tmp_path / f"{name}.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + public)
        (tmp_path / f"{name}.msg").write_bytes(message)
        (tmp_path / f"{name}.sig").write_bytes(signature)
        done = subprocess.run(
            f"openssl pkeyutl -verify -pubin -keyform DER -rawin -inkey {name}.der "
            f"-in {name}.msg -sigfile {name}.sig".split(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert "Verified Successfully" in done.stdout, done.stderr
