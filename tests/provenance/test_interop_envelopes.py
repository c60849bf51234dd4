"""securesystemslib verifies our envelopes, and in-toto-attestation parses our statements."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from counterpoise.provenance import Ed25519Signer, P256Signer, sign
from counterpoise.provenance.oms import export_model_signature, public_key_pem

PYTHON = Path(__file__).parents[2] / ".tools/model-signing/bin/python"
P256 = ec.derive_private_key(7, ec.SECP256R1())

# Reads envelopes as the libraries of in-toto do, with nothing of ours.
CHECK = """
import json, sys
from google.protobuf import json_format
from in_toto_attestation.v1 import statement, statement_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

answers = []
for case in json.load(sys.stdin):
    keys = [SSlibKey(**key) for key in case["keys"]]
    try:
        envelope = Envelope.from_dict(case["envelope"])
        signers = sorted(envelope.verify(keys, len(keys)))
    except VerificationError:
        answers.append("refused")
        continue
    parsed = json_format.Parse(envelope.payload, statement_pb2.Statement())
    statement.Statement.copy_from_pb(parsed).validate()
    subject = parsed.subject[0]
    answers.append([signers, parsed.predicate_type, subject.name, subject.digest["sha256"]])
json.dump(answers, sys.stdout)
"""


def as_foreign_keys(*signers):
    keys = []
    for signer in signers:
        if isinstance(signer, Ed25519Signer):
            kind, scheme, public = "ed25519", "ed25519", signer.verifier.public.hex()
        else:
            kind, scheme = "ecdsa", "ecdsa-sha2-nistp256"
            public = public_key_pem(signer.verifier).decode()
        value = {"public": public}
        keys.append({"keyid": signer.keyid, "keytype": kind, "scheme": scheme, "keyval": value})
    return keys


def test_in_totos_libraries_verify_and_parse_our_envelopes(signer, dataset):
    if not PYTHON.exists():
        pytest.skip("needs securesystemslib (make interop)")
    second = P256Signer(P256)
    envelope = json.loads(sign(dataset, signer, second).to_bytes())
    forged = json.loads(json.dumps(envelope))
    payload = base64.b64decode(envelope["payload"]).replace(b"cleveland", b"hungarian")
    forged["payload"] = base64.b64encode(payload).decode()
    model = json.loads(export_model_signature({"model.bin": b"w"}, P256))["dsseEnvelope"]
    unnamed = as_foreign_keys(second)[0] | {"keyid": ""}
    cases = [
        {"envelope": envelope, "keys": as_foreign_keys(signer)},
        {"envelope": envelope, "keys": as_foreign_keys(signer, second)},
        {"envelope": envelope, "keys": as_foreign_keys(Ed25519Signer(b"o" * 32))},
        {"envelope": forged, "keys": as_foreign_keys(signer, second)},
        {"envelope": model, "keys": [unnamed]},
    ]
    ran = subprocess.run(
        [PYTHON, "-c", CHECK], input=json.dumps(cases), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    ours = [dataset.predicate_type, "cleveland", (b"d" * 32).hex()]
    one, two, other, changed, exported = json.loads(ran.stdout)
    assert one == [[signer.keyid], *ours]
    assert two == [sorted([signer.keyid, second.keyid]), *ours]
    assert other == changed == "refused"
    assert exported[1] == "https://model_signing/signature/v1.0"
