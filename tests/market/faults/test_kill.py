"""The gateway is killed under load at any moment: no voucher is lost, and none counts twice."""

import asyncio
import random

import pytest
from lines import run
from sale import PATH, PRICE, Sale, bodies, charged, served, total


@pytest.fixture
def sale(tmp_path):
    founded = Sale.found(tmp_path / "state")
    yield founded
    founded.leave()


async def shop_through(gateway, buyers, calls, kills, random_seconds):
    """Let all buyers shop while the gateway is killed so many times and started again."""
    asked = bodies(calls)
    shopping = [asyncio.create_task(buyer.shop(gateway.port, PATH, asked)) for buyer in buyers]
    while total(buyers, "answered") < len(buyers):
        await asyncio.sleep(0.01)
    for _ in range(kills):
        await asyncio.sleep(random_seconds())
        gateway.kill()
        gateway.start()
        seen = total(buyers, "answered")
        while total(buyers, "answered") == seen and not all(task.done() for task in shopping):
            await asyncio.sleep(0.01)
    await asyncio.gather(*shopping)


def test_no_voucher_is_lost_and_none_counts_twice_when_the_gateway_is_killed(sale, tmp_path):
    buyers, calls = sale.buyers(12, calls=400), 250
    sale.leave()
    gateway, store = served(sale, tmp_path)
    gateway.start()
    seconds = random.Random(7)
    try:
        run(shop_through(gateway, buyers, calls, 4, lambda: seconds.uniform(0.05, 0.3)))
    finally:
        gateway.stop()
    assert total(buyers, "lost") > 0, "no kill hit a call"
    assert [buyer.books.answered for buyer in buyers] == [calls] * 12
    assert total(buyers, "unserved") == 0
    assert charged(store) == {buyer.channel: buyer.books.charged for buyer in buyers}
    assert all(buyer.books.charged == calls * PRICE <= buyer.books.signed for buyer in buyers)
    assert sale.received(store) == 12 * calls * PRICE
