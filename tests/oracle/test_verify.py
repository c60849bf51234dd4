"""Every answer is derived anew; each kind of tampering is named."""

from dataclasses import replace

import pytest
from oracle_village import DAY, MODEL, opened

from counterpoise.chain import artifact
from counterpoise.core.digest import sha256
from counterpoise.inference import input_commitment, model_bytes
from counterpoise.oracle import Archive, Decision, verify_answers
from counterpoise.oracle.decisions import post_decision
from counterpoise.provenance import AccountSigner, Envelope, Subject, Verdict, build_statement
from counterpoise.provenance import sign as signed
from counterpoise.verification import Level

ROW, OTHER = (1, 2, 3, 4), (9, 9, 9, 9)


@pytest.fixture
def lived(village, tmp_path):
    """A village that has answered one request by bond, refunded another, and left one open."""
    node = village.node(tmp_path, "nina", [Level.OPTIMISTIC])
    village.ask(ROW, level=1)
    village.ask(OTHER, level=0, deadline=village.now + 100)
    village.turn(node)
    village.pass_time(3_601)
    village.oracle.cancel(village.account("client"), 2)
    village.ask(OTHER, level=0)
    village.turn(node, times=2)
    node.close()
    return village


def verdict_of(village):
    found, sections = Verdict(), []
    assert verify_answers(village.network, found, sections.append) == 1
    assert sections[0] == "oracle" and "answer 1 of 1" in sections
    return found


def decision(village, **changes):
    """The decision that nina stated, with what a test wants changed."""
    one = village.oracle.fulfilments()[0]
    place = (village.network.chain.chain_id(), village.oracle.address, one.id)
    commitment = village.oracle.request_of(one.id).input
    asked = (MODEL.id, commitment, one.level, one.answer, one.evidence, 5, 6)
    return replace(Decision(*place, *asked), **changes)


def log(village, envelope):
    village.network.log.append([envelope.to_bytes()])


def blob(village, digest):
    return village.network.folder / "blobs" / digest[:2] / digest[2:4] / digest


def input_blob(village, row=ROW):
    return blob(village, sha256(sha256(bytes(row)) + bytes(row)).hex())


def test_what_is_true_is_found_true_number_by_number(lived):
    found = verdict_of(lived)
    found.raise_if_false()
    assert found.numbers >= 20


def test_a_network_where_nobody_asked_holds(village):
    found = Verdict()
    assert verify_answers(village.network, found) == 0
    found.raise_if_false()


def test_a_network_without_an_oracle_is_passed_over(village):
    charter = village.network.charter
    rest = {n: at for n, at in charter.contracts.items() if n != "Oracle"}
    village.network.charter = replace(charter, contracts=rest)
    assert verify_answers(village.network, Verdict()) == 0


def first(village):
    return str(verdict_of(village).first)


def test_an_input_that_was_changed_is_named(lived):
    path = input_blob(lived)
    path.write_bytes(path.read_bytes()[:-1] + b"\x05")
    assert "request 1 / input" in first(lived) and "has digest" in first(lived)


def test_an_input_that_is_gone_is_named(lived):
    input_blob(lived).unlink()
    assert "request 1 / input" in first(lived) and "opens the commitment" in first(lived)


def test_an_input_that_was_erased_on_the_record_is_passed_over(lived):
    salt = sha256(bytes(ROW))
    commitment = input_commitment(salt, bytes(ROW))
    assert lived.inbox.forget(commitment) == 1
    operator = lived.account("operator")
    erasure = build_statement(
        "erasure",
        [Subject("input of request 1", commitment)],
        actor=AccountSigner(operator).keyid,
        time=lived.now,
        nonce=bytes(16),
        dataset=commitment,
        positions=[0],
        reason="asked to be forgotten",
        authority="the client",
    )
    log(lived, signed(erasure, AccountSigner(operator)))
    verdict_of(lived).raise_if_false()


def test_a_model_file_that_was_changed_is_named(lived):
    path = blob(lived, sha256(model_bytes(MODEL)).hex())
    path.write_bytes(path.read_bytes() + b"\0")
    assert "request 1" in first(lived) and MODEL.id.hex() in first(lived)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"answer": b"\0" * 10}, "answer"),
        ({"model": b"\x01" * 32}, "model"),
        ({"commitment": b"\x01" * 32}, "input"),
        ({"level": 0}, "level"),
        ({"evidence": b"\x01" * 32}, "evidence"),
        ({"started": 7}, "times"),
    ],
)
def test_a_false_decision_of_a_provider_is_named(lived, changes, name):
    log(lived, decision(lived, **changes).sign(lived.account("nina")))
    assert first(lived).startswith(f"decision on request 1 / {name}")


def test_a_decision_of_one_who_was_not_paid_is_named(lived):
    log(lived, decision(lived).sign(lived.account("olaf")))
    assert "who was not paid for the answer" in first(lived)


def test_a_decision_with_a_false_signature_is_named(lived):
    good = decision(lived).sign(lived.account("nina"))
    other = decision(lived, ended=99).sign(lived.account("nina"))
    forged = Envelope(good.payload, other.signatures)
    log(lived, forged)
    assert first(lived).startswith("decision on request 1:")


def test_a_decision_on_a_request_that_nobody_answered_is_named(lived):
    log(lived, decision(lived, request=3).sign(lived.account("nina")))
    assert "was not fulfilled" in first(lived)


def test_letters_that_the_chain_does_not_bear_out_stay_out_of_the_log(lived):
    archive = Archive(lived.network)
    size = lived.network.log.size
    nina, olaf = lived.account("nina"), lived.account("olaf")
    for letter in (
        decision(lived, answer=b"\0" * 10).sign(nina),
        decision(lived).sign(olaf),
        decision(lived, request=3).sign(nina),
    ):
        post_decision(lived.network, letter)
    place = f"oracle-decision/{lived.oracle.address.hex()}/1"
    lived.network.mailbox.post(place, "junk", b"junk")
    lived.network.mailbox.post(place, sha256(b"junk").hex(), b"junk")
    assert archive.collect() == 0 and lived.network.log.size == size


def test_another_code_at_the_oracles_address_is_named(lived):
    chain, address = lived.network.chain, lived.oracle.address
    runtime = artifact("Oracle").runtime
    code = chain.code(address)
    at = len(runtime) - 3
    chain.set_code(address, code[:at] + bytes([code[at] ^ 1]) + code[at + 1 :])
    assert first(lived) == "code of Oracle: not the code shipped"


def test_a_deadline_that_is_long_past_leaves_the_open_request_open(lived):
    lived.pass_time(DAY)
    verdict_of(lived).raise_if_false()


def test_another_process_finds_the_same(lived):
    folder = lived.network.folder
    found = verdict_of(lived)
    lived.network.close()
    with opened(folder) as again:
        assert verdict_of(again).numbers == found.numbers
