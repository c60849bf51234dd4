"""Many buyers at once, against a gateway in a process of its own: all books agree to the unit."""

import asyncio
from signal import SIGTERM

import pytest
from lines import run
from sale import PATH, PRICE, bodies, charged, served, total


async def all_shop(buyers, port, calls):
    await asyncio.gather(
        *(buyer.shop(port, PATH, bodies(calls, 1000 * n)) for n, buyer in enumerate(buyers))
    )


def bought(sale, tmp_path, buyers, calls):
    """Let every buyer buy so much at the same time; give the store and the gateway's memory."""
    sale.leave()
    gateway, store = served(sale, tmp_path)
    gateway.start()
    try:
        run(all_shop(buyers, gateway.port, calls))
        return store, gateway.memory
    finally:
        assert gateway.stop() in (0, -SIGTERM)


@pytest.mark.slow
def test_two_hundred_buyers_at_once_pay_for_what_they_got_to_the_unit(sale, tmp_path):
    buyers = sale.buyers(200, calls=10, filled=False)
    store, _ = bought(sale, tmp_path, buyers, calls=3)
    assert {buyer.books.answered for buyer in buyers} == {3}
    assert {buyer.books.charged for buyer in buyers} == {3 * PRICE}
    assert charged(store) == {buyer.channel: 3 * PRICE for buyer in buyers}
    assert total(buyers, "unserved") == 0
    assert total(buyers, "failed") > 0, "200 deposits at once did not meet the limit"
    assert sale.received(store) == 200 * 3 * PRICE


def test_one_payer_has_many_channels_and_uses_them_side_by_side(sale, tmp_path):
    buyers = sale.buyers(1, calls=20, lanes=8)
    assert len({buyer.account.address for buyer in buyers}) == 1
    store, _ = bought(sale, tmp_path, buyers, calls=20)
    assert charged(store) == {buyer.channel: 20 * PRICE for buyer in buyers}
    assert total(buyers, "busy") == 0
    assert sale.received(store) == 8 * 20 * PRICE
