"""Letters between processes: who is believed, who is passed over, when a phase ends."""

import pytest
from village import owners, village

from counterpoise.chain import Account
from counterpoise.core.errors import InputError
from counterpoise.federation import MailCourier, Notary
from counterpoise.federation.mail import EACH, TRIES, Letterbox, letter_name, post_letter, topic
from counterpoise.provenance import Subject
from counterpoise.store import Mailbox

ANN, EVE = Account.local(b"ann"), Account.local(b"eve")


def letter(account, text="base", nonce=None):
    notary = Notary(
        account, lambda: 1, **({"nonce": lambda n: bytes([nonce]) * n} if nonce else {})
    )
    opening = notary.state("opening", [Subject(text, bytes(32))], job=1, round=1, base=bytes(32))
    return opening.to_bytes()


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(tmp_path / "mail", max_bytes=1 << 16)


def test_an_authentic_letter_arrives_and_the_same_one_only_once(mailbox):
    sent = letter(ANN)
    assert post_letter(mailbox, "job-1/join", ANN.address, sent)
    assert not post_letter(mailbox, "job-1/join", ANN.address, sent)
    box = Letterbox(mailbox, "job-1/join")
    assert box.letters([ANN.address, EVE.address]) == {ANN.address: [sent]}
    assert box.letters([EVE.address]) == {}


def test_a_letter_in_anothers_name_is_passed_over(mailbox):
    forged = letter(EVE)
    mailbox.post("job-1/join", letter_name(ANN.address, forged), forged)
    assert Letterbox(mailbox, "job-1/join").letters([ANN.address]) == {}


@pytest.mark.parametrize("junk", [b"", b"{}", b"\xff" * 100, b'{"payload":"","signatures":[]}'])
def test_junk_in_a_members_name_is_passed_over_and_takes_nothing_away(mailbox, junk):
    sent = letter(ANN)
    for name in (letter_name(ANN.address, junk), f"{ANN.address.hex()}.{'0' * 32}", "coordinator"):
        mailbox.post("job-1/join", name, junk)
    post_letter(mailbox, "job-1/join", ANN.address, sent)
    assert Letterbox(mailbox, "job-1/join").letters([ANN.address]) == {ANN.address: [sent]}


def test_a_true_letter_under_another_name_does_not_count_again(mailbox):
    sent = letter(ANN)
    post_letter(mailbox, "job-1/join", ANN.address, sent)
    mailbox.post("job-1/join", f"{ANN.address.hex()}.{'0' * 32}", sent)
    assert Letterbox(mailbox, "job-1/join").letters([ANN.address])[ANN.address] == [sent]


def test_of_one_sender_only_so_many_letters_count_and_are_opened(mailbox):
    for nonce in range(1, EACH + 3):
        post_letter(mailbox, "job-1/join", ANN.address, letter(ANN, nonce=nonce))
    box = Letterbox(mailbox, "job-1/join")
    assert len(box.letters([ANN.address])[ANN.address]) == EACH
    for number in range(TRIES + 10):
        mailbox.post("job-1/flood", f"{EVE.address.hex()}.{number:032x}", b"flood")
    flooded = Letterbox(mailbox, "job-1/flood")
    opened = []
    mailbox.read = lambda place, name: opened.append(name) or b"flood"
    assert flooded.letters([EVE.address]) == {} and len(opened) == TRIES


def test_a_letter_longer_than_a_log_entry_is_not_carried(mailbox):
    with pytest.raises(InputError, match="letter of"):
        post_letter(mailbox, "job-1/join", ANN.address, bytes(1 << 16))


def courier(mailbox, members, seconds=3):
    now = [0.0]

    def pause(seconds):
        now[0] += 1

    made = MailCourier(mailbox, 1, ANN.address, members, seconds, seconds, lambda: now[0], pause)
    return made, now


def test_a_phase_ends_when_all_members_have_answered_and_strangers_do_not_count(mailbox):
    bob, cyd = Account.local(b"bob"), Account.local(b"cyd")
    place = topic(1, 1, "commit")
    made, now = courier(mailbox, {bob.address, cyd.address})
    for sender in (bob, cyd, EVE):
        post_letter(mailbox, place, sender.address, letter(sender))
    forged = letter(EVE, "forged")
    mailbox.post(place, letter_name(bob.address, forged), forged)
    found = made.commitments(1, letter(ANN))
    assert len(found) == 2 and now[0] == 0
    assert Letterbox(mailbox, topic(1, 1, "open")).letters([ANN.address])


def test_a_phase_ends_at_its_deadline_with_those_who_answered_and_the_late_are_told_apart(mailbox):
    bob, cyd = Account.local(b"bob"), Account.local(b"cyd")
    made, now = courier(mailbox, {bob.address, cyd.address})
    for sender in (bob, cyd):
        post_letter(mailbox, topic(1, 1, "commit"), sender.address, letter(sender))
    post_letter(mailbox, topic(1, 1, "reveal"), bob.address, letter(bob))
    made.commitments(1, letter(ANN))
    assert made.reveals(1, letter(ANN, "closing")) == [letter_of(mailbox, bob)] and now[0] == 3
    late = letter(cyd, "late")
    post_letter(mailbox, topic(1, 1, "reveal"), cyd.address, late)
    assert made.latecomers(1) == [late]


def letter_of(mailbox, sender):
    (found,) = Letterbox(mailbox, topic(1, 1, "reveal")).letters([sender.address])[sender.address]
    return found


def test_reveals_are_not_awaited_of_those_who_did_not_commit(mailbox):
    bob, cyd = Account.local(b"bob"), Account.local(b"cyd")
    made, now = courier(mailbox, {bob.address, cyd.address})
    for phase in ("commit", "reveal"):
        post_letter(mailbox, topic(1, 1, phase), bob.address, letter(bob))
    made.commitments(1, letter(ANN))
    assert now[0] == 3
    assert len(made.reveals(1, letter(ANN, "closing"))) == 1 and now[0] == 3


def test_two_different_letters_of_one_member_both_arrive_and_no_third(mailbox):
    bob = Account.local(b"bob")
    made, _ = courier(mailbox, {bob.address})
    for nonce in (1, 2, 3):
        post_letter(mailbox, topic(1, 1, "commit"), bob.address, letter(bob, nonce=nonce))
    assert len(made.commitments(1, letter(ANN))) == 2


def test_an_update_is_in_the_store_only_after_commitments_are_closed(tmp_path):
    made = village(tmp_path / "state", owners(2))
    store, put = made.network.store, []
    watched = made.participants[0]
    watched.store = type(
        "Watched",
        (),
        {
            "fetch": store.fetch,
            "put": lambda self, data: put.append(store.put(data)),
        },
    )()
    seen = []
    made.coordinator(on_step=lambda name, number: seen.append((name, number, len(put)))).run_round(
        1
    )
    assert ("commitments posted", 1, 0) in seen and len(put) == 1
    made.network.close()


def test_a_participant_that_is_asked_again_reveals_the_same_bytes(tmp_path):
    made = village(tmp_path / "state", owners(2))
    one, answers = made.participants[0], []
    one.folder = tmp_path / "own"

    class Twice:
        address = one.address
        commitment = staticmethod(one.commitment)

        @staticmethod
        def reveal(closing):
            answers.append(one.reveal(closing))
            one._pending.clear()
            answers.append(one.reveal(closing))
            return answers[-1]

    made.participants[0] = Twice()
    outcome = made.coordinator().run_round(1)
    assert answers[0] == answers[1] and not outcome.refused
    made.network.close()
