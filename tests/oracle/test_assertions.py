"""Bonded assertions: the names and behaviour of Optimistic Oracle V3, and what is ours."""

from dataclasses import replace

import pytest
from oracle_world import ANSWER, COMMITMENT, CONTRACTS, DAY, EVIDENCE, NET, PATIENCE, refused

from counterpoise.chain import artifact_of, deploy
from counterpoise.core.digest import keccak
from counterpoise.core.units import TOKEN
from counterpoise.oracle import (
    ASSERT_TRUTH,
    MODEL_ANSWER,
    Draft,
    assertion_id,
    claim_of_answer,
    payout,
)
from counterpoise.oracle.assertion_rules import holds
from counterpoise.verification import Status

NOBODY = bytes(20)
CLAIM = b"The Rhine flows into the North Sea."
BOND, LIVENESS = 10 * TOKEN, 7200
YES, NO = b"\0\0\0\1\0\1", b"\0\0\0\1\0\0"


def draft(world, **changes):
    return replace(Draft(CLAIM, BOND, LIVENESS, world.token.address), **changes)


def asserted(world, **changes):
    asserter = world.ann.address
    return world.assertions.assert_truth(world.ann, asserter, draft(world, **changes))


def disputed(world, **changes):
    id_ = asserted(world, **changes)
    world.assertions.dispute(world.bob, id_, world.bob.address)
    return id_


def rule(world, id_, answer=YES, status=Status.FINAL, providers=("cleo",), evaluator=0):
    addresses = [world.roles[name].address for name in providers]
    number = int.from_bytes(id_, "big")
    values = (int(status), addresses, answer, EVIDENCE, world.now)
    world.levels[evaluator].transact(
        world.stranger, "tell", world.assertions.address, number, *values
    )


def over(world):
    """Let the dispute's time and the patience after it pass."""
    world.chain.warp(DAY + PATIENCE + 1)


SIGNATURES = [
    "assertTruth(bytes,address,address,address,uint64,address,uint256,bytes32,bytes32)",
    "assertTruthWithDefaults(bytes,address)",
    "disputeAssertion(bytes32,address)",
    "settleAssertion(bytes32)",
    "settleAndGetAssertionResult(bytes32)",
    "getAssertion(bytes32)",
    "getAssertionResult(bytes32)",
    "getMinimumBond(address)",
    "defaultIdentifier()",
    "defaultCurrency()",
    "defaultLiveness()",
    "burnedBondPercentage()",
]
TOPICS = [
    "AssertionMade(bytes32,bytes32,bytes,address,address,address,address,uint64,address,uint256,bytes32)",
    "AssertionDisputed(bytes32,address,address)",
    "AssertionSettled(bytes32,address,bool,bool,address)",
]
INDEXED = {
    "AssertionMade": ["assertionId", "asserter", "identifier"],
    "AssertionDisputed": ["assertionId", "caller", "disputer"],
    "AssertionSettled": ["assertionId", "bondRecipient"],
}


def test_selectors_and_topics_are_those_of_the_published_interface(world):
    interface = world.assertions.contract.interface
    ours = {f.selector for functions in interface.functions.values() for f in functions}
    assert {keccak(text.encode())[:4] for text in SIGNATURES} <= ours
    assert {keccak(text.encode()) for text in TOPICS} <= set(interface.events)
    shapes = {
        shape.name: [name for name, _ in shape.indexed] for shape in interface.events.values()
    }
    assert {name: shapes[name] for name in INDEXED} == INDEXED


def test_the_words_of_the_interface_are_pinned():
    assert keccak(SIGNATURES[0].encode())[:4].hex() == "6457c979"
    assert keccak(SIGNATURES[1].encode())[:4].hex() == "36b13af4"
    assert keccak(TOPICS[0].encode()).hex().startswith("db1513f0abeb57a364db56aa3eb52015")


