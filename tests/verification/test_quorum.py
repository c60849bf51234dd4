"""The committee decides: seats, rounds of commit and reveal, fines."""

from dataclasses import replace

import numpy as np
import pytest
from committee import FALSE, LIFE, NAMES, SALT, STAKE, TRUE, build, refused

from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, Net
from counterpoise.verification import Status

OTHER = bytes.fromhex("000000080001")


@pytest.fixture(scope="session")
def one_committee():
    return build()


@pytest.fixture
def five(one_committee):
    place = one_committee.chain.snapshot()
    yield one_committee
    one_committee.chain.revert(place)


def everyone(five, answer=TRUE):
    return [(five.members[name], answer) for name in NAMES]


def test_a_round_of_agreeing_members_is_final_and_names_them_all(five):
    request = five.ask()
    assert five.verdict(request).status == Status.NONE
    five.commit(five.ann, request, TRUE)
    assert five.verdict(request).status == Status.PROPOSED
    five.commit(five.bob, request, TRUE)
    five.commit(five.cleo, request, TRUE)
    five.pass_commits(request)
    for member in (five.ann, five.bob, five.cleo):
        five.reveal(member, request, TRUE)
    five.settle(request)
    verdict = five.verdict(request)
    assert (verdict.status, verdict.answer) == (Status.FINAL, TRUE)
    assert verdict.providers == (five.ann.address, five.bob.address, five.cleo.address)
    assert any(verdict.evidence) and verdict.time == five.chain.block().time
    assert all(five.stake(five.members[name]) == STAKE for name in NAMES)


def test_reveals_begin_when_every_seated_member_has_committed(five):
    request = five.ask()
    for member, answer in everyone(five):
        five.commit(member, request, answer)
    for member, answer in everyone(five):
        five.reveal(member, request, answer)
    five.settle(request)
    assert five.verdict(request).status == Status.FINAL
    assert five.now < request.deadline - LIFE + 20, "no window was waited for"


@pytest.mark.parametrize("outputs", [1, 7, 8, 16])
def test_answers_of_every_length_are_kept_to_the_bit(five, outputs):
    answer = bytes(range(1, 4 * outputs + 1)) + b"\x00\x03"
    request = five.ask()
    five.play(request, everyone(five, answer))
    assert five.verdict(request).answer == answer


def test_who_differs_from_the_final_answer_is_fined_and_not_a_provider(five):
    request = five.ask()
    before = five.token.call("totalSupply")
    five.play(request, [*everyone(five)[:4], (five.eve, FALSE)])
    verdict = five.verdict(request)
    assert verdict.answer == TRUE and five.eve.address not in verdict.providers
    assert five.stake(five.eve) == STAKE * 9 // 10
    assert before - five.token.call("totalSupply") == STAKE // 10, "fines are burned"
    assert five.balance(five.quorum) == 5 * STAKE - STAKE // 10


def test_a_commitment_without_a_reveal_is_fined_though_the_round_is_final(five):
    request = five.ask()
    five.play(request, everyone(five)[:3], silent=[five.dan])
    assert five.verdict(request).status == Status.FINAL
    assert five.stake(five.dan) == STAKE * 9 // 10
    assert five.dan.address not in five.verdict(request).providers


def test_too_few_reveals_fine_the_silent_and_let_another_round_begin(five):
    request = five.ask()
    five.play(request, everyone(five)[:2], silent=[five.cleo, five.dan])
    assert five.verdict(request).status == Status.NONE
    assert five.stake(five.cleo) == five.stake(five.dan) == STAKE * 9 // 10
    assert five.stake(five.ann) == STAKE
    five.play(request, everyone(five)[:3])
    assert five.verdict(request).status == Status.FINAL


def test_a_failed_round_after_the_deadline_has_failed_for_good(five):
    request = five.ask(life=30)
    five.play(request, everyone(five)[:2])
    assert five.verdict(request).status == Status.FAILED
    with refused("quorum: already decided"):
        five.commit(five.ann, request, TRUE)


