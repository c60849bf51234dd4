"""Buyers that hang up, that share a channel, and strangers that send nonsense meanwhile."""

import asyncio
import random
from contextlib import contextmanager, suppress
from dataclasses import replace
from signal import SIGTERM

from buyers import Buyer
from lines import Line, Lost, connect, http, run
from sale import PATH, PRICE, bodies, charged, served, total

from counterpoise.chain import Account
from counterpoise.payments.wire import REQUIRED


@contextmanager
def gateway_of(sale, folder):
    sale.leave()
    gateway, store = served(sale, folder)
    gateway.start()
    try:
        yield gateway, store
    finally:
        assert gateway.stop() in (0, -SIGTERM)


def body(number):
    return bodies(1, number)[0]


async def hang_up(buyer, port, number, seconds):
    """Send a paid request and break the connection off a moment later."""
    line = await connect(port)
    asking = asyncio.create_task(line.ask(buyer.request(PATH, body(number))))
    await asyncio.sleep(seconds)
    await line.close()
    with suppress(Lost):
        await asking


async def impatient(buyer, port, calls, random_seconds):
    """Hang up on most requests, then ask for the same once more."""
    for number in range(calls):
        for _ in range(2):
            await hang_up(buyer, port, number, random_seconds())
        await buyer.buy(port, PATH, body(number))


def test_buyers_that_hang_up_get_their_answer_when_they_ask_again_and_pay_once(sale, tmp_path):
    buyers, calls, seconds = sale.buyers(8, calls=20), 20, random.Random(3)

    async def all_shop(port):
        tasks = (impatient(b, port, calls, lambda: seconds.uniform(0, 0.02)) for b in buyers)
        await asyncio.gather(*tasks)

    with gateway_of(sale, tmp_path) as (gateway, store):
        run(all_shop(gateway.port))
    assert (total(buyers, "unserved"), total(buyers, "answered")) == (0, 8 * calls)
    assert charged(store) == {buyer.channel: calls * PRICE for buyer in buyers}
    assert sale.received(store) == 8 * calls * PRICE


async def share(buyer, port, bodies):
    """One of several workers that use a channel without asking each other."""
    line, refused = await connect(port), 0
    for one in bodies:
        while True:
            ceiling = buyer.books.charged + PRICE
            answer = await line.ask(http(PATH, one, buyer.payment(ceiling)))
            if answer.status == 200:
                buyer.books.answered += 1
                buyer.books.charged = max(buyer.books.charged, ceiling)
                break
            assert answer.told(REQUIRED)["error"].endswith(("busy", "amount_mismatch"))
            refused += 1
            await asyncio.sleep(0.005)
    return refused


def test_workers_that_share_a_channel_are_refused_until_it_is_free_and_none_pays_twice(
    sale, tmp_path
):
    (buyer,) = sale.buyers(1, calls=100)

    async def work(port):
        workers = (share(buyer, port, [body(10 * w + i) for i in range(10)]) for w in range(4))
        return await asyncio.gather(*workers)

    with gateway_of(sale, tmp_path) as (gateway, store):
        refused = run(work(gateway.port))
    assert sum(refused) > 0, "no two calls met"
    assert charged(store) == {buyer.channel: 40 * PRICE} == {buyer.channel: buyer.books.signed}
    assert sale.received(store) == 40 * PRICE


def nonsense(sale, buyer, random_bytes):
    """Requests that must be refused, each for another reason."""
    stranger = Account.local(random_bytes(8))
    elsewhere = replace(sale.terms, chain_id=1)
    other_token = replace(sale.terms, token=random_bytes(20))
    unfilled = Buyer(stranger, sale.config(stranger), sale.terms, PRICE)
    thief = Buyer(stranger, buyer.config, sale.terms, PRICE)
    wrong_chain = Buyer(buyer.account, buyer.config, elsewhere, PRICE)
    wrong_token = Buyer(
        buyer.account, replace(buyer.config, token=other_token.token), other_token, PRICE
    )
    cheap = Buyer(buyer.account, buyer.config, sale.terms, PRICE - 1)
    return [
        (402, http(PATH, body(0))),
        (402, http(PATH, body(0), "no base64")),
        (402, http(PATH, body(0), "e30=")),
        (402, unfilled.request(PATH, body(0))),
        (402, thief.request(PATH, body(0))),
        (402, wrong_chain.request(PATH, body(0))),
        (402, wrong_token.request(PATH, body(0))),
        (402, cheap.request(PATH, body(0))),
        (402, http(PATH, body(0), buyer.payment(10**24))),
        (413, http(PATH, bytes(1 << 21))),
        (404, http("/nothing", body(0))),
        (405, http(PATH, body(0), method="DELETE")),
    ]


async def pester(sale, buyer, port, rounds, random_bytes):
    """Send nonsense, each piece on a connection of its own."""
    for _ in range(rounds):
        for status, request in nonsense(sale, buyer, random_bytes):
            line = await connect(port)
            answer = await line.ask(request)
            assert answer.status == status, (request[:300], answer)
            assert b"Traceback" not in answer.body
            await line.close()


def test_nonsense_from_strangers_costs_no_buyer_anything_and_leaves_nothing_behind(sale, tmp_path):
    buyers, chance = sale.buyers(4, calls=100), random.Random(5)
    (victim,) = sale.buyers(1, calls=100, name="victim")

    async def life(gateway):
        await pester(sale, victim, gateway.port, 2, chance.randbytes)
        memory, files = gateway.memory, gateway.files
        await asyncio.gather(
            pester(sale, victim, gateway.port, 30, chance.randbytes),
            *(buyer.shop(gateway.port, PATH, bodies(50)) for buyer in buyers),
        )
        for line in list(Line.opened):
            await line.close()
        await asyncio.sleep(0.2)
        assert gateway.files <= files + 2
        assert gateway.memory - memory < 16 << 20

    with gateway_of(sale, tmp_path) as (gateway, store):
        run(life(gateway))
    assert charged(store) == {buyer.channel: 50 * PRICE for buyer in buyers}
