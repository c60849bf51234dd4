"""The coordinator's own laws: its steps, what it remembers, and when it refuses to go on."""

from dataclasses import replace

import numpy as np
import pytest
from faults import FALSE_LETTERS, Lost, restated
from revisit import copied, digests, opened, participant, settled, verdict_of
from village import RULES, owners

from counterpoise.core.digest import array_bytes, sha256
from counterpoise.core.errors import Reverted, VerificationError
from counterpoise.core.units import to_checksum
from counterpoise.federation.book import Book
from counterpoise.federation.coordinator import STEPS
from counterpoise.federation.courier import DirectCourier
from counterpoise.federation.intake import Letter
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.replay import Replay
from counterpoise.federation.rules import AdmissionError, Feature, local_statistics
from counterpoise.federation.terms import Terms
from counterpoise.federation.validation import ValidationSet
from counterpoise.store import Store

PEOPLE = owners(4)
BAD = PEOPLE[3]


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return settled(tmp_path_factory.mktemp("coordinator") / "state", PEOPLE)


@pytest.fixture
def found(state, tmp_path):
    with opened(copied(state, tmp_path / "state"), PEOPLE) as village:
        yield village


class Stopped(Exception):
    """What a test raises to stop a coordinator at a step."""


def stopping_at(step, number):
    def on_step(name, round_id):
        if (name, round_id) == (step, number):
            raise Stopped

    return on_step


def test_each_round_takes_the_same_steps_and_each_step_is_told_once(found):
    told = []
    coordinator = found.coordinator(on_step=lambda name, number: told.append((number, name)))
    assert len(coordinator.run()) == coordinator.last_round == RULES.rounds + 1
    assert told == [(number, step) for number in (1, 2, 3) for step in STEPS]
    assert coordinator.run() == coordinator.outcomes
    assert len(told) == 15


def test_a_round_cannot_be_run_before_its_turn(found):
    coordinator = found.coordinator()
    coordinator.run_round(1)
    with pytest.raises(VerificationError, match="round 1 does not follow"):
        coordinator.replay.number, coordinator._computed = 2, None
        coordinator.run_round(1)


def test_updates_are_durable_before_the_log_names_them(found):
    told = []
    store, log = found.network.store, found.network.log
    plain_flush, plain_append = store.flush, log.append
    store.flush = lambda: (plain_flush(), told.append("flushed"))
    log.append = lambda entries: (plain_append(entries), told.append("appended"))
    coordinator = found.coordinator(on_step=lambda name, number: told.append(name))
    coordinator.run_round(1)
    at = told.index("reveals logged")
    assert told[at - 2 : at] == ["flushed", "appended"]


def test_what_a_loss_of_power_took_of_the_coordinators_own_blobs_is_put_again(found):
    coordinator = found.coordinator(on_step=stopping_at("result posted", 2))
    coordinator.run_round(1)
    with pytest.raises(Stopped):
        coordinator.run_round(2)
    store, book = found.network.store, coordinator.book
    for number in (1, 2):
        pages = book.round(number)
        names = [pages.committed.fields["leaves"], pages.revealed.fields["leaves"]]
        names += [pages.result.fields["model"], pages.result.fields["dues"]]
        assert [store.delete(bytes.fromhex(name)) for name in names] == [True] * 4
        names.clear()
    assert found.coordinator().run()[-1].number == 3
    assert verdict_of(found).first is None


