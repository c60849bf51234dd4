"""A sandwich is told whatever accounts and contracts it goes through; trading nearby is not."""

import pytest
from attack_world import UNIT, Market
from worlds import token_transfer

from counterpoise.core.digest import keccak
from counterpoise.monitor.alert import Severity
from counterpoise.monitor.blocks import Block, Transaction
from counterpoise.monitor.detectors.sandwich import Sandwich

FRONT = 40 * UNIT


@pytest.fixture(scope="module")
def market():
    """Everybody of these tests, with a bot and a router; each test goes back to here."""
    built = Market.build(["eve", "mallory", "victim", "other", "trader"])
    stage = built.stage
    nothing = bytes(20)
    arguments = (built.pool.address, nothing, nothing, built.coin.address, built.token.address)
    built.bot = stage.deploy("Trader", "eve", *arguments)
    built.router = stage.deploy("Trader", "founder", *arguments)
    for one in (built.coin, built.token):
        stage.act("founder", one, "transfer", built.bot.address, 100 * UNIT)
        for name in ("eve", "mallory", "victim", "trader"):
            stage.act(name, one, "approve", built.router.address, 2**256 - 1)
    return built


@pytest.fixture(autouse=True)
def fresh(market):
    mark = market.stage.chain.snapshot()
    yield
    market.stage.chain.revert(mark)


def found(market, *acts):
    market.stage.together(*acts)
    return market.stage.findings(Sandwich())


def names(market, finding, role):
    known = {market.stage.who(n).address: n for n in ("eve", "mallory", "victim", "other")}
    return {known.get(e.address, "?") for e in finding.entities if e.role == role}


def test_a_sandwich_is_told_with_what_it_gained(market):
    bought = market.out(FRONT)
    coin = market.coin
    before = coin.call("balanceOf", market.stage.who("eve").address)
    (finding,) = found(
        market,
        market.buy("eve", FRONT),
        market.buy("victim", 50 * UNIT),
        market.sell("eve", bought),
    )
    assert finding.severity is Severity.HIGH
    assert finding.loss == coin.call("balanceOf", market.stage.who("eve").address) - before > 0
    assert finding.loss_token == coin.address and len(finding.transactions) == 3
    assert names(market, finding, "attacker") == {"eve"}
    assert names(market, finding, "victim") == {"victim"}


def test_one_that_sells_first_is_told(market):
    stage, pool = market.stage, market.pool
    mark = stage.chain.snapshot()
    receipt = stage.act(*market.sell("eve", FRONT)[:3], *market.sell("eve", FRONT)[3:])
    stage.chain.revert(mark)
    out = int.from_bytes(receipt.logs[-1].data, "big")
    assert pool.address in receipt.logs[-1].topics[1]
    (finding,) = found(
        market, market.sell("eve", FRONT), market.sell("victim", 50 * UNIT), market.buy("eve", out)
    )
    assert finding.loss_token == market.token.address


