"""A receipt is checked offline; whatever in it is changed, it is refused."""

import base64
import random
import socket
from dataclasses import replace

import pytest

from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.provenance import (
    AnchorReference,
    Ed25519Signer,
    Head,
    Receipt,
    TlogProof,
    check_receipt,
    make_receipt,
    prove,
    sign,
)

from .conftest import ORIGIN


@pytest.fixture
def log(open_log, dataset, signer):
    log = open_log()
    log.append([b"entry %d" % i for i in range(300)])
    log.append([sign(dataset, signer).to_bytes(), b"after"])
    return log


def anchor_of(log, size):
    head = Head(size, log.root_at(size), 1_700_000_000)
    return AnchorReference(31337, b"c" * 20, b"i" * 32, head, 5, b"t" * 32)


def test_a_receipt_survives_its_bytes_and_checks_without_a_network(
    log, signer, dataset, monkeypatch
):
    data = make_receipt(log, 300).to_bytes()
    monkeypatch.setattr(socket, "socket", None)
    receipt = Receipt.from_bytes(data)
    assert receipt.to_bytes() == data
    assert check_receipt(receipt, [signer.verifier], log.vkey) == dataset


def test_a_receipt_needs_the_pinned_signer_and_log(log, signer):
    receipt = make_receipt(log, 300)
    with pytest.raises(VerificationError, match="0 of the pinned keys"):
        check_receipt(receipt, [Ed25519Signer(b"o" * 32).verifier], log.vkey)
    from counterpoise.provenance import log_vkey

    for vkey in (log_vkey(ORIGIN, b"o" * 32), log_vkey("example.org/other", b"o" * 32)):
        with pytest.raises(VerificationError):
            check_receipt(receipt, [signer.verifier], vkey)


@pytest.mark.parametrize("size", [301, 302])
def test_an_anchor_before_or_after_the_checkpoint_is_joined_to_it(log, signer, dataset, size):
    anchor = anchor_of(log, size)
    early = make_receipt(log, 300, anchor)
    log.append([b"later"])
    for receipt in (early, make_receipt(log, 300, anchor)):
        again = Receipt.from_bytes(receipt.to_bytes())
        assert check_receipt(again, [signer.verifier], log.vkey, anchored=anchor) == dataset
    elsewhere = replace(anchor, chain_id=1)
    with pytest.raises(VerificationError, match="not the one on the chain"):
        check_receipt(early, [signer.verifier], log.vkey, anchored=elsewhere)


def test_an_anchor_that_does_not_hold_the_entry_is_refused(log, signer):
    with pytest.raises(InputError, match="not under the anchored head of 300"):
        make_receipt(log, 300, anchor_of(log, 300))
    receipt = make_receipt(log, 300)
    hashes = tuple(log.consistency(300, 302))
    claimed = replace(receipt, anchor=anchor_of(log, 300), consistency=hashes)
    with pytest.raises(VerificationError, match="not under the anchored head of 300"):
        check_receipt(claimed, [signer.verifier], log.vkey)
    forked = replace(anchor_of(log, 302), head=Head(302, bytes(32)))
    with pytest.raises(VerificationError, match="forked"):
        make_receipt(log, 300, forked)
    with pytest.raises(VerificationError):
        check_receipt(replace(receipt, anchor=forked), [signer.verifier], log.vkey)
    with pytest.raises(VerificationError, match="names no anchor"):
        check_receipt(receipt, [signer.verifier], log.vkey, anchored=anchor_of(log, 302))


def test_every_changed_byte_of_a_receipt_is_noticed(log, signer):
    data = make_receipt(log, 300, anchor_of(log, 301)).to_bytes()
    random.seed(7)
    for at in random.sample(range(len(data)), 300):
        changed = data[:at] + bytes([data[at] ^ (1 << random.randrange(7))]) + data[at + 1 :]
        with pytest.raises(CounterpoiseError):
            check_receipt(
                Receipt.from_bytes(changed),
                [signer.verifier],
                log.vkey,
                anchored=anchor_of(log, 301),
            )


def test_the_envelope_written_again_with_equal_json_is_not_in_the_log(log, signer):
    import json

    receipt = make_receipt(log, 300)
    spaced = json.dumps(json.loads(receipt.entry)).encode()
    with pytest.raises(InputError, match="canonical"):
        check_receipt(replace(receipt, entry=spaced), [signer.verifier], log.vkey)
    with pytest.raises(VerificationError, match="leads to root"):
        receipt.proof.check(spaced, log.vkey)


def test_extra_is_never_trusted_and_changes_nothing(log):
    proof = prove(log, 5)
    with_extra = TlogProof.parse(replace(proof, extra=b"anything").to_bytes())
    assert with_extra.extra == b"anything"
    for kept in (proof, with_extra, replace(proof, extra=b"tampered")):
        kept.check(b"entry 5", log.vkey)
    with pytest.raises(VerificationError):
        with_extra.check(b"entry 6", log.vkey)


