"""A contract entered again that goes on with what it knew is told; one that is ready for it not."""

import pytest
from attack_world import UNIT, Market, Stage

from counterpoise.monitor.alert import Severity
from counterpoise.monitor.blocks import Block, Frame, Transaction
from counterpoise.monitor.detectors.reentrancy import CALLBACKS, Reentrancy

NONE, TWICE, SAFELY, GIFT = 0, 1, 2, 3


@pytest.fixture(scope="module")
def stage():
    built = Stage()
    built.bank = built.deploy("Bank", "banker")
    built.thief = built.deploy("Thief", "eve", built.bank.address)
    for name in ("ann", "bob"):
        built.act(name, built.bank, "bring", value=10 * UNIT)
    return built


@pytest.fixture(autouse=True)
def fresh(stage):
    mark = stage.chain.snapshot()
    yield
    stage.chain.revert(mark)


def rob(stage, way):
    stage.act("eve", stage.thief, "rob", way, value=5 * UNIT)
    return stage.findings(Reentrancy())


def test_taking_twice_is_told_with_what_was_taken(stage):
    (finding,) = rob(stage, TWICE)
    assert finding.severity is Severity.CRITICAL and finding.loss == 5 * UNIT
    roles = {entity.role: entity.address for entity in finding.entities}
    assert roles == {
        "attacker": stage.who("eve").address,
        "accomplice": stage.thief.address,
        "contract": stage.bank.address,
    }


def test_entering_through_another_door_is_told(stage):
    (finding,) = rob(stage, GIFT)
    assert finding.severity is Severity.HIGH


@pytest.mark.parametrize("way", [NONE, SAFELY])
def test_the_harmless_twin_is_silent(stage, way):
    assert rob(stage, way) == []


def test_a_trusted_part_that_calls_back_is_silent(stage):
    stage.act("ann", stage.bank, "harvest", stage.thief.address)
    assert stage.findings(Reentrancy()) == []


def test_a_flash_loan_is_silent():
    market = Market.build(["eve"])
    stage, nothing = market.stage, bytes(20)
    lender = stage.deploy("Lender", "founder")
    stage.act("founder", market.coin, "transfer", lender.address, 100 * UNIT)
    places = (market.pool.address, nothing, nothing, market.coin.address, market.token.address)
    bot = stage.deploy("Trader", "eve", *places)
    stage.act("founder", market.coin, "transfer", bot.address, UNIT)
    stage.act("eve", bot, "act", 0, lender.address, 100 * UNIT)
    assert stage.findings(Reentrancy()) == []


A, C, D, IMPL, EVE = (bytes([n]) * 20 for n in (0xA, 0xC, 0xD, 0xE, 0xF))
TAKE, OTHER = b"take", b"othr"


def call(sender, to, given=TAKE, frames=(), *, writes=(), value=0, kind="call", failed=False):
    return Frame(kind, sender, to, value, given, failed, writes, tuple(frames))


def grade(tree):
    made = Transaction(b"\x01" * 32, 0, EVE, A, 0, b"", True, trace=tree)
    block = Block(1, b"\x02" * 32, bytes(32), 5, (made,))
    return [finding.severity for finding in Reentrancy().inspect(block, None)]


def attack(callback=b"", inner=None, writes=(1,)):
    """A calls C, which calls back into A before it writes, and A enters C again."""
    inner = inner or call(A, C, TAKE, writes=(0,))
    back = call(C, A, callback, [inner], value=1)
    return call(EVE, A, b"rob!", [call(A, C, TAKE, [back], writes=writes)])


def test_what_makes_it_an_attack():
    assert grade(attack()) == [Severity.CRITICAL]
    assert grade(attack(writes=(0,))) == []  # nothing is written after
    assert grade(attack(inner=call(A, C, TAKE, writes=(0,), failed=True))) == []
    assert grade(attack(inner=call(A, C, TAKE, writes=()))) == []  # a look at it
    assert grade(attack(inner=call(A, C, TAKE, kind="staticcall"))) == []
    assert grade(attack(callback=min(CALLBACKS))) == []
    assert grade(attack(inner=call(A, C, OTHER, writes=(0,)))) == [Severity.HIGH]


def test_through_proxies_it_is_the_storage_that_counts():
    """C runs the code of IMPL on its own storage, both times."""
    inner = call(A, C, TAKE, [call(C, IMPL, TAKE, writes=(0,), kind="delegatecall")])
    back = call(C, A, b"", [inner], value=1)
    code = call(C, IMPL, TAKE, [back], writes=(1,), kind="delegatecall")
    assert grade(call(EVE, A, b"rob!", [call(A, C, TAKE, [code])])) == [Severity.CRITICAL]
    done = call(C, IMPL, TAKE, [back], writes=(0,), kind="delegatecall")
    assert grade(call(EVE, A, b"rob!", [call(A, C, TAKE, [done])])) == []


def test_a_receiver_made_for_it_is_the_callers_own():
    """A makes D, and lets C pay D, which enters C by another door."""
    back = call(C, D, b"", [call(D, C, OTHER, writes=(0,))], value=1)
    made = call(A, D, b"", kind="create")
    tree = call(EVE, A, b"rob!", [made, call(A, C, TAKE, [back], writes=(1,))])
    assert grade(tree) == [Severity.HIGH]
    without = call(EVE, A, b"rob!", [call(A, C, TAKE, [back], writes=(1,))])
    assert grade(without) == []  # somebody that C knows


def test_without_the_places_of_writes_a_payment_after_it_counts():
    back = call(C, A, b"", [call(A, C, TAKE, [call(C, A, value=1, writes=None)], writes=None)])
    later = call(C, A, b"", value=1, writes=None)
    tree = call(EVE, A, b"x", [call(A, C, TAKE, [back, later], writes=None)], writes=None)
    assert grade(tree) == [Severity.CRITICAL]


def test_a_deep_tree_is_walked_in_no_time():
    tree = call(A, C, OTHER)
    for depth in range(1_000):
        tree = call(bytes([depth % 7 + 1]) * 20, bytes([(depth + 1) % 7 + 1]) * 20, OTHER, [tree])
    grade(tree)