def test_the_details_of_an_assertion_have_the_published_shape(world):
    function = world.assertions.contract.interface.function("getAssertion", 1)
    settings = "(bool,bool,bool,address,address)"
    rest = "address,uint64,bool,address,uint64,bool,bytes32,bytes32,uint256,address,address"
    assert function.outputs == (f"({settings},{rest})",)


def test_an_assertion_takes_the_bond_and_is_spelled_out_in_the_log(world):
    before = world.balance(world.client)
    wanted = draft(world, recipient=world.consumer.address, domain=b"d" * 32)
    now = world.now + 1  # the approval comes first
    id_ = world.assertions.assert_truth(world.client, world.ann.address, wanted)
    assert id_ == assertion_id(wanted, now, world.client.address)
    [event] = world.assertions.contract.events("AssertionMade")
    args = {"assertionId": id_, "domainId": b"d" * 32, "claim": CLAIM}
    args |= {"asserter": world.ann.address, "callbackRecipient": world.consumer.address}
    args |= {"escalationManager": NOBODY, "caller": world.client.address}
    args |= {"expirationTime": now + LIVENESS, "currency": world.token.address}
    assert event.args == args | {"bond": BOND, "identifier": ASSERT_TRUTH}
    assert world.balance(world.client) == before - BOND
    found = world.assertions.assertion(id_)
    assert (found.asserter, found.caller) == (world.ann.address, world.client.address)
    assert (found.time, found.expires, found.bond) == (now, now + LIVENESS, BOND)
    assert (found.domain, found.recipient) == (b"d" * 32, world.consumer.address)
    assert not found.is_settled and found.disputer == found.manager == NOBODY


def test_the_defaults_are_a_plain_assertion(world):
    id_ = world.assertions.assert_with_defaults(world.client, CLAIM, world.ann.address)
    found = world.assertions.assertion(id_)
    assert (found.bond, found.expires - found.time) == (BOND, LIVENESS)
    assert found.identifier == ASSERT_TRUTH == world.assertions.contract.call("defaultIdentifier")
    assert found.recipient == found.manager == NOBODY
    call = world.assertions.contract.call
    assert call("defaultLiveness") == LIVENESS and call("burnedBondPercentage") == 5 * 10**17


def test_the_minimum_bond_is_of_the_one_currency(world):
    assert world.assertions.minimum_bond() == BOND
    assert world.assertions.contract.call("getMinimumBond", world.ann.address) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"currency": b"\x09" * 20}, "unsupported currency"),
        ({"bond": BOND - 1}, "bond out of range"),
        ({"bond": 2**96}, "bond out of range"),
        ({"identifier": b"\x09" * 32}, "unsupported identifier"),
        ({"liveness": 2**40}, "liveness too long"),
        ({"manager": b"\x09" * 20}, "the manager is no contract"),
        ({"identifier": MODEL_ANSWER, "claim": bytes(64)}, "no claim of an answer"),
        ({"identifier": MODEL_ANSWER, "claim": bytes(131)}, "no claim of an answer"),
    ],
)
def test_an_assertion_on_unsound_terms_is_refused(world, changes, reason):
    one = draft(world, **changes)
    parties = (world.ann.address, one.recipient, one.manager, one.liveness, one.currency)
    values = (one.claim, *parties, one.bond, one.identifier, one.domain)
    with refused(f"assertions: {reason}"):
        world.assertions.contract.transact(world.ann, "assertTruth", *values)


def test_nobody_asserts_or_disputes_for_nobody(world):
    with refused("assertions: no asserter"):
        world.assertions.assert_with_defaults(world.ann, CLAIM, NOBODY)
    id_ = asserted(world)
    with refused("assertions: no disputer"):
        world.assertions.dispute(world.bob, id_, NOBODY)


