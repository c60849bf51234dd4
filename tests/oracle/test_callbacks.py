"""What consumers try when they are called, and why nobody else is harmed."""

import pytest
from oracle_world import ANSWER, COMMITMENT, DAY, FEE, NET

from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted
from counterpoise.oracle import Stage
from counterpoise.oracle.rules import gas_wanted
from counterpoise.verification import Status

RECORD, REVERT, BURN, CALL, READ = range(5)
GAS = 200_000
NOBODY = bytes(20)


def asked(world, callback=None, gas=GAS):
    address = callback or world.consumer.address
    id_ = world.ask(callback=address, callback_gas=gas)
    world.tell(id_)
    return id_


def delivered(world, receipt):
    found = [e.args for e in world.oracle.contract.events_in(receipt) if e.name == "Delivered"]
    assert len(found) == 1
    return found[0]["passed"]


def with_code(world, code):
    """A consumer made of raw code."""
    address = keccak(code)[12:]
    world.chain.set_code(address, code)
    return address


def settled(world, id_):
    """The answer is stored and the fee earned, whatever the consumer did."""
    assert world.oracle.request_of(id_).stage is Stage.ANSWERED
    assert world.oracle.answer_of(id_).answer == ANSWER
    assert world.oracle.credit(world.ann.address) == FEE
    return True


def test_a_consumer_is_called_once_with_the_answer_and_all_its_gas(world):
    id_ = asked(world)
    receipt = world.oracle.fulfil(world.stranger, id_)
    [took] = [e.args for e in world.consumer.events_in(receipt)]
    assert (took["id"], took["answer"]) == (id_, ANSWER)
    assert GAS - 5_000 < took["gas"] < GAS
    assert delivered(world, receipt) and settled(world, id_)
    names = [e.name for e in world.oracle.contract.events_in(receipt)]
    assert names == ["Fulfilled", "Delivered"]


def test_nobody_is_called_where_nobody_was_named(world):
    id_ = world.ask()
    world.tell(id_)
    receipt = world.oracle.fulfil(world.stranger, id_)
    assert [e.name for e in world.oracle.contract.events_in(receipt)] == ["Fulfilled"]


@pytest.mark.parametrize("mood", [REVERT, BURN])
def test_a_consumer_that_reverts_or_burns_its_gas_blocks_nothing(world, mood):
    world.consumer.transact(world.stranger, "set_mood", mood)
    id_ = asked(world)
    receipt = world.oracle.fulfil(world.stranger, id_)
    assert not delivered(world, receipt) and settled(world, id_)
    assert receipt.gas_used < GAS + 250_000


@pytest.mark.parametrize("ending", ["f3", "fd"])
def test_what_a_consumer_answers_is_not_copied(world, ending):
    big = with_code(world, bytes.fromhex(f"6203d0905f{ending}"))  # 250,000 zeros
    small = with_code(world, bytes.fromhex(f"60015f{ending}"))
    world.answered()  # the first answer opens storage that later ones only change
    costs = []
    for callback in (big, small):
        id_ = asked(world, callback, gas=300_000)
        costs.append(world.oracle.fulfil(world.stranger, id_).gas_used)
    assert costs[0] - costs[1] < 170_000  # what the consumer itself pays for its memory


def test_a_megabyte_of_answer_runs_out_of_the_consumers_own_gas(world):
    id_ = asked(world, with_code(world, bytes.fromhex("620f42405ff3")))
    receipt = world.oracle.fulfil(world.stranger, id_)
    assert not delivered(world, receipt) and settled(world, id_)


def test_a_consumer_without_code_by_now_counts_as_called(world):
    callback = with_code(world, bytes.fromhex("00"))
    id_ = asked(world, callback)
    world.chain.set_code(callback, b"")
    assert delivered(world, world.oracle.fulfil(world.stranger, id_)) and settled(world, id_)