def test_in_pieces_it_is_one_sandwich_of_two_victims(market):
    bought = market.out(FRONT)
    (finding,) = found(
        market,
        market.buy("eve", FRONT // 2),
        market.buy("eve", FRONT - FRONT // 2),
        market.buy("victim", 30 * UNIT),
        market.buy("other", 30 * UNIT),
        market.sell("eve", bought // 3),
        market.sell("eve", bought - bought // 3),
    )
    assert len(finding.transactions) == 6
    assert names(market, finding, "victim") == {"victim", "other"}


def test_a_first_small_sale_hides_nothing(market):
    bought = market.out(FRONT)
    (finding,) = found(
        market,
        market.sell("eve", UNIT // 10),
        market.buy("eve", FRONT),
        market.buy("victim", 50 * UNIT),
        market.sell("eve", bought),
    )
    assert finding.severity is Severity.HIGH


def test_through_a_contract_that_two_accounts_use(market):
    bought, bot = market.out(FRONT), market.bot
    (finding,) = found(
        market,
        ("eve", bot, "trade", market.coin.address, FRONT, bot.address),
        market.buy("victim", 50 * UNIT),
        ("mallory", bot, "trade", market.token.address, bought, bot.address),
    )
    assert finding.severity is Severity.HIGH
    assert names(market, finding, "attacker") >= {"eve", "mallory"}


def test_by_two_accounts_that_pass_the_goods_on(market):
    bought = market.out(FRONT)
    for acts in (
        [market.buy("eve", FRONT, "mallory"), market.buy("victim", 50 * UNIT)],
        [
            market.buy("eve", FRONT),
            ("eve", market.token, "transfer", market.stage.who("mallory").address, bought),
            market.buy("victim", 50 * UNIT),
        ],
    ):
        mark = market.stage.chain.snapshot()
        (finding,) = found(market, *acts, market.sell("mallory", bought))
        assert finding.severity is Severity.HIGH and finding.confidence == 950_000
        market.stage.chain.revert(mark)


def test_two_accounts_without_a_link_are_told_as_less_sure(market):
    bought = market.out(FRONT)
    (finding,) = found(
        market,
        market.buy("eve", FRONT),
        market.buy("victim", 50 * UNIT),
        market.sell("mallory", bought),
    )
    assert finding.severity is Severity.MEDIUM
    assert "no link" in " ".join(finding.reasons)


def test_dust_sent_to_the_victim_does_not_make_it_one_of_them(market):
    bought, victim = market.out(FRONT), market.stage.who("victim").address
    (finding,) = found(
        market,
        market.buy("eve", FRONT),
        ("eve", market.token, "transfer", victim, 1),
        market.buy("victim", 50 * UNIT),
        market.sell("eve", bought),
    )
    assert names(market, finding, "victim") == {"victim"}


def test_part_of_it_kept_back_is_judged_by_the_price(market):
    bought = market.out(FRONT)
    (finding,) = found(
        market,
        market.buy("eve", FRONT),
        market.buy("victim", 50 * UNIT),
        market.sell("eve", bought * 9 // 10),
    )
    assert finding.severity is Severity.MEDIUM and finding.loss > 0


def test_users_of_one_router_are_not_one_party(market):
    bought, router = market.out(FRONT), market.router
    (finding,) = found(
        market,
        ("eve", router, "relay", market.coin.address, FRONT),
        ("victim", router, "relay", market.coin.address, 50 * UNIT),
        ("eve", router, "relay", market.token.address, bought),
    )
    assert names(market, finding, "victim") == {"victim"}


@pytest.mark.parametrize("twin", ["strangers", "loses", "sells to", "alone", "two blocks"])
def test_the_harmless_twin_is_silent(market, twin):
    bought = market.out(FRONT)
    if twin == "strangers":  # as much, but not to the digit, by somebody else
        acts = [market.sell("trader", bought * 999 // 1000)]
        acts = [market.buy("eve", FRONT), market.buy("victim", 50 * UNIT), *acts]
    elif twin == "loses":  # the one between sells: the price fell
        acts = [market.buy("eve", FRONT), market.sell("victim", 50 * UNIT)]
        acts += [market.sell("eve", bought)]
    elif twin == "sells to":  # buys after the other, to hold
        acts = [market.buy("eve", FRONT), market.buy("victim", 50 * UNIT), market.buy("eve", FRONT)]
    elif twin == "alone":  # its own three trades
        acts = [market.buy("eve", FRONT), market.buy("eve", 50 * UNIT), market.sell("eve", bought)]
    else:
        market.stage.together(market.buy("eve", FRONT), market.buy("victim", 50 * UNIT))
        acts = [market.sell("eve", bought)]
    assert found(market, *acts) == []


def test_gas_is_counted_where_it_is_paid_in_what_is_gained(market):
    bought = market.out(FRONT)
    market.stage.together(
        market.buy("eve", FRONT), market.buy("victim", 50 * UNIT), market.sell("eve", bought)
    )
    (block,) = market.stage.blocks()[-1:]
    fees = sum(block.transactions[at].fee for at in (0, 2))
    (plain,) = market.stage.findings(Sandwich())
    (counted,) = market.stage.findings(Sandwich(coins=frozenset({market.coin.address})))
    assert plain.loss - counted.loss == fees > 0


def test_a_loss_is_no_sandwich(market):
    bought = market.out(FRONT)
    market.stage.together(
        market.buy("eve", FRONT), market.buy("victim", UNIT // 100), market.sell("eve", bought)
    )
    assert market.stage.findings(Sandwich()) == []


EVE, MALLORY, VICTIM, POOL, SECOND, X, Y, Z = (bytes([n]) * 20 for n in range(1, 9))


def told(*acts):
    """A block of transactions, each a sender and its transfers."""
    made = []
    for at, (sender, *moves) in enumerate(acts):
        entries = tuple(token_transfer(n, *move) for n, move in enumerate(moves))
        name, target = keccak(b"%d" % at), b"\x99" * 20
        made.append(Transaction(name, at, sender, target, 0, b"", True, entries))
    return list(Sandwich().inspect(Block(1, bytes(32), bytes(32), 5, tuple(made)), None))


def swap(who, paid_token, paid, got_token, got):
    return (who, (paid_token, who, POOL, paid), (got_token, POOL, who, got))


@pytest.mark.parametrize(("amount", "count"), [(123_456, 1), (5 * UNIT, 0), (12_345 * UNIT, 0)])
def test_round_amounts_link_no_strangers(amount, count):
    found = told(
        swap(EVE, X, 1_000, Y, amount),
        swap(VICTIM, X, 1_000, Y, amount // 2),
        swap(MALLORY, Y, amount, X, 1_100),
    )
    assert len(found) == count


def test_markets_on_the_way_join_nobody():
    """Both go through two markets; the first pays the second for either of them."""

    def there(who, x, z, y):
        return (who, (X, who, POOL, x), (Z, POOL, SECOND, z), (Y, SECOND, who, y))

    back = (EVE, (Y, EVE, SECOND, 100), (Z, SECOND, POOL, 110), (X, POOL, EVE, 120))
    (finding,) = told(there(EVE, 100, 100, 100), there(VICTIM, 100, 90, 80), back)
    assert finding.severity is Severity.HIGH
    assert {e.address for e in finding.entities if e.role == "victim"} == {VICTIM}