def test_a_tie_of_stake_is_no_answer(five):
    request = five.ask()
    five.play(request, [(five.ann, TRUE), (five.bob, TRUE), (five.cleo, FALSE), (five.dan, FALSE)])
    assert five.verdict(request).status == Status.NONE
    assert five.stake(five.cleo) == STAKE, "nobody is wrong where nothing is final"


def test_stake_and_not_heads_decide(five):
    five.quorum.join(five.eve, 250 * TOKEN)
    request = five.ask()
    five.play(request, [(five.ann, TRUE), (five.bob, TRUE), (five.cleo, TRUE), (five.eve, OTHER)])
    assert five.verdict(request).answer == OTHER


def test_reveals_of_no_more_than_half_of_the_stake_are_no_quorum(five):
    five.quorum.join(five.eve, 300 * TOKEN)
    request = five.ask()
    five.play(request, everyone(five)[:4])
    assert five.verdict(request).status == Status.NONE


def test_two_heavy_members_are_no_quorum_of_three(five):
    for member in (five.ann, five.bob):
        five.quorum.join(member, 300 * TOKEN)
    request = five.ask()
    five.play(request, everyone(five)[:2])
    assert five.verdict(request).status == Status.NONE


def test_a_copied_commitment_cannot_be_revealed(five):
    request = five.ask()
    seal = five.seal(five.ann, request, TRUE)
    five.commit(five.ann, request, TRUE, seal=seal)
    five.commit(five.eve, request, TRUE, seal=seal)
    five.pass_commits(request)
    five.reveal(five.ann, request, TRUE)
    with refused("quorum: not what was committed"):
        five.reveal(five.eve, request, TRUE)


def test_a_commitment_serves_for_its_own_question_answer_and_salt_alone(five):
    first, second = five.ask(), five.ask()
    for request in (first, second):
        seal = five.seal(five.ann, first, TRUE)
        five.commit(five.ann, request, TRUE, seal=seal)
        five.commit(five.bob, request, TRUE)
    five.pass_commits(second)
    for request, answer, salt in (
        (second, TRUE, SALT),
        (first, FALSE, SALT),
        (first, TRUE, SALT[::-1]),
    ):
        with refused("quorum: not what was committed"):
            five.reveal(five.ann, request, answer, salt)
    five.reveal(five.ann, first, TRUE)


def test_who_leaves_after_a_commitment_does_not_end_the_commits_of_others(five):
    """Two of five commit, leave, and would else shut out two of the three who are honest."""
    request = five.ask()
    for liar in (five.dan, five.eve):
        five.commit(liar, request, FALSE)
        five.quorum.leave(liar)
    for honest in (five.ann, five.bob, five.cleo):
        five.commit(honest, request, TRUE)
    for member in (five.dan, five.eve):
        five.reveal(member, request, FALSE)
    for member in (five.ann, five.bob, five.cleo):
        five.reveal(member, request, TRUE)
    five.settle(request)
    assert five.verdict(request).answer == TRUE
    assert five.stake(five.ann) == STAKE > five.stake(five.eve)


def test_members_that_come_and_go_cannot_fill_a_round_up(five):
    """One purse behind many accounts takes every place in a round, seat by seat."""
    request = five.ask()
    crowd = [five.newcomer(f"sybil {number}") for number in range(13)]
    for account in crowd:
        five.quorum.join(account, 10 * TOKEN)
        five.commit(account, request, FALSE)
        five.quorum.leave(account)
    assert len(five.quorum.round(request.asker, request.id).members) == 13
    for honest, answer in everyone(five):
        five.commit(honest, request, answer)
    found = five.quorum.round(request.asker, request.id)
    assert {member.address for member, _ in everyone(five)} < set(found.members)
    out = [one for one in crowd if one.address not in found.members]
    assert [one for one in crowd if not five.quorum.member(one.address).open] == out
    assert len(out) == 5 and len(found.members) == 13
    with refused("quorum: not in the round"):
        five.reveal(out[0], request, FALSE)
    for honest, answer in everyone(five):
        five.reveal(honest, request, answer)
    five.pass_reveals(request)
    five.settle(request)
    assert five.verdict(request).answer == TRUE