@pytest.mark.parametrize("fault", ["commits for another round", "reveals without its salt"])
@pytest.mark.parametrize("step", STEPS[:3])
def test_why_a_letter_did_not_count_is_remembered_through_a_restart(state, tmp_path, fault, step):
    code, kind = FALSE_LETTERS[fault]
    folder = copied(state, tmp_path / "state")

    def village_of(found):
        datasets = {p.address: p.dataset for p in found.participants}
        bad = participant(found, BAD, datasets, folder, kind)
        bad.witness = None
        return Lost([*found.participants[:3], bad])

    with opened(folder, PEOPLE) as found:
        found.coordinator().run_round(1)
        coordinator = found.coordinator(village_of(found), stopping_at(step, 2))
        coordinator.run_round(1)
        with pytest.raises(Stopped):
            coordinator.run_round(2)
    with opened(folder, PEOPLE) as found:
        coordinator = found.coordinator(village_of(found))
        coordinator.run_round(1)
        coordinator.run_round(2)
        address = found.network.account(BAD.name).address
        assert coordinator.book.refusals(2, to_checksum(address)) == [code]
        assert verdict_of(found, 2).first is None


def test_a_participant_that_raises_anything_is_absent_and_the_round_goes_on(found):
    class Breaks:
        def __init__(self, error):
            self.error, self.address = error, b""

        def commitment(self, opening):
            raise self.error

        reveal = commitment

    errors = (ValueError(), RecursionError(), AssertionError(), OSError())
    courier = DirectCourier([*map(Breaks, errors), *found.participants])
    outcome = found.coordinator(courier).run_round(1)
    assert len(outcome.admitted) == 4


def test_a_transaction_given_up_for_lost_and_mined_meanwhile_is_not_an_error(found):
    coordinator = found.coordinator()
    postings = coordinator.postings
    plain_commit, plain_result = postings.commit, postings.result

    def twice(send):
        def sent(*arguments):
            send(*arguments)
            send(*arguments)  # the second is refused: the first was mined after all

        return sent

    postings.commit, postings.result = twice(plain_commit), twice(plain_result)
    coordinator.run()
    assert verdict_of(found).first is None


def test_a_refusal_of_the_contract_is_an_error(found):
    coordinator = found.coordinator()
    coordinator.run_round(1)
    postings = coordinator.postings
    result_of_round_1 = coordinator.book.round(1).result
    with pytest.raises(Reverted, match="not the round in progress"):
        postings.result(1, result_of_round_1)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"model": "ab" * 32}, "model"),
        ({"trace_root": "ab" * 32}, "trace_root"),
        ({"pay_total": "7"}, "pay_total"),
        ({"void": True}, "void"),
    ],
)
def test_a_logged_result_that_its_evidence_does_not_give_is_never_posted(found, change, what):
    coordinator = found.coordinator(on_step=stopping_at("reveals logged", 2))
    coordinator.run_round(1)
    with pytest.raises(Stopped):
        coordinator.run_round(2)
    again = found.coordinator(on_step=stopping_at("result logged", 2))
    plain = again._append
    operator = found.notary("operator")

    def falsified(entries, **options):
        lie = restated(operator, entries[-1], **change)
        plain([*entries[:-1], lie], **options)

    again.run_round(1)
    again._append = falsified
    with pytest.raises(Stopped):
        again.run_round(2)
    last = found.coordinator()
    last.run_round(1)
    with pytest.raises(VerificationError, match=f"the {what} of round 2 is not what its evidence"):
        last.run_round(2)
    assert not found.postings.has_result(2)


@pytest.mark.parametrize("kind", ["commit", "result"])
def test_what_was_posted_falsely_is_noticed_on_resuming(found, kind):
    coordinator = found.coordinator()
    coordinator.run_round(1)
    client, false = coordinator.postings.rounds, bytes(31) + b"\1"
    if kind == "commit":
        plain_commit = client.commit
        client.commit = lambda who, job, number, root: plain_commit(who, job, number, false)
    else:
        plain_result = client.result
        client.result = lambda who, job, number, content: plain_result(
            who, job, number, replace(content, pay_root=false)
        )
    coordinator.run_round(2)
    words = {"commit": "commitments root", "result": "posted result"}[kind]
    with pytest.raises(VerificationError, match=f"the {words} of round 2 is not"):
        found.coordinator().run()


# The numbers between rounds


