"""What the log says about a job, and who takes part in it."""

from dataclasses import replace

import pytest
from faults import signed_anyhow

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import to_checksum
from counterpoise.federation.book import COMMITTED, REVEALED, Book
from counterpoise.federation.evidence import Notary, read_signed, signer_of
from counterpoise.federation.roster import read_roster
from counterpoise.federation.rules.task import EXACT_LIMIT
from counterpoise.jobs import Joined
from counterpoise.provenance import Envelope, Statement, Subject

OPERATOR = Notary(Account.local(sha256(b"operator")), lambda: 1)
NOTHING = bytes(32)


def state(kind, notary=OPERATOR, **fields):
    return notary.state(kind, [Subject("x", NOTHING)], **fields).to_bytes()


def closing(phase, job=1, round_id=1, refused=()):
    fields = {"job": job, "round": round_id, "phase": phase, "leaves": NOTHING, "root": NOTHING}
    return state("closing", **fields, refused=list(refused))


def result(job=1, round_id=1, refused=()):
    digests = dict.fromkeys(
        ["updates_root", "trace_root", "scores_digest", "pay_root", "model"], NOTHING
    )
    place = {"job": job, "round": round_id, "pay_total": "0", "refused": list(refused)}
    return state("round", **place, **digests)


def commitment(job=1, round_id=1):
    return state("commitment", job=job, round=round_id, digest=NOTHING)


def task(scoring="exact"):
    fields = {
        "model": "linear",
        "rounds": 1,
        "clip": 1,
        "scale_bits": 16,
        "seed": 0,
        "validation": NOTHING,
    }
    return state("task", job=1, scoring=scoring, **fields)


def dataset(notary, rows=3, row_root=None):
    return state(
        "dataset",
        notary,
        schema=[{"name": "a", "type": "int64"}],
        encoding="x",
        rows=rows,
        row_root=row_root or sha256(notary.account.address),
        source="s",
        licence="l",
    )


def test_entries_go_to_the_pages_of_their_round_in_the_order_of_the_log():
    entries = [
        task(),
        commitment(),
        commitment(round_id=2),
        closing(COMMITTED),
        state("update", job=1, round=1, update=NOTHING),
        closing(REVEALED),
        result(),
    ]
    book = Book.read(entries, 1)
    pages = book.round(1)
    assert book.task.index == 0
    assert [entry.index for entry in pages.commitments] == [1]
    assert [entry.index for entry in book.round(2).commitments] == [2]
    indices = (pages.committed.index, pages.updates[0].index, pages.revealed.index)
    assert (*indices, pages.result.index) == (3, 4, 5, 6)
    assert book.size == 7


def test_a_book_that_is_extended_is_the_book_of_the_whole():
    entries = [task(), commitment(), closing(COMMITTED), b"noise", result()]
    book = Book(1)
    for entry in entries:
        book.extend([entry])
    assert book == Book.read(entries, 1)


def test_entries_of_other_jobs_and_of_no_kind_are_passed_over_and_counted():
    other = [commitment(job=2), closing(COMMITTED, job=2), b"", b"noise", b"\xff", b"{}"]
    book = Book.read([*other, commitment()], 1)
    assert book.round(1).committed is None
    assert [entry.index for entry in book.round(1).commitments] == [6]


@pytest.mark.parametrize("field", ["round", "phase", "refused", "job"])
@pytest.mark.parametrize("value", [None, "x", -1, [], {}, True])
def test_a_malformed_closing_says_nothing(field, value):
    if (field, value) in (("phase", "x"), ("refused", [])):
        return
    statement = Envelope.from_bytes(closing(COMMITTED)).statement
    predicate = {**statement.predicate, field: value}
    lie = signed_anyhow(OPERATOR, Statement(statement.predicate_type, statement.subject, predicate))
    book = Book.read([lie], 1)
    assert not any(pages.committed or pages.revealed for pages in book.rounds.values())
    assert book.size == 1


def test_the_first_closing_and_result_count_and_the_others_are_kept_as_repeated():
    entries = [closing(COMMITTED), result(), closing(REVEALED)]
    again = [closing(COMMITTED), result(), closing(REVEALED)]
    pages = Book.read([*entries, *again], 1).round(1)
    assert (pages.committed.index, pages.result.index, pages.revealed.index) == (0, 1, 2)
    assert [entry.index for entry in pages.repeated] == [3, 4, 5]


