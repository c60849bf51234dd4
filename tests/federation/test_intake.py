"""The desk: what any bytes that arrive come to."""

import json
from dataclasses import replace

import numpy as np
import pytest
from faults import restated, signed_anyhow
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from village import RULES

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.federation.admission import as_late, committed_digests, settle
from counterpoise.federation.evidence import (
    Notary,
    commitment_digest,
    commitment_leaf,
    signer_of,
)
from counterpoise.federation.intake import MAX_LETTER, READABLE, Desk, Intake, Refusal
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.participant import Participant
from counterpoise.federation.rules import CODES, AdmissionError
from counterpoise.federation.terms import Terms
from counterpoise.provenance import Envelope, Statement, Subject
from counterpoise.store import Store

OPERATOR = Account.local(sha256(b"operator"))
PEOPLE = [Notary(Account.local(sha256(bytes([i]))), lambda: 1) for i in range(3)]
ANN, BOB, EVE = (notary.account.address for notary in PEOPLE)
BASE = sha256(b"base")
TERMS = Terms(
    1, 31337, bytes(20), bytes(20), OPERATOR.address, RULES, 1, 60, 60, 60, BASE, bytes(32)
)
DESK = Desk(TERMS, 2, BASE, frozenset({ANN, BOB}))
SALT = bytes(16)


def update_of(notary):
    return sha256(notary.account.address)


def commitment(notary, *, nonce=None, **changes):
    address = notary.account.address
    digest = commitment_digest(TERMS, 2, address, update_of(notary), SALT)
    signature = notary.account.sign_digest(commitment_leaf(TERMS, 2, address, digest))
    fields = {"job": 1, "round": 2, "digest": digest, "base": BASE, "signature": signature}
    envelope = notary.state("commitment", [Subject("c", digest)], **fields).to_bytes()
    return restated(notary, envelope, **changes) if changes else envelope


def reveal(notary, **changes):
    fields = {"job": 1, "round": 2, "update": update_of(notary), "salt": SALT, "base": BASE}
    envelope = notary.state("update", [Subject("u", bytes(32))], **fields).to_bytes()
    return restated(notary, envelope, **changes) if changes else envelope


ANN_COMMITS, BOB_COMMITS = commitment(PEOPLE[0]), commitment(PEOPLE[1])
ANN_REVEALS, BOB_REVEALS = reveal(PEOPLE[0]), reveal(PEOPLE[1])


def codes(intake):
    return {refusal.participant: refusal.code for refusal in intake.refused}


def test_good_letters_are_taken_in_by_address_whatever_their_order():
    letters = [BOB_COMMITS, ANN_COMMITS]
    intake = DESK.commitments(letters)
    assert intake == DESK.commitments(letters[::-1])
    assert [x.participant for x in intake.letters] == sorted([ANN, BOB])
    assert intake.refused == ()
    assert sorted(intake.logged) == sorted(letters)


def test_the_same_letter_many_times_counts_once():
    assert DESK.commitments([ANN_COMMITS] * 5).letters == DESK.commitments([ANN_COMMITS]).letters


def test_of_letters_that_say_the_same_one_counts_and_one_is_logged():
    again = commitment(PEOPLE[0], time=2)
    intake = DESK.commitments([ANN_COMMITS, again])
    assert [x.participant for x in intake.letters] == [ANN]
    assert len(intake.logged) == 1
    assert codes(intake) == {BOB: "absent"}


def test_of_many_different_letters_two_are_logged_and_none_counts():
    many = [ANN_COMMITS]
    for number in range(1, 9):
        digest = sha256(bytes([number]))
        leaf = commitment_leaf(TERMS, 2, ANN, digest)
        signature = PEOPLE[0].account.sign_digest(leaf).hex()
        many.append(commitment(PEOPLE[0], digest=digest.hex(), signature=signature))
    intake = DESK.commitments(many)
    assert intake.letters == ()
    assert len(intake.logged) == 2
    assert codes(intake) == {ANN: "duplicate", BOB: "absent"}
    assert codes(DESK.commitments(intake.logged)) == codes(intake)