def test_a_recipient_may_assert_while_it_is_called(world):
    consumer, contract = world.consumer, world.assertions.contract
    again = contract.encode("assertTruthWithDefaults", CLAIM, world.ann.address)
    approve = world.token.encode("approve", world.assertions.address, 10 * BOND)
    consumer.transact(world.stranger, "act", world.token.address, approve)
    one = draft(world, recipient=consumer.address, liveness=0)
    id_ = world.assertions.assert_truth(world.ann, world.ann.address, one)
    consumer.transact(world.stranger, "set_call", world.assertions.address, again)
    consumer.transact(world.stranger, "set_mood", 3)
    world.assertions.settle(world.stranger, id_)
    assert consumer.call("reentered") is True


def test_the_same_claim_twice_in_a_block_fails(world):
    """Two calls of one contract are in one block; the second has the id of the first."""
    values = (CLAIM, world.ann.address)
    again = world.assertions.contract.encode("assertTruthWithDefaults", *values)
    batch = deploy(world.chain, world.stranger, artifact_of(CONTRACTS / "Twice.vy"))
    world.token.transact(world.client, "transfer", batch.address, 2 * BOND)
    with refused("assertions: already asserted"):
        values = (world.token.address, world.assertions.address, again)
        batch.transact(world.stranger, "twice", *values)


def test_undisputed_is_true_when_its_liveness_is_over_and_not_before(world):
    before = world.balance(world.ann)
    id_ = asserted(world)
    expires = world.assertions.assertion(id_).expires
    with refused("assertions: not settled"):
        world.assertions.result(id_)
    world.warp_to(expires - 1)
    with refused("assertions: not yet expired"):
        world.assertions.settle(world.stranger, id_)
    assert world.now == expires
    receipt = world.assertions.settle(world.stranger, id_)
    [event] = world.assertions.contract.events_in(receipt)
    args = {"assertionId": id_, "bondRecipient": world.ann.address, "disputed": False}
    args |= {"settlementResolution": True, "settleCaller": world.stranger.address}
    assert (event.name, event.args) == ("AssertionSettled", args)
    assert world.assertions.result(id_) is True
    assert world.balance(world.ann) == before and world.balance(world.assertions) == 0
    with refused("assertions: already settled"):
        world.assertions.settle(world.stranger, id_)


def test_a_dispute_comes_strictly_before_the_expiry_and_once(world):
    late = asserted(world)
    world.token.transact(world.bob, "approve", world.assertions.address, 2**200)
    world.warp_to(world.assertions.assertion(late).expires)
    with refused("assertions: expired"):
        world.assertions.dispute(world.bob, late, world.bob.address)
    timely = asserted(world)
    world.warp_to(world.assertions.assertion(timely).expires - 1)
    receipt = world.assertions.dispute(world.bob, timely, world.cleo.address)
    [event] = world.assertions.contract.events_in(receipt)
    args = {"assertionId": timely, "caller": world.bob.address, "disputer": world.cleo.address}
    assert (event.name, event.args) == ("AssertionDisputed", args)
    with refused("assertions: already disputed"):
        world.assertions.dispute(world.bob, timely, world.bob.address)


def test_an_assertion_that_was_never_made_is_refused(world):
    for step in ("settleAssertion", "settleAndGetAssertionResult"):
        with refused("assertions: no such assertion"):
            world.assertions.contract.transact(world.ann, step, b"\x09" * 32)
    assert world.assertions.assertion(b"\x09" * 32).asserter == NOBODY


