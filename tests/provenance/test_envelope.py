"""A signature is over exact bytes, by a pinned key, in one form."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance import (
    AccountSigner,
    AddressVerifier,
    Ed25519Signer,
    Envelope,
    P256Signer,
    add_signature,
    check_envelope,
    sign,
)
from counterpoise.provenance.envelope import Signature, pre_authentication_encoding
from counterpoise.provenance.signers import P256_ORDER, Ed25519Verifier, P256Verifier

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNERS = {
    "account": AccountSigner(Account.local(b"hospital")),
    "p256": P256Signer(ec.derive_private_key(7, ec.SECP256R1())),
    "ed25519": Ed25519Signer(b"k" * 32),
}


def resigned(envelope, *signatures):
    return replace(envelope, signatures=signatures)


def test_the_encoding_is_that_of_the_dsse_specification():
    assert (
        pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pre_authentication_encoding("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_statement_survives_its_envelope(dataset, kind):
    signer = SIGNERS[kind]
    envelope = Envelope.from_bytes(sign(dataset, signer).to_bytes())
    assert check_envelope(envelope, [signer.verifier]) == dataset


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_changed_byte_makes_the_signature_false(dataset, kind):
    signer = SIGNERS[kind]
    envelope = sign(dataset, signer)
    for changed in (
        replace(envelope, payload=envelope.payload.replace(b"303", b"304")),
        replace(envelope, payload_type="application/json"),
        replace(envelope, payload=json.dumps(json.loads(envelope.payload)).encode()),
    ):
        with pytest.raises(VerificationError, match="is false"):
            check_envelope(changed, [signer.verifier])
    sig = bytearray(envelope.signatures[0].sig)
    sig[10] ^= 1
    with pytest.raises(VerificationError, match="is false"):
        check_envelope(resigned(envelope, Signature(signer.keyid, bytes(sig))), [signer.verifier])


def test_the_account_is_named_by_its_checksum_address(dataset):
    signer = SIGNERS["account"]
    assert signer.keyid == AddressVerifier(Account.local(b"hospital").address).keyid
    assert signer.keyid.startswith("0x") and len(sign(dataset, signer).signatures[0].sig) == 65


def test_one_bad_signature_of_two_condemns_the_envelope(dataset):
    first, second = SIGNERS["account"], SIGNERS["ed25519"]
    envelope = sign(dataset, first, second)
    keys = [first.verifier, second.verifier]
    assert check_envelope(envelope, keys, threshold=2) == dataset
    bad = resigned(envelope, envelope.signatures[0], Signature(second.keyid, bytes(64)))
    for threshold in (1, 2):
        with pytest.raises(VerificationError, match=second.keyid):
            check_envelope(bad, keys, threshold=threshold)
    assert check_envelope(bad, [first.verifier]) == dataset


def test_too_few_pinned_keys_is_a_refusal(dataset):
    first, second = SIGNERS["account"], SIGNERS["p256"]
    envelope = sign(dataset, first)
    with pytest.raises(VerificationError, match="1 of the pinned keys signed the envelope, 2 must"):
        check_envelope(envelope, [first.verifier, second.verifier], threshold=2)
    for keys in ([], [second.verifier]):
        with pytest.raises(VerificationError, match="0 of the pinned keys"):
            check_envelope(envelope, keys, threshold=0)


def test_the_high_s_twin_is_refused(dataset):
    account, p256 = SIGNERS["account"], SIGNERS["p256"]
    envelope = sign(dataset, account, p256)
    ours, theirs = envelope.signatures
    s = SECP256K1_ORDER - int.from_bytes(ours.sig[32:64], "big")
    twin = ours.sig[:32] + s.to_bytes(32, "big") + bytes([55 - ours.sig[64]])
    r, s = decode_dss_signature(theirs.sig)
    assert s <= P256_ORDER // 2
    other = encode_dss_signature(r, P256_ORDER - s)
    for verifier, sig in ((account.verifier, twin), (p256.verifier, other)):
        with pytest.raises(VerificationError, match="is false"):
            check_envelope(resigned(envelope, Signature(verifier.keyid, sig)), [verifier])


def test_a_p256_signature_has_one_encoding(dataset):
    signer = SIGNERS["p256"]
    envelope = sign(dataset, signer)
    sig = envelope.signatures[0].sig
    for other in (sig + b"\0", b"", sig[:-1], b"\x30\x81" + sig[1:]):
        assert not signer.verifier.verifies(envelope.pae(), other)


def test_keys_of_another_curve_or_length_are_refused():
    with pytest.raises(InputError, match="P-256"):
        P256Verifier(ec.derive_private_key(7, ec.SECP384R1()).public_key())
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(InputError, match="32 bytes"):
            Ed25519Verifier(wrong)
        with pytest.raises(InputError, match="32 bytes"):
            Ed25519Signer(wrong)


def test_a_signature_can_be_added_later_but_not_twice(dataset):
    first, second = SIGNERS["account"], SIGNERS["ed25519"]
    envelope = add_signature(sign(dataset, first), second)
    assert envelope == sign(dataset, first, second)
    with pytest.raises(InputError, match="already signed"):
        add_signature(envelope, first)
    with pytest.raises(InputError, match="at least one"):
        sign(dataset)


def test_an_envelope_written_differently_is_refused(dataset):
    data = sign(dataset, SIGNERS["ed25519"]).to_bytes()
    document = json.loads(data)
    assert json.loads(json.dumps(document)) == document
    for other in (
        json.dumps(document).encode(),
        data + b" ",
        data.replace(b'"payloadType"', b'"extra":1,"payloadType"'),
        data.replace(b'=="', b'"') if b'=="' in data else data[:-1],
    ):
        with pytest.raises(InputError):
            Envelope.from_bytes(other)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [{"keyid": "a", "sig": "AA=="}] * 2,
        [{"keyid": "a"}],
        ["a"],
        [{"keyid": "a", "sig": "?"}],
    ],
)
def test_an_envelope_has_between_one_and_sixteen_signatures_of_different_keys(signatures):
    document = {
        "payload": base64.b64encode(b"x").decode(),
        "payloadType": "t",
        "signatures": signatures,
    }
    with pytest.raises(InputError):
        Envelope.from_bytes(json.dumps(document, separators=(",", ":")).encode())


def test_a_payload_that_is_no_statement_is_refused_after_its_signature():
    signer = SIGNERS["ed25519"]
    envelope = add_signature(Envelope(b"{}", ()), signer)
    with pytest.raises(InputError, match="in-toto"):
        check_envelope(envelope, [signer.verifier])
    other = add_signature(Envelope(b"{}", (), "text/plain"), signer)
    with pytest.raises(InputError, match="text/plain"):
        check_envelope(other, [signer.verifier])