def test_a_proof_has_the_text_of_the_specification(log):
    text = prove(log, 5).to_bytes()
    lines = text.decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    gap = lines.index("")
    assert [base64.b64decode(line) for line in lines[2:gap]] == log.inclusion(5)
    assert "\n".join(lines[gap + 1 :]).encode() == log.checkpoint().to_bytes()
    one = TlogProof(0, (), log.checkpoint())
    assert TlogProof.parse(one.to_bytes()) == one


def mutations(text):
    head, note = text.split(b"\n\n", 1)
    lines = head.split(b"\n")
    yield text.replace(b"\n", b"\r\n")
    yield text.replace(b"@v1", b"@v2")
    yield text.replace(b"index 5", b"index 05")
    yield text.replace(b"index 5", b"index  5")
    yield text.replace(b"index 5", b"index -5")
    yield text.replace(b"index 5", b"Index 5")
    yield text.replace(b"index 5\n", b"")
    yield text.replace(b"index 5\n", b"index 5\nindex 5\n")
    yield text.replace(b"index 5", b"extra AA=\nindex 5")
    yield text.replace(b"index 5", b"extra AB==\nindex 5")
    yield text.replace(b"index 5", b"extra AA==\nextra AA==\nindex 5")
    yield text.replace(b"index 5\n", b"index 5\nextra AA==\n")
    yield b"\n".join([*lines[:3], b"AAAA", *lines[3:]]) + b"\n\n" + note
    yield b"\n".join([*lines[:2], lines[2][:-1], *lines[3:]]) + b"\n\n" + note
    yield b"\n".join([*lines[:2], lines[2] + b" ", *lines[3:]]) + b"\n\n" + note
    yield b"\n".join(lines + [lines[2]] * 64) + b"\n\n" + note
    yield head + b"\n" + note
    yield head + b"\n\n\n" + note
    yield text + b"x"
    yield text[:-1]
    yield b" " + text
    yield b""
    yield b"\n\n"
    yield text + b"x" * 300_000


def test_a_proof_in_any_other_form_is_refused(log):
    text = prove(log, 5).to_bytes()
    for wrong in mutations(text):
        assert wrong != text
        with pytest.raises(VerificationError):
            TlogProof.parse(wrong)


def test_what_parses_is_what_was_written_under_random_damage(log):
    """A fuzz of the parser: it accepts only its own bytes, and never fails otherwise."""
    text, chance = prove(log, 5).to_bytes(), random.Random(11)
    for _ in range(2_000):
        damaged = bytearray(text)
        for _ in range(chance.randrange(1, 4)):
            at, what = chance.randrange(len(damaged)), chance.randrange(3)
            if what == 0:
                damaged[at] = chance.choice(b"\n =A0+e\xff")
            elif what == 1:
                del damaged[at : at + chance.randrange(1, 40)]
            else:
                damaged[at:at] = bytes(chance.choices(b"\n =A5\xe2", k=3))
        try:
            parsed = TlogProof.parse(bytes(damaged))
        except VerificationError:
            continue
        assert parsed.to_bytes() == bytes(damaged)


def test_wrong_proofs_are_refused(log):
    proof = prove(log, 5)
    first, second, *rest = proof.hashes
    for wrong in (
        replace(proof, index=4),
        replace(proof, index=302),
        replace(proof, index=1 << 40),
        replace(proof, hashes=proof.hashes[:-1]),
        replace(proof, hashes=(*proof.hashes, bytes(32))),
        replace(proof, hashes=(second, first, *rest)),
        replace(proof, hashes=()),
    ):
        with pytest.raises(VerificationError):
            wrong.check(b"entry 5", log.vkey)


def test_a_node_is_no_leaf_and_a_leaf_no_node(open_log):
    from counterpoise.core import merkle

    log = open_log()
    log.append([b"a", b"b", b"c", b"d"])
    left = merkle.leaf_hash(b"a") + merkle.leaf_hash(b"b")
    node = TlogProof(0, tuple(log.inclusion(0)[1:]), log.checkpoint())
    for forged in (left, b"\x01" + left, b"\x00" + left):
        with pytest.raises(VerificationError):
            node.check(forged, log.vkey)


@pytest.mark.parametrize("field", ["chain_id", "contract", "size", "root", "transaction"])
def test_a_malformed_anchor_is_refused(log, field):
    from counterpoise.core.digest import canonical_json
    from counterpoise.provenance.statement import json_object

    document = json_object(make_receipt(log, 300, anchor_of(log, 301)).to_bytes(), "receipt")
    for wrong in (None, [], "0x00"):
        document["anchor"][field] = wrong
        with pytest.raises(CounterpoiseError):
            Receipt.from_bytes(canonical_json(document))
    del document["anchor"][field]
    with pytest.raises(InputError, match="malformed"):
        Receipt.from_bytes(canonical_json(document))
