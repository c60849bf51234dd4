"""The buyer for asyncio: the same calls, the same payments, many at once, and streams."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from paid_shop import Gone, Shop, StreamShop

from counterpoise.core.errors import InputError, Unreachable
from counterpoise.payments import AsyncBuyer
from counterpoise.payments.shopping import Answer

URL = "http://shop/answer"


class InProcess:
    """Brings requests to a shop; tests may look how many are under way."""

    def __init__(self, shop):
        self.shop, self.under_way, self.most = shop, 0, 0

    async def __call__(self, method, address, headers, body):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.001)
            return self.shop(method, address, headers, body)
        finally:
            self.under_way -= 1

    @asynccontextmanager
    async def stream(self, method, address, headers, body):
        answer = await self(method, address, headers, body)
        yield Answer(answer.status, answer.headers), parts(answer.body)

    async def whole(self, address, blocks):
        return b"".join([block async for block in blocks])


async def parts(body):
    for word in body.split(b" "):
        yield word


@pytest.fixture(params=[Shop])
def shop(world, tmp_path, request):
    opened = request.param(world, tmp_path / "vouchers.log")
    yield opened
    opened.store.close()


def waiting(shop, **options):
    """An `AsyncBuyer` with the purse and limits of `shop.buyer()`."""
    usual = shop.buyer()
    transport = InProcess(shop)
    buyer = AsyncBuyer(
        shop.world.payer,
        usual.budget,
        transport=transport,
        clock=lambda: shop.now,
        read_channel=shop.world.channels.channel,
        **options,
    )
    return buyer, transport


def owed(shop):
    return sum(kept.charged for kept in shop.store.channels().values())


def test_both_buyers_ask_and_pay_alike(shop):
    buyer, _ = waiting(shop)

    async def shopping():
        return [await buyer.fetch(URL, "POST", b"%d" % n) for n in range(4)]

    found = asyncio.run(shopping())
    asked = shop.requests
    again = shop.buyer(shop.world.stranger)
    shop.world.token.transfer(shop.world.payer, shop.world.stranger.address, 500)
    same = [again.fetch(URL, "POST", b"%d" % n) for n in range(4)]
    assert [(b.answer.body, b.paid) for b in found] == [(b.answer.body, b.paid) for b in same]
    assert shop.requests == 2 * asked == 10
    assert {kept.charged for kept in shop.store.channels().values()} == {40}


def test_lanes_let_so_many_tasks_buy_at_once(shop):
    buyer, transport = waiting(shop, lanes=4)

    async def shopping():
        calls = (buyer.fetch(URL, body=b"%d" % n) for n in range(20))
        return await asyncio.gather(*calls)

    found = asyncio.run(shopping())
    assert [b.answer.body for b in found] == [b"answer to %d" % n for n in range(20)]
    assert transport.most == 4
    assert len(shop.store.channels()) == 4
    assert owed(shop) == 200


def test_a_lost_answer_is_asked_for_again_and_charged_once(shop):
    buyer, _ = waiting(shop)

    def lose():
        shop.lose_answer = lambda: None
        raise Unreachable("cut off")

    async def shopping():
        await buyer.fetch(URL)
        shop.lose_answer = lose
        return await buyer.fetch(URL, body=b"1")

    assert asyncio.run(shopping()).answer.body == b"answer to 1"
    assert owed(shop) == 20


def test_what_is_left_comes_back(shop, world):
    buyer, _ = waiting(shop, lanes=2)

    async def shopping():
        await asyncio.gather(*(buyer.fetch(URL) for _ in range(5)))
        return await buyer.refund(URL)

    assert sum(back.amount for back in asyncio.run(shopping())) == 2 * 200 - 50
    assert sum(pocket.charged for pocket in buyer.pockets()) == 50


@pytest.mark.parametrize("shop", [StreamShop], indirect=True)
def test_a_stream_comes_in_blocks_and_costs_what_was_charged(shop, world):
    buyer, _ = waiting(shop)

    async def shopping():
        for _ in range(3):
            async with buyer.stream(URL, "POST", b"q") as found:
                assert (found.bought.answer.status, found.bought.paid) == (200, 10)
                assert [b async for b in found.blocks] == [b"one", b"two", b"three"]

    asyncio.run(shopping())
    assert owed(shop) == 24
    assert buyer.budget.spent(shop.terms.network, world.token.address) == 8 + 8 + 10


@pytest.mark.parametrize("shop", [StreamShop], indirect=True)
def test_a_lane_is_free_again_after_a_stream_was_left(shop):
    buyer, _ = waiting(shop)

    async def shopping():
        with pytest.raises(Gone):
            async with buyer.stream(URL) as found:
                assert await anext(found.blocks) == b"one"
                raise Gone
        async with buyer.stream(URL) as found:
            return [b async for b in found.blocks]

    assert asyncio.run(shopping()) == [b"one", b"two", b"three"]


def test_an_answer_that_is_refused_or_free_comes_as_one_block(shop):
    buyer, _ = waiting(shop)
    shop.work = lambda _: (500, b"broken")

    async def shopping():
        async with buyer.stream(URL) as found:
            return found.bought, [b async for b in found.blocks]

    bought, blocks = asyncio.run(shopping())
    assert (bought.paid, bought.answer.body, blocks) == (0, b"broken", [b"broken"])


def test_the_budget_holds_for_all_tasks_together(shop):
    buyer, _ = waiting(shop, lanes=8)
    shop.price = 50

    async def shopping():
        calls = (buyer.fetch(URL) for _ in range(250))
        return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(shopping())
    refused = [one for one in found if isinstance(one, InputError)]
    assert len(refused) >= 50
    assert owed(shop) == 50 * (250 - len(refused)) <= 10_000