def replay_of(rows, features=RULES.features, **options):
    rules = replace(RULES, features=features)
    disclosed = ValidationSet(tuple(row for one in PEOPLE[:2] for row in one.disclosures(4)))
    terms = Terms(
        1, 31337, bytes(20), bytes(20), bytes(20), rules, 0, 1, 1, 1, bytes(32), bytes(32)
    )
    base = ModelFile(np.zeros(3, np.int32), np.zeros(0, np.int64))
    return Replay(terms, rows, disclosed, options.get("store") or Store("memory://replay"), base)


ANN, BOB, EVE = b"\1" * 20, b"\2" * 20, b"\3" * 20


def letter(member, store, blob):
    return Letter(member, store.put(blob), bytes(16), b"")


def sums_of(one):
    return array_bytes(local_statistics(one.features, RULES))


def test_no_member_can_make_the_sums_of_all_leave_their_room():
    store = Store("memory://room")
    wide = (Feature("a", 0, 0, 2**24), RULES.features[1])
    rows = {ANN: 40, BOB: 40, EVE: 2**40}
    replay = replay_of(rows, wide, store=store)
    lie = np.array([2**40, 0, 0, 0, 0], np.int64)
    letters = [letter(m, store, sums_of(o)) for m, o in ((ANN, PEOPLE[0]), (BOB, PEOPLE[1]))]
    outcome = replay.step([*letters, letter(EVE, store, array_bytes(lie))])
    assert [(r.participant, r.code) for r in outcome.refused] == [(EVE, "statistics")]
    assert "have room for" in outcome.refused[0].detail
    replay.validation_rows()  # still standardises


def test_the_room_is_shared_equally_and_is_wide_for_usual_features():
    replay = replay_of({ANN: 40, BOB: 40})
    replay._check_room(10**12)
    with pytest.raises(AdmissionError, match="have room for"):
        replay._check_room(2**62)


def test_an_update_that_is_not_there_not_right_or_too_long_has_its_code(tmp_path):
    store = Store(tmp_path)
    replay = replay_of({ANN: 40}, store=store)
    digest = store.put(b"update")
    assert replay.fetch(digest) == b"update"
    with pytest.raises(AdmissionError) as missing:
        replay.fetch(sha256(b"other"))
    with pytest.raises(AdmissionError) as size:
        replay.fetch(store.put(bytes(replay.update_limit + 1)))
    name = digest.hex()
    (tmp_path / name[:2] / name[2:4] / name).write_bytes(b"junk")
    with pytest.raises(AdmissionError) as wrong:
        replay.fetch(digest)
    assert [e.value.code for e in (missing, size, wrong)] == ["missing", "size", "missing"]


def test_a_round_of_nobody_is_void_and_changes_nothing():
    store = Store("memory://void")
    replay = replay_of({ANN: 40}, store=store)
    replay.step([letter(ANN, store, sums_of(PEOPLE[0]))])
    model, standing = replay.model, replay.standing
    outcome = replay.step([])
    assert outcome.void
    assert (outcome.model, outcome.standing) == (model, standing)
    assert outcome.result.members == ()


def test_the_order_of_letters_changes_nothing():
    store = Store("memory://order")
    rows = {ANN: 40, BOB: 40}
    letters = [letter(m, store, sums_of(o)) for m, o in ((ANN, PEOPLE[0]), (BOB, PEOPLE[1]))]
    one, two = replay_of(rows, store=store), replay_of(rows, store=store)
    assert digests([one.step(letters)]) == digests([two.step(letters[::-1])])


def test_the_log_has_one_group_a_phase_that_ends_with_its_closing(found):
    found.coordinator().run_round(1)
    pages = Book.read(found.network.log.entries(), 1).round(1)
    ends = (pages.committed.index, pages.revealed.index, pages.result.index)
    assert ends[1] - ends[0] == 1 + len(pages.updates) == 5
    assert {e.index for e in pages.commitments} == set(range(ends[0] - 4, ends[0]))
