"""Moving a price to gain from it is told, with a loan or without; trading with a loan is not."""

import pytest
from attack_world import UNIT, Market

from counterpoise.monitor.alert import Severity
from counterpoise.monitor.blocks import Transfer
from counterpoise.monitor.detectors.manipulation import (
    Manipulation,
    explains,
    loans_of,
    proper_loans,
)
from counterpoise.monitor.detectors.moves import Swap, moves_of, swaps_of

ARBITRAGE, PUMP, LEAVE, BACKWARDS, REWARD, DEAR = range(1, 7)
LOAN = 600 * UNIT


@pytest.fixture(scope="module")
def world():
    market = Market.build(["trader", "eve"], tokens=500 * UNIT)
    stage, coin, token = market.stage, market.coin, market.token
    second = stage.deploy("Pool", "founder", coin.address, token.address)
    market.second, market.lender = second, stage.deploy("Lender", "founder")
    market.desk = stage.deploy("Desk", "founder", coin.address, token.address, market.pool.address)
    addresses = (market.pool, second, market.desk, coin, token)
    market.bot = stage.deploy("Trader", "eve", *(one.address for one in addresses))
    for one in (coin, token):
        stage.act("founder", one, "approve", second.address, 2**256 - 1)
        for place in (market.lender, market.desk):
            stage.act("founder", one, "transfer", place.address, 5000 * UNIT)
        stage.act("trader", one, "approve", second.address, 2**256 - 1)
    stage.act("founder", second, "add", 1000 * UNIT, 500 * UNIT)
    for amount in (3, 2, 4):
        for act in (market.buy("trader", amount * UNIT), market.sell("trader", amount * UNIT)):
            stage.act(*act)
            stage.act("trader", second, *act[2:])
    market.give("whale", market.pool, 10**6 * UNIT)
    market.give("whale", second, 0)
    return market


@pytest.fixture(autouse=True)
def fresh(world):
    mark = world.stage.chain.snapshot()
    yield
    world.stage.chain.revert(mark)


def act(world, plan, *, loan=True, amount=LOAN):
    lender = world.lender.address if loan else bytes(20)
    if not loan:
        world.stage.act("founder", world.coin, "transfer", world.bot.address, amount)
    world.stage.act("eve", world.bot, "act", plan, lender, amount)
    return world.stage.findings(Manipulation())


@pytest.mark.parametrize("plan", [PUMP, LEAVE])
def test_a_loan_that_moves_a_price_and_gains_is_critical(world, plan):
    before = world.coin.call("balanceOf", world.stage.who("eve").address)
    (finding,) = act(world, plan)
    gained = world.coin.call("balanceOf", world.stage.who("eve").address) - before
    assert finding.severity is Severity.CRITICAL
    assert (finding.loss, finding.loss_token) == (gained, world.coin.address)
    roles = {(entity.role, entity.address) for entity in finding.entities}
    assert ("lender", world.lender.address) in roles
    assert ("market", world.pool.address) in roles
    assert ("attacker", world.stage.who("eve").address) in roles


def test_the_same_with_money_of_ones_own_is_told_too(world):
    (finding,) = act(world, PUMP, loan=False)
    assert finding.severity is Severity.HIGH and "borrowed" not in finding.reasons[0]


def test_arbitrage_with_a_loan_is_silent(world):
    # Somebody's large sale makes tokens cheap at the first market.
    world.stage.act(*world.sell("trader", 90 * UNIT))
    assert act(world, ARBITRAGE, amount=20 * UNIT) == []
    assert world.coin.call("balanceOf", world.stage.who("eve").address) > 100 * UNIT


def test_arbitrage_after_a_crash_is_silent(world):
    """It sells so much at the second market that the price there is terrible too."""
    world.stage.act(*world.sell("whale", 900 * UNIT))
    assert act(world, ARBITRAGE, amount=200 * UNIT) == []
    assert world.coin.call("balanceOf", world.stage.who("eve").address) > 200 * UNIT