@pytest.mark.parametrize("truth", [True, False])
def test_the_winner_of_a_dispute_gets_both_bonds_less_half_of_one(world, truth):
    purses = [world.balance(one) for one in (world.ann, world.bob)]
    supply = world.token.call("totalSupply")
    id_ = disputed(world)
    with refused("assertions: the arbiter has not ruled"):
        world.assertions.settle(world.stranger, id_)
    rule(world, id_, YES if truth else NO, providers=("cleo", "other", "cleo"))
    receipt = world.assertions.settle(world.stranger, id_)
    due = payout(BOND, truth, [world.cleo.address] * 3)
    winner = world.ann if truth else world.bob
    settled = next(e.args for e in world.assertions.contract.events_in(receipt))
    assert settled["bondRecipient"] == winner.address and settled["disputed"]
    assert world.assertions.result(id_) is truth
    now = [world.balance(one) for one in (world.ann, world.bob)]
    assert now == [purses[0] - BOND + due.asserter, purses[1] - BOND + due.disputer]
    assert max(due.asserter, due.disputer) == 2 * BOND - BOND // 2
    assert world.token.call("totalSupply") == supply - due.burnt
    assert world.assertions.credit(world.cleo.address) == 2 * due.providers[0]
    assert due.burnt + sum(due.providers) == BOND // 2
    world.assertions.withdraw(world.stranger, world.cleo.address)
    world.assertions.withdraw(world.stranger, world.other.address)
    assert world.balance(world.assertions) == 0
    with refused("assertions: nothing earned"):
        world.assertions.withdraw(world.stranger, world.cleo.address)


def test_a_disputed_assertion_is_a_question_until_it_is_settled(world):
    id_ = asserted(world)
    ask, number = world.assertions.contract.call, int.from_bytes(id_, "big")
    nothing = (bytes(32), bytes(32), NOBODY, 0)
    assert ask("question", number) == nothing
    world.assertions.dispute(world.bob, id_, world.bob.address)
    deadline = world.chain.block().time + DAY
    assert ask("question", number) == (ASSERT_TRUTH, id_, world.levels[0].address, deadline)
    rule(world, id_)
    world.assertions.settle(world.stranger, id_)
    assert ask("question", number) == nothing


@pytest.mark.parametrize("honest", [True, False])
def test_a_claim_of_a_models_answer_is_put_to_the_model(world, honest):
    answer = ANSWER if honest else ANSWER[:-1] + b"\0"
    claim = claim_of_answer(NET.id, COMMITMENT, answer)
    manager = world.levels[3].address
    id_ = disputed(world, claim=claim, identifier=MODEL_ANSWER, manager=manager)
    question = world.assertions.contract.call("question", int.from_bytes(id_, "big"))
    assert question[:3] == (NET.id, COMMITMENT, manager)
    found = world.assertions.assertion(id_)
    assert (found.identifier, found.manager) == (MODEL_ANSWER, manager)
    rule(world, id_, ANSWER, evaluator=3)
    world.assertions.settle(world.stranger, id_)
    assert world.assertions.result(id_) is honest is holds(MODEL_ANSWER, claim, ANSWER)


@pytest.mark.parametrize("ruling", [YES, NO, b"\0\1", b"\1\0", b"\0\0", b"\1", b""])
def test_what_a_ruling_says_is_what_the_rules_say(world, ruling):
    id_ = disputed(world)
    rule(world, id_, ruling)
    world.assertions.settle(world.stranger, id_)
    assert world.assertions.result(id_) is holds(ASSERT_TRUTH, CLAIM, ruling)


@pytest.mark.parametrize("end", ["failed", "silent", "stuck", "reverting"])
def test_without_a_ruling_nothing_stays_locked_and_nothing_is_true(world, end):
    before = [world.balance(one) for one in (world.ann, world.bob)]
    id_ = disputed(world)
    if end == "failed":
        rule(world, id_, status=Status.FAILED, providers=())
    if end == "silent":
        world.warp_to(world.chain.block().time + DAY)
        with refused("assertions: the arbiter has not ruled"):
            world.assertions.settle(world.stranger, id_)
    if end == "stuck":
        rule(world, id_, status=Status.DISPUTED)
        over(world)
    if end == "reverting":
        world.levels[0].transact(world.stranger, "fall_silent", True)
        over(world)
    receipt = world.assertions.settle(world.stranger, id_)
    settled = next(e.args for e in world.assertions.contract.events_in(receipt))
    assert (settled["bondRecipient"], settled["settlementResolution"]) == (NOBODY, False)
    assert [world.balance(one) for one in (world.ann, world.bob)] == before


