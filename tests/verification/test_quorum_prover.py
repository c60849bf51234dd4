"""A member's node: it commits, reveals and settles, whenever it is killed and started again."""

import pytest
from committee import FALSE, NAMES, STAKE, build, small_net

from counterpoise.chain import Account
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.verification import Evidence, Level, Status
from counterpoise.verification.quorum_rules import secret_salt

ANSWER = bytes.fromhex("000000100001")  # 3 * 10 - 2 * 2 - 10 = 16 > 0


@pytest.fixture(scope="session")
def one_committee():
    return build()


@pytest.fixture
def five(one_committee):
    place = one_committee.chain.snapshot()
    yield one_committee
    one_committee.chain.revert(place)


def test_members_that_advance_in_turn_reach_a_final_answer(five):
    request, net = five.ask(), small_net()
    for _ in range(3):
        for name in NAMES:
            prover = five.prover()  # a new one each time: nothing is kept between calls
            evidence = prover.prove(net, request)
            prover.verify(net, request, evidence)
            status = prover.advance(five.members[name], request, evidence)
    assert status == Status.FINAL
    assert five.verdict(request).answer == ANSWER
    assert len(five.verdict(request).providers) == 5


def test_a_node_killed_between_commit_and_reveal_reveals_when_it_is_back(five):
    request, net = five.ask(), small_net()
    for name in NAMES[:3]:
        prover = five.prover()
        prover.advance(five.members[name], request, prover.prove(net, request))
    del prover
    five.pass_commits(request)
    for name in NAMES[:3]:
        again, account = five.prover(), Account.local(name.encode())
        again.advance(account, request, again.prove(net, request))
    assert five.verdict(request).status == Status.FINAL
    assert all(five.stake(five.members[name]) == STAKE for name in NAMES)


def test_advancing_twice_sends_nothing_that_was_sent(five):
    request, net = five.ask(), small_net()
    prover = five.prover()
    evidence = prover.prove(net, request)
    prover.advance(five.ann, request, evidence)
    sent = five.chain.nonce(five.ann.address)
    assert prover.advance(five.ann, request, evidence) == Status.PROPOSED
    assert five.chain.nonce(five.ann.address) == sent


def test_a_round_that_others_left_open_is_settled_and_begun_again(five):
    request, net = five.ask(), small_net()
    prover = five.prover()
    evidence = prover.prove(net, request)
    prover.advance(five.ann, request, evidence)
    five.pass_reveals(request)
    assert prover.advance(five.bob, request, evidence) == Status.NONE
    assert five.stake(five.ann) < STAKE
    assert prover.advance(five.bob, request, evidence) == Status.PROPOSED


def test_the_salt_needs_the_key_and_is_another_for_every_attempt():
    ann, bob = Account.local(b"ann"), Account.local(b"bob")
    place = (1337, b"\x01" * 20, b"\x02" * 20, 7)
    assert secret_salt(ann, *place, 0) == secret_salt(Account.local(b"ann"), *place, 0)
    others = [secret_salt(bob, *place, 0), secret_salt(ann, *place, 1)]
    others.append(secret_salt(ann, 1, *place[1:], 0))
    assert len({secret_salt(ann, *place, 0), *others}) == 4


def test_evidence_that_changed_after_the_commitment_is_not_revealed(five):
    request, net = five.ask(), small_net()
    prover = five.prover()
    prover.advance(five.ann, request, prover.prove(net, request))
    five.pass_commits(request)
    changed = Evidence(Level.QUORUM, FALSE, bytes(32), b"")
    with pytest.raises(VerificationError, match="not the one committed to"):
        prover.advance(five.ann, request, changed)


def test_signed_answers_of_provers_are_final_in_one_transaction(five):
    request, net = five.ask(), small_net()
    prover = five.prover()
    evidence = prover.prove(net, request)
    votes = [prover.sign(five.members[name], request, evidence) for name in NAMES]
    assert prover.attest(five.ann, request, evidence, votes) == Status.FINAL


def test_a_false_answer_another_level_or_another_model_is_told(five):
    request, net = five.ask(), small_net()
    prover = five.prover()
    with pytest.raises(VerificationError, match="the model answers 000000100001"):
        prover.verify(net, request, Evidence(Level.QUORUM, FALSE, bytes(32), b""))
    with pytest.raises(VerificationError, match="QUORUM wanted"):
        prover.verify(net, request, Evidence(Level.DIRECT, ANSWER, bytes(32), b""))
    with pytest.raises(InputError, match="the model wants 2"):
        prover.prove(net, five.ask(values=b"\x01\x02\x03"))
    request = five.ask()
    object.__setattr__(request, "model", b"\x07" * 32)
    with pytest.raises(InputError, match="this is"):
        prover.prove(net, request)
