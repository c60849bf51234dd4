"""The gateway is killed under load at any moment: no voucher is lost, and none counts twice."""

import asyncio
import random
import sqlite3
from contextlib import closing

import pytest
from lines import run
from sale import PATH, PRICE, bodies, charged, served, total


async def until_more(gateway, buyers, shopping, seen):
    """Wait until more answers came than were seen, as long as the gateway lives."""
    while total(buyers, "answered") == seen and not any(task.done() for task in shopping):
        gateway.check()
        await asyncio.sleep(0.01)


async def shop_through(gateway, buyers, calls, kills, random_seconds):
    """Let all buyers shop while the gateway is killed so many times and started again."""
    asked = bodies(calls)
    shopping = [asyncio.create_task(buyer.shop(gateway.port, PATH, asked)) for buyer in buyers]
    await until_more(gateway, buyers, shopping, 0)
    for _ in range(kills):
        await asyncio.sleep(random_seconds())
        gateway.kill()
        seen = total(buyers, "answered")
        gateway.start()
        await until_more(gateway, buyers, shopping, seen)
    await asyncio.gather(*shopping)


def stated(store):
    """Give the digests of all decisions in the seller's log."""
    with closing(sqlite3.connect(store.parent / "decisions" / "index.sqlite")) as index:
        return {digest for (digest,) in index.execute("SELECT digest FROM place")}


def killed(sale, folder, buyers, calls, kills, most_seconds):
    """Let buyers shop through kills, then end well; give the voucher file."""
    for buyer in buyers:
        buyer.books.decisions = []
    sale.leave()
    gateway, store = served(sale, folder)
    gateway.start()
    chance = random.Random(7)
    try:
        run(shop_through(gateway, buyers, calls, kills, lambda: chance.uniform(0, most_seconds)))
    finally:
        gateway.stop()
    return store


def check_books(sale, buyers, calls, store):
    """Buyers, vouchers, statements and chain must all say the same."""
    assert total(buyers, "lost") > 0, "no kill hit a call"
    assert {buyer.books.answered for buyer in buyers} == {calls}
    assert total(buyers, "unserved") == 0
    assert charged(store) == {buyer.channel: buyer.books.charged for buyer in buyers}
    assert all(buyer.books.charged == calls * PRICE == buyer.books.signed for buyer in buyers)
    assert {one for buyer in buyers for one in buyer.books.decisions} <= stated(store)
    assert sale.received(store) == len(buyers) * calls * PRICE


@pytest.mark.slow
def test_no_voucher_is_lost_and_none_counts_twice_when_the_gateway_is_killed(sale, tmp_path):
    buyers = sale.buyers(12, calls=200)
    store = killed(sale, tmp_path, buyers, 120, kills=2, most_seconds=0.4)
    check_books(sale, buyers, 120, store)


def test_a_kill_amid_deposits_costs_nobody_a_deposit(sale, tmp_path):
    buyers = sale.buyers(16, calls=50, filled=False)
    store = killed(sale, tmp_path, buyers, 5, kills=1, most_seconds=0.2)
    check_books(sale, buyers, 5, store)
    assert {sale.channels.channel(buyer.config).balance for buyer in buyers} == {50 * PRICE}