def test_stake_that_joins_during_a_round_counts_towards_what_half_is_of(five):
    """Sixty of a hundred and sixty are no majority, whenever they came."""
    for member in (five.dan, five.eve):
        five.quorum.leave(member)
    request = five.ask()
    five.commit(five.ann, request, TRUE)
    heavy = [five.newcomer(f"heavy {number}") for number in range(3)]
    for account in heavy:
        five.quorum.join(account, 60 * TOKEN)
        five.commit(account, request, FALSE)
    five.pass_commits(request)
    for account in heavy:
        five.reveal(account, request, FALSE)
    five.pass_reveals(request)
    five.settle(request)
    assert five.verdict(request).status == Status.NONE


def test_a_commitment_does_not_fall_upon_another_question_of_its_number(five):
    """A reorganisation gives the number to somebody else's question."""
    request = five.ask()
    five.chain.reorg(1, keep=False)
    other = five.ask(values=b"\xff\xff")
    assert other.id == request.id
    with refused("quorum: another question is asked"):
        five.commit(five.ann, request, TRUE)
    model = Net((Layer(np.array([[3, -2]]), np.array([-11])),))
    with refused("quorum: another question is asked"):
        five.commit(five.ann, replace(other, model=model.id), TRUE)
    five.commit(five.ann, other, FALSE)


def test_the_windows_of_a_round_are_kept(five):
    request = five.ask()
    with refused("quorum: reveals have not begun"):
        five.reveal(five.ann, request, TRUE)
    with refused("quorum: no round to settle"):
        five.settle(request)
    five.commit(five.ann, request, TRUE)
    five.commit(five.dan, request, TRUE)
    with refused("quorum: already committed"):
        five.commit(five.ann, request, FALSE)
    with refused("quorum: reveals have not begun"):
        five.reveal(five.ann, request, TRUE)
    five.pass_commits(request)
    with refused("quorum: commits are over"):
        five.commit(five.bob, request, TRUE)
    five.reveal(five.ann, request, TRUE)
    with refused("quorum: already revealed"):
        five.reveal(five.ann, request, TRUE)
    with refused("quorum: not in the round"):
        five.reveal(five.eve, request, TRUE)
    with refused("quorum: reveals are still due"):
        five.settle(request)
    five.pass_reveals(request)
    with refused("quorum: reveals are over"):
        five.reveal(five.dan, request, TRUE)
    five.settle(request)


def test_only_seated_members_answer_open_questions_of_this_quorum_in_time(five):
    request = five.ask()
    stranger = five.newcomer("stranger")
    with refused("quorum: not a seated member"):
        five.commit(stranger, request, TRUE)
    elsewhere = five.ask(evaluator=five.questions.address)
    with refused("quorum: not asked of this quorum"):
        five.commit(five.ann, elsewhere, TRUE)
    five.questions.transact(five.ann, "close", request.id)
    with refused("quorum: not asked of this quorum"):
        five.commit(five.ann, request, TRUE)
    late = five.ask(life=0)
    five.chain.mine()
    with refused("quorum: the deadline is over"):
        five.commit(five.ann, late, TRUE)


@pytest.mark.parametrize("answer", [b"", TRUE[:4], TRUE + b"\0", TRUE[:2]])
def test_an_answer_of_no_model_is_refused(five, answer):
    request = five.ask()
    five.commit(five.ann, request, answer)
    five.pass_commits(request)
    with refused("quorum: no answer has this length"):
        five.reveal(five.ann, request, answer)


def test_a_round_whose_question_closes_meanwhile_still_lets_its_members_go(five):
    request = five.ask()
    five.commit(five.ann, request, TRUE)
    five.questions.transact(five.ann, "close", request.id)
    five.pass_commits(request)
    five.reveal(five.ann, request, TRUE)
    five.settle(request)
    assert five.quorum.member(five.ann.address).open == 0