def test_arbitrage_between_two_markets_that_crashed_is_silent(world):
    """What it takes at the first is far below what is usual there, but is the price by now."""
    world.stage.act(*world.sell("whale", 250 * UNIT))
    world.stage.act("whale", world.second, *world.sell("whale", 900 * UNIT)[2:])
    detector = Manipulation()
    stage, lender = world.stage, world.lender.address
    stage.act("eve", world.bot, "act", BACKWARDS, lender, 30 * UNIT)
    assert stage.findings(detector) == []


def test_arbitrage_against_a_pump_is_silent(world):
    """What it takes is worse than the last price, but better than is usual."""
    world.stage.act(*world.buy("whale", 600 * UNIT))
    assert act(world, BACKWARDS, amount=400 * UNIT) == []


def test_a_liquidation_after_a_crash_is_silent(world):
    """Goods come from elsewhere, and are sold with a loan out: far below what was usual."""
    for amount in (100, 10):
        world.stage.act(*world.sell("whale", amount * UNIT))
    assert act(world, REWARD, amount=10 * UNIT) == []


def test_a_liquidation_after_a_pump_is_silent(world):
    """Far below the last price, but above what is usual."""
    world.stage.act(*world.buy("whale", 600 * UNIT))
    assert act(world, REWARD, amount=400 * UNIT) == []


def test_goods_from_elsewhere_that_crash_the_price_with_a_loan_are_told(world):
    """Whoever gives them away trusts a price, or should know."""
    (finding,) = act(world, REWARD, amount=400 * UNIT)
    assert finding.severity is Severity.CRITICAL


def test_a_large_trade_that_loses_by_its_size_is_silent(world):
    world.stage.act(*world.buy("whale", 900 * UNIT))
    world.stage.act(*world.sell("whale", 500 * UNIT))
    assert world.stage.findings(Manipulation()) == []


def test_buying_dear_with_a_loan_and_ones_own_money_is_silent(world):
    world.stage.act("founder", world.coin, "transfer", world.bot.address, 700 * UNIT)
    assert act(world, DEAR) == []


def test_selling_a_reward_at_a_thin_market_is_silent(world):
    """It takes a terrible price and has no less of anything after, but moved no price to gain."""
    world.stage.act("eve", world.bot, "act", REWARD, bytes(20), 400 * UNIT)
    assert world.stage.findings(Manipulation()) == []


def test_a_market_without_a_past_is_not_judged(world):
    detector = Manipulation()
    pool = world.stage.deploy("Pool", "eve", world.coin.address, world.token.address)
    for one in (world.coin, world.token):
        world.stage.act("founder", one, "approve", pool.address, 2**256 - 1)
    world.stage.act("founder", pool, "add", 10 * UNIT, 10 * UNIT)
    world.stage.act("founder", pool, "swap", world.coin.address, 9 * UNIT, bytes(19) + b"\x01")
    assert world.stage.findings(detector) == []


def test_a_loan_is_what_comes_back_whole(world):
    world.stage.act("eve", world.bot, "act", PUMP, world.lender.address, LOAN)
    moves = moves_of(world.stage.blocks()[-1])
    loans = [loan for loan in loans_of(moves.transfers[0]) if loan.lender == world.lender.address]
    assert [(loan.token, loan.amount) for loan in loans] == [(world.coin.address, LOAN)]


def test_a_market_that_gives_and_takes_back_lends_nothing():
    eve, pool, coin, token = (bytes([n]) * 20 for n in range(1, 5))
    rows = [(coin, eve, pool, 10), (token, pool, eve, 5), (token, eve, pool, 5)]
    moved = [Transfer(0, *row) for row in [*rows, (coin, pool, eve, 9)]]
    assert [loan.lender for loan in loans_of(moved)] == [pool]
    assert list(proper_loans(moved, list(swaps_of(moved)))) == []


def test_dust_at_a_market_out_of_line_excuses_nothing():
    here, there, coin, token = (bytes([n]) * 20 for n in range(1, 5))
    bad = Swap(0, here, coin, 1000, token, 400, b"", b"")

    def at(pool, paid_token, paid, got_token, got):
        return explains(Swap(0, pool, paid_token, paid, got_token, got, b"", b""), bad)

    assert at(there, token, 200, coin, 900) and at(there, token, 10, coin, 500)
    assert not at(there, token, 199, coin, 499)
    assert not at(there, coin, 1000, token, 400) and not at(here, token, 400, coin, 1000)
