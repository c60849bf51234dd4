"""One transaction with the signatures of the committee; what no signature can do."""

from dataclasses import replace

import pytest
from committee import FALSE, SALT, STAKE, TRUE, build, refused

from counterpoise.chain import Account
from counterpoise.chain.account import ORDER
from counterpoise.core.errors import VerificationError
from counterpoise.core.units import TOKEN
from counterpoise.inference import input_commitment
from counterpoise.verification import SignedAnswer, Status
from counterpoise.verification.quorum_rules import compact


@pytest.fixture(scope="session")
def one_committee():
    return build()


@pytest.fixture
def five(one_committee):
    place = one_committee.chain.snapshot()
    yield one_committee
    one_committee.chain.revert(place)


def signed(request, answer=TRUE):
    hidden = input_commitment(SALT, request.values)
    return SignedAnswer(request.asker, request.id, request.model, hidden, answer)


def by_address(five, count):
    return sorted(five.members.values(), key=lambda member: member.address)[:count]


def words(five, content, members):
    return [compact(five.quorum.sign(member, content)) for member in members]


def attest(five, request, signatures, answer=TRUE):
    five.quorum.contract.transact(
        five.minter, "attest", request.asker, request.id, answer, signatures
    )


def test_three_of_five_signatures_make_an_answer_final_at_once(five):
    request = five.ask()
    members = by_address(five, 3)
    five.quorum.attest(
        five.minter, signed(request), [five.quorum.sign(m, signed(request)) for m in members]
    )
    verdict = five.verdict(request)
    assert (verdict.status, verdict.answer) == (Status.FINAL, TRUE)
    assert verdict.providers == tuple(member.address for member in members)
    with refused("quorum: already decided"):
        attest(five, request, words(five, signed(request), members))


def test_too_few_or_too_light_signatures_are_refused(five):
    request = five.ask()
    with refused("quorum: too few signatures"):
        attest(five, request, words(five, signed(request), by_address(five, 2)))
    five.quorum.join(five.newcomer("whale"), 100 * TOKEN)
    with refused("quorum: not more than half of the stake"):
        attest(five, request, words(five, signed(request), by_address(five, 3)))


def test_signers_must_be_distinct_sorted_seated_members(five):
    request = five.ask()
    good = words(five, signed(request), by_address(five, 3))
    with refused("quorum: signers not in ascending order"):
        attest(five, request, [good[0], good[0], good[1]])
    with refused("quorum: signers not in ascending order"):
        attest(five, request, [good[1], good[0], good[2]])
    stranger = five.newcomer("stranger")
    crowd = sorted([*by_address(five, 3), stranger], key=lambda member: member.address)
    with refused("quorum: signed by no seated member"):
        attest(five, request, words(five, signed(request), crowd))
    five.quorum.leave(by_address(five, 1)[0])
    with refused("quorum: signed by no seated member"):
        attest(five, request, good)


def test_the_zero_address_of_a_broken_signature_is_nobody(five):
    request = five.ask()
    good = words(five, signed(request), by_address(five, 3))
    for broken in ((bytes(32), bytes(32)), (b"\xff" * 32, b"\x01" * 32)):
        with refused("quorum: signers not in ascending order"):
            attest(five, request, [broken, *good])


def test_the_second_form_of_a_signature_is_refused(five):
    request = five.ask()
    members = by_address(five, 3)
    plain = [five.quorum.sign(member, signed(request)) for member in members]
    r, s, v = plain[0][:32], int.from_bytes(plain[0][32:64], "big"), plain[0][64]
    high = (ORDER - s).to_bytes(32, "big")
    with pytest.raises(VerificationError, match="high-s"):
        five.quorum.attest(five.minter, signed(request), [r + high + bytes((55 - v,)), *plain[1:]])
    with refused("quorum: signers not in ascending order"):
        # The one place left for a high s in the short form: between half the order and 2**255.
        edge = (ORDER // 2 + 1).to_bytes(32, "big")
        attest(five, request, [(r, edge), *(compact(one) for one in plain)])


@pytest.mark.parametrize(
    "change",
    [
        {"asker": b"\x11" * 20},
        {"id": 2**200},
        {"model": b"\x11" * 32},
        {"input": b"\x11" * 32},
        {"answer": FALSE},
    ],
)
def test_a_signature_serves_for_one_question_model_input_and_answer(five, change):
    request = five.ask()
    other = replace(signed(request), **change)
    with refused("quorum: signed by no seated member"):
        good = words(five, other, sorted(five.members.values(), key=lambda m: m.address)[:1])
        signatures = [*good, *words(five, signed(request), by_address(five, 3))]
        five.quorum.contract.transact(
            five.minter, "attest", request.asker, request.id, TRUE, order(five, request, signatures)
        )


def order(five, request, signatures):
    """Sort by what the contract recovers, as an attacker would."""
    from counterpoise.chain import recover

    digest = signed(request).digest(five.quorum.domain())

    def signer(words):
        s = int.from_bytes(words[1], "big")
        plain = words[0] + (s % 2**255).to_bytes(32, "big") + bytes((27 + (s >> 255),))
        return recover(digest, plain)

    return sorted(signatures, key=signer)


def test_a_signature_for_another_chain_or_contract_is_anothers(five):
    request = five.ask()
    for change in ({"chain_id": 1}, {"contract": b"\x11" * 20}):
        domain = replace(five.quorum.domain(), **change)
        content = signed(request).digest(domain)
        foreign = [compact(member.sign_digest(content)) for member in by_address(five, 3)]
        with refused("quorum: signed by no seated member"):
            attest(five, request, order(five, request, foreign))


def test_signatures_end_a_round_in_progress_and_let_its_members_go(five):
    request = five.ask()
    five.commit(five.eve, request, FALSE)
    attest(five, request, words(five, signed(request), by_address(five, 3)))
    five.pass_commits(request)
    with refused("quorum: decided before the reveal"):
        five.reveal(five.eve, request, FALSE)
    five.settle(request)
    member = five.quorum.member(five.eve.address)
    assert (member.open, member.stake) == (0, STAKE)
    assert five.verdict(request).answer == TRUE


def test_who_signs_two_answers_loses_the_whole_stake(five):
    request = five.ask()
    both = (signed(request), signed(request, FALSE))
    pair = tuple(five.quorum.sign(five.eve, content) for content in both)
    before, supply = five.balance(five.minter), five.token.call("totalSupply")
    five.quorum.convict(five.minter, *both, pair)
    assert five.balance(five.minter) - before == STAKE // 2
    assert supply - five.token.call("totalSupply") == STAKE // 2
    assert five.stake(five.eve) == 0 and not five.quorum.member(five.eve.address).seated
    with refused("quorum: no stake to take"):
        five.quorum.convict(five.minter, *both, pair)


def test_who_signed_one_answer_cannot_be_convicted(five):
    request = five.ask()
    true, false = signed(request), signed(request, FALSE)
    one = five.quorum.sign(five.ann, true)
    with refused("quorum: the same answer twice"):
        five.quorum.convict(five.minter, true, true, (one, one))
    with refused("quorum: not signed by one account"):
        five.quorum.convict(five.minter, true, false, (one, one))
    with refused("quorum: not signed by one account"):
        five.quorum.convict(five.minter, true, false, (one, five.quorum.sign(five.bob, false)))
    stranger = Account.local(b"stranger")
    pair = tuple(five.quorum.sign(stranger, content) for content in (true, false))
    with refused("quorum: no stake to take"):
        five.quorum.convict(five.minter, true, false, pair)