def test_a_stake_comes_back_after_the_delay_when_no_commitment_is_open(five):
    request = five.ask()
    five.commit(five.ann, request, TRUE)
    with refused("quorum: nothing to withdraw"):
        five.quorum.withdraw(five.ann)
    with refused("quorum: a commitment is open"):
        five.quorum.join(five.ann, TOKEN)
    five.quorum.leave(five.ann)
    with refused("quorum: no seat to leave"):
        five.quorum.leave(five.ann)
    with refused("quorum: leaving"):
        five.quorum.join(five.ann, TOKEN)
    with refused("quorum: the delay is not over"):
        five.quorum.withdraw(five.ann)
    five.chain.warp(86_400)
    with refused("quorum: a round is not settled"):
        five.quorum.withdraw(five.ann)
    five.settle(request)
    before = five.balance(five.ann)
    five.quorum.withdraw(five.ann)
    assert five.balance(five.ann) - before == STAKE * 9 // 10, "it did not reveal"
    assert five.quorum.total_stake() == 4 * STAKE == five.balance(five.quorum)
    five.quorum.join(five.ann, STAKE)
    assert five.quorum.member(five.ann.address).seated


def test_who_falls_below_the_least_stake_loses_the_seat(five):
    poor = five.newcomer("poor")
    five.quorum.join(poor, 10 * TOKEN)
    request = five.ask()
    five.play(request, everyone(five)[:3], silent=[poor])
    member = five.quorum.member(poor.address)
    assert (member.stake, member.seated) == (9 * TOKEN, False) and member.leaves
    assert five.quorum.total_stake() == 5 * STAKE


def test_a_full_committee_yields_its_lightest_seat_to_a_heavier_member_only(five):
    light = [five.newcomer(f"light {i}") for i in range(8)]
    for number, account in enumerate(light):
        five.quorum.join(account, (20 + number) * TOKEN)
    assert len(five.quorum.seated()) == 13
    late = five.newcomer("late")
    with refused("quorum: all seats are taken by heavier members"):
        five.quorum.join(late, 20 * TOKEN)
    five.quorum.join(late, 21 * TOKEN)
    assert not five.quorum.member(light[0].address).seated
    assert late.address in five.quorum.seated() and len(five.quorum.seated()) == 13
    assert five.quorum.total_stake() == 5 * STAKE + sum(range(21, 28)) * TOKEN + 21 * TOKEN


def test_a_stake_out_of_range_is_refused(five):
    with refused("quorum: stake out of range"):
        five.quorum.join(five.newcomer("poor"), 10 * TOKEN - 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"token": b"\x01" * 20}, "the token is no contract"),
        ({"least_stake": 0}, "least stake out of range"),
        ({"quorum": 0}, "number of members out of range"),
        ({"quorum": 14}, "number of members out of range"),
        ({"fine_ppm": 1_000_001}, "fine out of range"),
        ({"commit_seconds": 0}, "commit window out of range"),
        ({"reveal_seconds": 2**32}, "reveal window out of range"),
        ({"leave_seconds": 2**32}, "leaving delay out of range"),
    ],
)
def test_terms_that_make_no_sense_are_refused(change, reason):
    with refused(f"quorum: {reason}"):
        build(**change)


def test_single_values_have_a_stake_weighted_median_with_a_tolerance():
    five = build(median=True, tolerance=5)
    request = five.ask()
    values = (-40, 98, 100, 103, 120)
    answers = [value.to_bytes(4, "big", signed=True) + b"\0\0" for value in values]
    five.play(request, list(zip(five.members.values(), answers, strict=True)))
    verdict = five.verdict(request)
    assert verdict.answer == answers[2]
    within = (five.bob, five.cleo, five.dan)
    assert verdict.providers == tuple(member.address for member in within)
    assert five.stake(five.ann) == five.stake(five.eve) == STAKE * 9 // 10
    assert all(five.stake(member) == STAKE for member in within)
    long = five.ask()
    five.commit(five.ann, long, TRUE[:4] + TRUE)
    five.pass_commits(long)
    with refused("quorum: one value is wanted"):
        five.reveal(five.ann, long, TRUE[:4] + TRUE)
