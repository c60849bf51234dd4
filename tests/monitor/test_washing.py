"""Circles of trades are told within the hour after; trading with many, or in earnest, is not."""

import pytest
from worlds import GENESIS, account, token_transfer

from counterpoise.core.digest import keccak
from counterpoise.monitor.blocks import NATIVE, Block, Transaction
from counterpoise.monitor.detectors.washing import PARTNERS, Washing
from counterpoise.monitor.watch import Watch

GOODS, MONEY = b"\x0d" * 20, b"\x0c" * 20
HOUR = 3_600


def trade(number, buyer, seller, amount, price=7):
    """The seller's goods for the buyer's money, in one transaction of the buyer."""
    moves = [(MONEY, buyer, seller, amount * price), (GOODS, seller, buyer, amount)]
    entries = tuple(token_transfer(at, token, account(src), account(dst), value)
                    for at, (token, src, dst, value) in enumerate(moves))  # fmt: skip
    name = keccak(b"trade %d" % number)
    return Transaction(name, 0, account(buyer), b"\x99" * 20, 0, b"", True, entries)


def watched(trades, *, every=60, times=None):
    watch, parent, found = Watch(1, [Washing(frozenset({MONEY}))], {NATIVE: 1}), GENESIS, []
    for number, (buyer, seller, amount) in enumerate(trades):
        name = keccak(parent + number.to_bytes(4, "big"))
        time = 1_000_000 + (times[number] if times else every * number)
        made = Block(number, name, parent, time, (trade(number, buyer, seller, amount),))
        found += [alert.finding for alert in watch.accept(made).raised]
        parent = name
    return found, watch


RING = [(1, 2, 1000), (2, 3, 1000), (3, 1, 1000)]


def test_a_ring_is_told_with_its_members_and_its_trades():
    found, _ = watched(RING * 130 + [(5, 6, 10)], every=30)
    assert found and {finding.scheme for finding in found} == {found[0].scheme}
    members = {entity.address for finding in found for entity in finding.entities}
    assert members == {account(n) for n in (1, 2, 3)}
    assert sum(finding.loss for finding in found) >= 300 * 1000
    assert found[0].loss_token == GOODS


def test_each_trade_is_told_once():
    trades = RING * 250
    found, _ = watched([*trades, (5, 6, 10)], every=60)
    told = [hash_ for finding in found for hash_ in finding.transactions]
    assert len(told) == len(set(told)) and len(found) > 1
    assert sum(int(finding.reasons[0].split(" trades")[0].split()[-1]) for finding in found) <= 750


@pytest.mark.parametrize("twin", ["one way", "growing", "too few", "a market"])
def test_the_harmless_twin_is_silent(twin):
    if twin == "one way":
        trades = [(1, 2, 1000), (2, 3, 1000), (3, 4, 1000)] * 130
    elif twin == "growing":
        trades = [(1, 2, 3000), (2, 1, 1000)] * 200
    elif twin == "too few":
        trades = RING * 90
    else:  # one who buys from and sells to everybody
        trades = [(n % (PARTNERS + 8) + 10, 1, 1000) for n in range(200)]
        trades += [(1, n % (PARTNERS + 8) + 10, 1000) for n in range(200)]
        trades += [(1, 10, 1000), (10, 1, 1000)] * 120
    assert watched([*trades, (50, 60, 10)], every=30)[0] == []


def test_only_a_week_is_kept():
    _, watch = watched([(1, 2, 10)] * 40, every=8 * HOUR)
    table = watch.memory.table("wash, trades")
    newest, oldest, left = table.get(-1)
    assert newest - oldest == 22 and left == 0 and len(table) <= 24