@pytest.mark.parametrize("call", ["fulfil", "fulfil_batch", "cancel", "withdraw", "quote"])
def test_a_consumer_cannot_reenter_what_moves_money(world, call):
    # Each of these calls would succeed by itself: only the lock stands in its way.
    first, other = asked(world), world.ask()
    world.tell(other, Status.FAILED if call == "cancel" else Status.FINAL)
    arguments = {"fulfil": [other], "fulfil_batch": [[other]], "cancel": [other]}
    arguments |= {"withdraw": [world.ann.address], "quote": [1, 1, 1]}
    message = world.oracle.contract.encode(call, *arguments[call])
    world.consumer.transact(world.stranger, "set_call", world.oracle.address, message)
    world.consumer.transact(world.stranger, "set_mood", CALL)
    held = world.balance(world.oracle)
    receipt = world.oracle.fulfil(world.stranger, first)
    assert delivered(world, receipt) and settled(world, first)
    assert world.consumer.call("reentered") is False
    assert world.balance(world.oracle) == held
    assert world.oracle.request_of(other).stage is Stage.OPEN
    world.oracle.contract.transact(world.stranger, call, *arguments[call])


def test_a_consumer_may_ask_again_and_read_while_it_is_called(world):
    consumer, oracle = world.consumer, world.oracle
    approve = world.token.encode("approve", oracle.address, FEE)
    consumer.transact(world.stranger, "act", world.token.address, approve)
    terms = (1, consumer.address, 400_000, FEE, world.now + DAY, bytes(32))
    again = oracle.contract.encode("request", NET.id, COMMITMENT, *terms)
    consumer.transact(world.stranger, "set_call", oracle.address, again)
    consumer.transact(world.stranger, "set_mood", CALL)
    id_ = asked(world, gas=300_000)
    assert delivered(world, oracle.fulfil(world.stranger, id_))
    assert consumer.call("reentered") is True
    assert oracle.request_of(id_ + 1).client == consumer.address
    assert world.balance(oracle) == 2 * FEE

    read = oracle.contract.encode("answer_of", id_ + 1)
    consumer.transact(world.stranger, "set_call", oracle.address, read)
    consumer.transact(world.stranger, "set_mood", READ)
    world.tell(id_ + 1)
    assert delivered(world, oracle.fulfil(world.stranger, id_ + 1))
    assert ANSWER in consumer.call("saw")


def test_a_consumer_cannot_be_starved_by_who_fulfils(world):
    """Whatever gas is sent: the consumer has all that it asked for, or nothing has happened."""
    id_, outcomes = asked(world, gas=1_000_000), set()
    for gas in range(900_000, 1_400_000, 12_500):
        place = world.chain.snapshot()
        try:
            receipt = world.oracle.fulfil(world.stranger, id_, gas=gas)
        except Reverted as refusal:
            assert world.oracle.request_of(id_).stage is Stage.OPEN
            outcomes.add(refusal.reason)
        else:
            [took] = [e.args for e in world.consumer.events_in(receipt)]
            assert took["gas"] > 1_000_000 - 5_000 and delivered(world, receipt)
            outcomes.add("called")
        world.chain.revert(place)
    assert outcomes == {"oracle: too little gas for the callback", "called"}


def test_the_gas_that_is_demanded_is_what_the_rules_say(world):
    wanted = gas_wanted(1_000_000)
    assert wanted - wanted // 64 >= 1_000_000 + 19_000


def test_a_batch_goes_on_after_a_consumer_that_fails(world):
    world.consumer.transact(world.stranger, "set_mood", BURN)
    ids = [asked(world), world.ask(), asked(world)]
    world.tell(ids[1])
    assert world.oracle.fulfil_batch(world.stranger, ids) == ids
    assert world.oracle.credit(world.ann.address) == 3 * FEE


def test_a_consumer_does_not_change_the_rest_of_a_batch(world):
    """It is called between two requests of one batch, and cannot get at the second."""
    ids = [asked(world), asked(world)]
    message = world.oracle.contract.encode("cancel", ids[1])
    world.consumer.transact(world.stranger, "set_call", world.oracle.address, message)
    world.consumer.transact(world.stranger, "set_mood", CALL)
    assert world.oracle.fulfil_batch(world.stranger, ids) == ids
    assert world.consumer.call("reentered") is False
