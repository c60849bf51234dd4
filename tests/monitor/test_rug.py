"""What insiders do to those who brought the money is told; what owners may do is not."""

import pytest
from attack_world import UNIT, Market, Stage

from counterpoise.monitor.alert import Severity
from counterpoise.monitor.detectors.rug import Rug

ALL = 2**256 - 1


@pytest.fixture(scope="module")
def world():
    """A new token with a market of its maker's; the coin and its holders were there before."""
    market = Market.build(["ann", "bob", "cid"], deep=UNIT)
    stage, coin = market.stage, market.coin
    market.token = stage.deploy("Coin", "eve", 1000 * UNIT)
    market.pool = stage.deploy("Pool", "eve", coin.address, market.token.address)
    stage.act("founder", coin, "transfer", stage.who("eve").address, 100 * UNIT)
    for name in ("eve", "ann", "bob", "cid"):
        for one in (coin, market.token):
            stage.act(name, one, "approve", market.pool.address, ALL)
    stage.act("eve", market.pool, "add", 50 * UNIT, 500 * UNIT)
    return market


@pytest.fixture(autouse=True)
def fresh(world):
    mark = world.stage.chain.snapshot()
    yield
    world.stage.chain.revert(mark)


def bought(world, *names, amount=40 * UNIT):
    for name in names:
        world.stage.act(*world.buy(name, amount))


def removed(world, share=100):
    shares = world.pool.call("shares", world.stage.who("eve").address)
    world.stage.act("eve", world.pool, "remove", shares * share // 100)


def test_liquidity_taken_out_with_what_others_paid_is_told(world):
    bought(world, "ann", "bob")
    removed(world)
    (finding,) = world.stage.findings(Rug())
    assert finding.severity is Severity.HIGH and finding.loss_token == world.coin.address
    roles = {entity.role: entity.address for entity in finding.entities}
    assert roles == {"insider": world.stage.who("eve").address, "contract": world.pool.address}


def test_in_pieces_within_a_day_it_is_told(world):
    bought(world, "ann", "bob")
    for _ in range(6):
        removed(world, 40)
    assert len(world.stage.findings(Rug())) == 1


def test_a_large_mint_after_others_bought_is_told_and_so_is_its_sale(world):
    stage = world.stage
    bought(world, "ann")
    stage.act("eve", world.token, "mint", stage.who("eve").address, 9000 * UNIT)
    (minted,) = stage.findings(Rug())
    assert "minted" in minted.reasons[0] and minted.severity is Severity.HIGH
    stage.act(*world.sell("eve", 9000 * UNIT))
    assert len(stage.findings(Rug())) == 2  # the market is empty


def test_a_new_owner_is_an_insider(world):
    stage = world.stage
    bought(world, "ann")
    stage.act("eve", world.token, "pass_on", stage.who("mallory").address)
    stage.act("mallory", world.token, "mint", stage.who("mallory").address, 9000 * UNIT)
    (finding,) = stage.findings(Rug())
    assert finding.confidence == 850_000
    assert any("owner was changed" in reason for reason in finding.reasons)


def test_a_token_that_nobody_can_sell_is_told(world):
    stage = world.stage
    bought(world, "ann", "bob", "cid", amount=5 * UNIT)
    stage.act("eve", world.token, "trap", world.pool.address)
    with_gas = [world.sell(name, UNIT) for name in ("ann", "bob", "cid")]
    stage.together(*with_gas[:2])
    assert stage.findings(Rug()) == []
    stage.together(with_gas[2])
    (finding,) = stage.findings(Rug())
    assert finding.severity is Severity.MEDIUM
    assert finding.entities[1].address == world.token.address


def test_if_insiders_can_sell_it_is_graver(world):
    stage = world.stage
    bought(world, "ann", "bob", "cid", amount=5 * UNIT)
    stage.act("eve", world.token, "trap", world.pool.address)
    stage.act(*world.sell("eve", UNIT))
    stage.together(*(world.sell(name, UNIT) for name in ("ann", "bob", "cid")))
    (finding,) = stage.findings(Rug())
    assert finding.severity is Severity.HIGH and "insiders did" in finding.reasons[0]


@pytest.mark.parametrize("twin", ["a part", "own", "little mint", "early mint"])
def test_the_harmless_twin_of_liquidity_and_mints_is_silent(world, twin):
    stage = world.stage
    if twin == "a part":
        bought(world, "ann", "bob")
        removed(world, 30)
    elif twin == "own":  # nobody had brought anything
        removed(world)
    elif twin == "little mint":
        bought(world, "ann")
        stage.act("eve", world.token, "mint", stage.who("eve").address, 100 * UNIT)
    else:
        stage.act("eve", world.token, "mint", stage.who("eve").address, 9000 * UNIT)
    assert stage.findings(Rug()) == []


def test_sales_that_fail_by_the_sellers_own_fault_are_silent(world):
    stage = world.stage
    bought(world, "ann", "bob", "cid", amount=UNIT)
    stage.together(*(world.sell(name, 900 * UNIT) for name in ("ann", "bob", "cid")))
    for name in ("ann", "bob", "cid"):
        stage.act(name, world.token, "approve", world.pool.address, 0)
    stage.together(*(world.sell(name, UNIT // 2) for name in ("ann", "bob", "cid")))
    assert stage.findings(Rug()) == []


@pytest.fixture
def safe():
    stage = Stage()
    stage.safe = stage.deploy("Safe", "eve")
    stage.act("eve", stage.safe, "bring", value=UNIT)
    for name in ("ann", "bob"):
        stage.act(name, stage.safe, "bring", value=10 * UNIT)
    return stage


def test_code_changed_and_everything_taken_is_told(safe):
    safe.act("eve", safe.safe, "upgrade", safe.who("eve").address)
    assert safe.findings(Rug()) == []
    safe.act("eve", safe.safe, "sweep", 20 * UNIT)
    (finding,) = safe.findings(Rug())
    assert finding.loss == 20 * UNIT and finding.confidence == 850_000
    assert any("code was changed" in reason for reason in finding.reasons)


def test_code_changed_and_all_taken_by_their_owners_is_silent(safe):
    safe.act("eve", safe.safe, "upgrade", safe.who("eve").address)
    for name in ("ann", "bob"):
        safe.act(name, safe.safe, "take", 10 * UNIT)
    safe.act("eve", safe.safe, "take", UNIT)
    assert safe.findings(Rug()) == []


def test_a_shops_takings_are_its_owners():
    stage = Stage()
    shop = stage.deploy("Safe", "eve")
    stage.act("eve", shop, "upgrade", stage.who("eve").address)
    for name in ("ann", "bob"):
        stage.act(name, shop, "bring", value=10 * UNIT)
    stage.act("eve", shop, "sweep", 20 * UNIT)
    assert stage.findings(Rug()) == []