def test_what_is_logged_leads_everyone_to_the_same_letters():
    letters = [ANN_COMMITS, commitment(PEOPLE[2]), b"noise", commitment(PEOPLE[1], round=3)]
    intake = DESK.commitments(letters)
    again = DESK.commitments(intake.logged)
    assert again.letters == intake.letters
    assert codes(intake) == {BOB: "stale", EVE: "identity"}
    assert codes(again) == {BOB: "absent"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"job": 2}, "stale"),
        ({"round": 1}, "stale"),
        ({"base": "00" * 32}, "stale"),
        ({"base": None}, "stale"),
        ({"signature": None}, "keys"),
        ({"signature": 7}, "keys"),
        ({"signature": "zz"}, "keys"),
        ({"signature": "00" * 64}, "keys"),
        ({"signature": "00" * 65}, "identity"),
        ({"signature": "ff" * 65}, "identity"),
        ({"digest": "00" * 32}, "identity"),
        ({"digest": "00"}, "keys"),
        ({"digest": None}, "keys"),
        ({"round": True}, "keys"),
        ({"round": -2}, "keys"),
        ({"remark": "x" * MAX_LETTER}, "size"),
    ],
)
def test_a_false_commitment_is_refused_with_its_code(changes, code):
    intake = DESK.commitments([ANN_COMMITS, commitment(PEOPLE[1], **changes)])
    assert codes(intake) == {BOB: code}
    assert [x.participant for x in intake.letters] == [ANN]
    assert intake.logged == (ANN_COMMITS,)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"salt": None}, "keys"),
        ({"salt": "00" * 15}, "keys"),
        ({"update": "zz"}, "keys"),
        ({"rows": -1}, "weight"),
        ({"rows": "many"}, "weight"),
        ({"round": 1}, "stale"),
        ({"base": None}, "stale"),
    ],
)
def test_a_false_reveal_is_refused_with_its_code(changes, code):
    committed = {ANN: bytes(32), BOB: bytes(32)}
    intake = DESK.reveals(committed, [ANN_REVEALS, reveal(PEOPLE[1], **changes)])
    assert codes(intake) == {BOB: code}


def test_a_forged_letter_in_somebodys_name_harms_nobody():
    envelope = Envelope.from_bytes(commitment(PEOPLE[2]))
    named = replace(
        envelope.signatures[0], keyid=Envelope.from_bytes(ANN_COMMITS).signatures[0].keyid
    )
    forged = replace(envelope, signatures=(named,)).to_bytes()
    for letters in ([forged, ANN_COMMITS], [ANN_COMMITS, forged]):
        intake = DESK.commitments(letters)
        assert [x.participant for x in intake.letters] == [ANN]
        assert codes(intake) == {BOB: "absent"}
    assert codes(DESK.commitments([forged])) == {ANN: "identity", BOB: "absent"}


def test_a_letter_with_two_signatures_is_nobodys():
    one, two = Envelope.from_bytes(ANN_COMMITS), Envelope.from_bytes(BOB_COMMITS)
    both = replace(one, signatures=(*one.signatures, *two.signatures)).to_bytes()
    assert codes(DESK.commitments([both])) == {ANN: "absent", BOB: "absent"}


def test_a_letter_too_long_to_open_is_nobodys():
    long = commitment(PEOPLE[0], remark="x" * READABLE)
    assert codes(DESK.commitments([long]))[ANN] == "absent"


def test_a_reveal_of_who_did_not_commit_is_passed_over():
    intake = DESK.reveals({ANN: bytes(32)}, [ANN_REVEALS, BOB_REVEALS])
    assert [x.participant for x in intake.letters] == [ANN]
    assert intake.refused == ()


def test_a_reveal_counts_only_if_its_update_is_there():
    there = Store("memory://there")

    def fetch(digest):
        if not there.has(digest):
            raise AdmissionError("missing", "it is not in the store")
        return there.fetch(digest)

    assert there.put(ANN) == update_of(PEOPLE[0])
    intake = DESK.reveals(
        dict.fromkeys([ANN, BOB], bytes(32)), [ANN_REVEALS, BOB_REVEALS], fetch=fetch
    )
    assert [x.participant for x in intake.letters] == [ANN]
    assert codes(intake) == {BOB: "missing"}
    assert intake.logged == (ANN_REVEALS,)


def settled(commitments, posted, reveals):
    taken = DESK.commitments(commitments)
    committed = committed_digests(DESK.roster, taken, posted)
    return settle(DESK, taken, committed, DESK.reveals(committed, reveals))


def test_a_commitment_that_covers_its_reveal_settles():
    found = settled([ANN_COMMITS, BOB_COMMITS], {}, [ANN_REVEALS, BOB_REVEALS])
    assert {x.participant for x in found.covered} == {ANN, BOB}
    assert found.refused == ()


def test_a_posted_commitment_counts_for_who_was_left_out_and_not_for_strangers():
    digest = commitment_digest(TERMS, 2, BOB, update_of(PEOPLE[1]), SALT)
    posted = {BOB: digest, EVE: digest}
    found = settled([ANN_COMMITS], posted, [ANN_REVEALS, BOB_REVEALS])
    assert {x.participant for x in found.covered} == {ANN, BOB}
    assert found.refused == ()


def test_a_posted_commitment_does_not_replace_one_that_was_taken_in():
    found = settled([ANN_COMMITS], {ANN: bytes(32)}, [ANN_REVEALS])
    assert [x.participant for x in found.covered] == [ANN]