def test_settle_and_get_gives_the_result_of_one_that_was_settled_before(world):
    id_ = asserted(world)
    world.chain.warp(LIVENESS)
    call = world.assertions.contract.call
    assert call("settleAndGetAssertionResult", id_) is True
    world.assertions.contract.transact(world.bob, "settleAndGetAssertionResult", id_)
    assert call("settleAndGetAssertionResult", id_) is True


@pytest.mark.parametrize(("mood", "passed"), [(0, True), (1, False), (2, False)])
def test_a_recipient_is_told_and_cannot_block(world, mood, passed):
    world.consumer.transact(world.stranger, "set_mood", mood)
    id_ = asserted(world, recipient=world.consumer.address)
    first = world.assertions.dispute(world.bob, id_, world.bob.address)
    rule(world, id_)
    second = world.assertions.settle(world.stranger, id_)
    for receipt, resolved in ((first, False), (second, True)):
        called = [e for e in world.assertions.contract.events_in(receipt) if e.name == "Called"]
        assert [e.args["passed"] for e in called] == [passed]
        told = [e.args for e in world.consumer.events_in(receipt)]
        wanted = {"assertion": id_, "resolved": resolved, "truth": resolved}
        assert told == ([wanted] if passed else [])
    assert world.assertions.result(id_) is True


def test_a_recipient_cannot_be_starved_or_reenter(world):
    id_ = asserted(world, recipient=world.consumer.address)
    world.chain.warp(LIVENESS)
    with refused("assertions: too little gas for the callback"):
        world.assertions.contract.transact(world.bob, "settleAssertion", id_, gas=500_000)
    message = world.assertions.contract.encode("settleAssertion", id_)
    world.consumer.transact(world.stranger, "set_call", world.assertions.address, message)
    world.consumer.transact(world.stranger, "set_mood", 3)
    world.assertions.settle(world.stranger, id_)
    assert world.consumer.call("reentered") is False


def test_the_contract_is_not_made_of_nonsense(world):
    token, arbiter, away = world.token.address, world.levels[0].address, b"\x09" * 20
    for values, reason in (
        ((away, arbiter, 1, 1, 1, 1), "the token is no contract"),
        ((token, away, 1, 1, 1, 1), "the arbiter is no contract"),
        ((token, arbiter, 2**96, 1, 1, 1), "minimum bond above 2**96"),
        ((token, arbiter, 1, 1, 2**32 + 1, 1), "arbitration out of range"),
        ((token, arbiter, 1, 1, 1, 2**32 + 1), "arbitration out of range"),
    ):
        with refused(f"assertions: {reason}"):
            deploy(world.chain, world.minter, "Assertions", *values)


def test_a_token_that_answers_false_moves_no_bond(odd_token_world):
    w = odd_token_world
    w.token.transact(w.minter, "set_fault", 2)
    with refused("assertions: no bond given"):
        asserted(w)
    w.token.transact(w.minter, "set_fault", 1)
    id_ = asserted(w)
    w.chain.warp(LIVENESS)
    with refused("assertions: the token refused to pay"):
        w.assertions.settle(w.bob, id_)
    w.token.transact(w.minter, "set_fault", 0)
    w.assertions.settle(w.bob, id_)
    assert w.balance(w.assertions) == 0


def test_a_plain_assertion_and_its_settlement_fit_their_gas(world):
    world.token.transact(world.ann, "approve", world.assertions.address, 2**256 - 1)
    asserted(world)  # the first fills the contract's purse
    values = (CLAIM, world.ann.address)
    made = world.assertions.contract.transact(world.ann, "assertTruthWithDefaults", *values)
    id_ = world.assertions.contract.events_in(made)[0].args["assertionId"]
    world.chain.warp(LIVENESS)
    settled = world.assertions.settle(world.bob, id_)
    assert made.gas_used + settled.gas_used < 180_000