def test_a_book_tells_with_which_codes_a_participant_was_refused():
    ann = to_checksum(b"\1" * 20)
    refused = [{"participant": ann, "code": "clip", "detail": "x"}]
    book = Book.read([result(refused=refused)], 1)
    assert book.refusals(1, ann) == ["clip"]
    assert book.refusals(1, to_checksum(b"\2" * 20)) == []
    assert book.refusals(2, ann) == []


# Statements


def test_a_statement_is_read_for_its_signer_and_its_kind_alone():
    envelope = Envelope.from_bytes(commitment())
    address = OPERATOR.account.address
    assert signer_of(envelope) == address
    assert read_signed(envelope, "commitment", address).predicate["round"] == 1
    with pytest.raises(VerificationError, match="a closing statement was wanted"):
        read_signed(envelope, "closing", address)
    with pytest.raises(VerificationError, match="0 of the pinned keys"):
        read_signed(envelope, "commitment", b"\1" * 20)


@pytest.mark.parametrize("keyid", ["", "0x", "ann", "0x" + "zz" * 20, "0x" + "11" * 21])
def test_a_signature_of_no_address_names_no_signer(keyid):
    envelope = Envelope.from_bytes(commitment())
    named = replace(envelope, signatures=(replace(envelope.signatures[0], keyid=keyid),))
    with pytest.raises((InputError, VerificationError)):
        signer_of(named)


def test_a_notary_takes_its_clock_and_its_nonce_from_outside():
    notary = Notary(OPERATOR.account, lambda: 77, lambda count: b"\5" * count)
    one, two = (notary.state("join", [Subject("x", NOTHING)], **JOIN) for _ in range(2))
    assert one == two
    assert one.statement.predicate["time"] == 77
    assert one.statement.predicate["nonce"] == "05" * 16


JOIN = {"job": 1, "dataset": NOTHING, "stake": "1"}


# The roster


def notary(number):
    return Notary(Account.local(sha256(b"member" + bytes([number]))), lambda: 1)


def joined(notary_, entry, stake=1):
    digest = Envelope.from_bytes(entry).statement.digest
    return Joined(notary_.account.address, digest, stake, 1)


def roster_of(*entries_and_members, first=()):
    entries = [entry for entry, _ in entries_and_members]
    events = [joined(member, entry) for entry, member in entries_and_members]
    return read_roster(Book.read([*first, *entries], 1), events)


def codes(refused):
    return [(r.participant, r.code) for r in refused]


def test_who_joined_with_a_dataset_of_its_own_is_a_member_by_address():
    people = [notary(i) for i in range(4)]
    members, refused = roster_of(*[(dataset(one), one) for one in people])
    assert list(members) == sorted(one.account.address for one in people)
    assert refused == []
    first = members[people[0].account.address]
    assert (first.name, first.rows, first.row_root) == ("x", 3, sha256(first.address))


def test_who_joined_with_anothers_dataset_or_with_none_is_refused():
    ann, eve = notary(0), notary(1)
    entry = dataset(ann)
    members, refused = roster_of((entry, ann), (entry, eve))
    assert list(members) == [ann.account.address]
    assert codes(refused) == [(eve.account.address, "identity")]
    nowhere = Joined(eve.account.address, bytes(32), 1, 1)
    assert codes(read_roster(Book(1), [nowhere])[1]) == [(eve.account.address, "identity")]


def test_of_two_with_the_same_rows_the_first_to_join_counts():
    ann, eve = notary(0), notary(1)
    root = sha256(b"rows")
    pair = [(dataset(one, row_root=root), one) for one in (eve, ann)]
    members, refused = roster_of(*pair)
    assert list(members) == [eve.account.address]
    assert codes(refused) == [(ann.account.address, "duplicate")]


def test_who_has_no_rows_is_refused():
    ann = notary(0)
    members, refused = roster_of((dataset(ann, rows=0), ann))
    assert members == {}
    assert codes(refused) == [(ann.account.address, "weight")]


@pytest.mark.parametrize(("scoring", "count"), [("exact", EXACT_LIMIT), ("path", EXACT_LIMIT + 2)])
def test_exact_scoring_takes_as_many_members_as_it_can_score(scoring, count):
    people = [notary(i) for i in range(EXACT_LIMIT + 2)]
    pairs = [(dataset(one), one) for one in people]
    members, refused = roster_of(*pairs, first=[task(scoring)])
    assert set(members) == {one.account.address for one in people[:count]}
    assert codes(refused) == [(one.account.address, "identity") for one in people[count:]]