def test_a_posted_commitment_without_a_reveal_changes_no_refusal():
    for commitments in ([], [commitment(PEOPLE[0], round=1)]):
        plain = settled(commitments, {}, [])
        assert settled(commitments, {ANN: bytes(32)}, []) == plain


@pytest.mark.parametrize("changes", [{"salt": "11" * 16}, {"update": "11" * 32}])
def test_a_reveal_that_its_commitment_does_not_cover_is_a_mismatch(changes):
    found = settled([ANN_COMMITS], {}, [reveal(PEOPLE[0], **changes)])
    assert found.covered == ()
    assert {r.participant: r.code for r in found.refused} == {ANN: "mismatch", BOB: "absent"}


def test_nobody_is_refused_twice():
    letters = [commitment(PEOPLE[0], round=1)]
    found = settled(letters, {ANN: bytes(32), BOB: bytes(32)}, [ANN_REVEALS, reveal(PEOPLE[1])])
    assert len({r.participant for r in found.refused}) == len(found.refused)


def test_only_what_is_missing_can_be_late():
    refused = [Refusal(ANN, "missing"), Refusal(BOB, "mismatch")]
    found = as_late(refused, [ANN_REVEALS, BOB_REVEALS, b"noise"])
    assert [r.code for r in found] == ["late", "mismatch"]
    assert as_late(refused, [b"noise"]) == refused


def test_a_commitment_is_of_one_job_round_and_participant():
    plain = commitment_digest(TERMS, 2, ANN, bytes(32), SALT)
    others = [
        commitment_digest(replace(TERMS, job=2), 2, ANN, bytes(32), SALT),
        commitment_digest(TERMS, 3, ANN, bytes(32), SALT),
        commitment_digest(TERMS, 2, BOB, bytes(32), SALT),
        commitment_digest(TERMS, 2, ANN, BASE, SALT),
        commitment_digest(TERMS, 2, ANN, bytes(32), bytes(15) + b"\1"),
    ]
    assert len({plain, *others}) == 6
    leaf = commitment_leaf(TERMS, 2, ANN, plain)
    elsewhere = [replace(TERMS, chain_id=1), replace(TERMS, rounds_contract=b"\1" * 20)]
    assert leaf not in [commitment_leaf(terms, 2, ANN, plain) for terms in elsewhere]


# Hostile bytes

GOOD = [ANN_COMMITS, BOB_COMMITS, ANN_REVEALS]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw):
    """A good letter with a few bytes changed, cut or doubled."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@st.composite
def resigned(draw):
    """A good letter with one field of any JSON, signed by its sender."""
    letter = draw(st.sampled_from(GOOD))
    statement = Envelope.from_bytes(letter).statement
    field = draw(st.sampled_from([*statement.predicate, "rows", "x"]))
    notary = next(n for n in PEOPLE if n.account.address == signer_of(Envelope.from_bytes(letter)))
    document = json.loads(statement.to_bytes())
    document["predicate"][field] = draw(JSON)
    payload = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    return signed_bytes(notary, payload)


def signed_bytes(notary, payload):
    """Sign any payload, statement or not."""

    class Payload(Statement):
        def to_bytes(self):
            return payload

    return signed_anyhow(notary, Payload("x", (Subject("x", bytes(32)),), {}))


@settings(max_examples=150, deadline=None, phases=[Phase.generate])
@given(st.lists(st.binary(max_size=80) | damaged() | resigned(), max_size=4))
def test_no_bytes_whatever_stop_the_desk_or_change_what_others_come_to(letters):
    intake = DESK.commitments([*letters, ANN_COMMITS])
    assert isinstance(intake, Intake)
    assert {r.code for r in intake.refused} <= set(CODES)
    assert ANN in {x.participant for x in intake.letters} | {
        r.participant for r in intake.refused if r.code == "duplicate"
    }
    again = DESK.commitments(intake.logged)
    assert again.letters == intake.letters
    assert [r for r in again.refused if r.code == "duplicate"] == [
        r for r in intake.refused if r.code == "duplicate"
    ]
    DESK.reveals({ANN: bytes(32)}, letters)
    as_late(intake.refused, letters)


def test_letters_of_a_real_participant_are_taken_in():
    store = Store("memory://desk")
    base = store.put(ModelFile(np.zeros(3, np.int32), np.zeros(0, np.int64)).to_bytes())

    class Trainer:
        def update(self, terms, round_id, model):
            return b"update"

    member = Participant("ann", PEOPLE[0], TERMS, bytes(32), Trainer(), store)
    operator = Notary(OPERATOR, lambda: 1)
    opening = operator.state("opening", [Subject("b", base)], job=1, round=2, base=base)
    desk = replace(DESK, base=base)
    intake = desk.commitments([member.commitment(opening.to_bytes())])
    assert [x.participant for x in intake.letters] == [ANN]
