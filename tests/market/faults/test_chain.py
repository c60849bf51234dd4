"""The chain turns under a gateway: deposits and claims that vanish, withdrawals, a silent node."""

import asyncio
import socket
import threading
from contextlib import contextmanager, suppress

from buyers import Refused
from lines import run
from sale import PATH, PRICE, bodies, charged, served, total

from counterpoise.chain.rpc.server import RpcServer

PATIENCE = 15


class Lines(RpcServer):
    """A node that can break off the connections it has."""

    def __init__(self, *place, **options):
        self.lines = []
        super().__init__(*place, **options)

    def process_request(self, request, client_address):
        self.lines.append(request)
        super().process_request(request, client_address)


class Node:
    """The chain's node, in this process, on a port that it keeps."""

    def __init__(self, chain):
        self.chain, self.server = chain, None
        self.start(0)
        self.url = self.server.url

    def start(self, port):
        self.server = Lines(self.chain, port=port)
        threading.Thread(target=self.server.serve_forever, args=(0.02,)).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for line in self.server.lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


@contextmanager
def gateway_of(sale, folder):
    node = Node(sale.opened.chain)
    gateway, store = served(sale, folder, chain=node.url)
    gateway.start()
    try:
        yield gateway, store, node
    finally:
        gateway.stop()
        node.stop()


async def until(is_so):
    """Wait until something is so."""
    for _ in range(20 * PATIENCE):
        if is_so():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come to be so")


async def refused(buyer, port, start):
    """Buy until the seller refuses; give its reason and how many answers came before."""
    for number in range(200):
        try:
            await buyer.buy(port, PATH, bodies(1, start + number)[0])
        except Refused as reason:
            return str(reason), number
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was refused")


def test_a_deposit_that_a_reorganisation_takes_back_is_noticed_and_what_was_served_is_owed(
    sale, tmp_path
):
    (buyer,) = sale.buyers(1, calls=1000, filled=False)
    deposit, chain = buyer.deposit, sale.opened.chain

    async def life(port, before):
        await buyer.shop(port, PATH, bodies(3))
        chain.reorg(chain.block().number - before, keep=False)
        assert sale.channels.channel(buyer.config).balance == 0
        reason, _ = await refused(buyer, port, 100)
        assert reason.endswith("cumulative_exceeds_balance")
        buyer.deposit = deposit
        await buyer.shop(port, PATH, bodies(3, 50))

    with gateway_of(sale, tmp_path) as (gateway, store, _):
        run(life(gateway.port, chain.block().number))
    assert charged(store) == {buyer.channel: buyer.books.charged}
    assert buyer.books.charged == buyer.books.answered * PRICE >= 6 * PRICE
    assert sale.received(store) == buyer.books.charged


def test_a_claim_that_a_reorganisation_takes_back_is_brought_again(sale, tmp_path):
    buyer, leaver = sale.buyers(2, calls=1000)
    chain, channels = sale.opened.chain, sale.channels
    sale.opened.fund(leaver.account.address, 10**18)

    async def life(port):
        await buyer.shop(port, PATH, bodies(3))
        await leaver.shop(port, PATH, bodies(4))
        before = chain.block().number
        channels.initiate_withdraw(leaver.account, leaver.config, PRICE)
        await until(lambda: channels.channel(leaver.config).claimed == 4 * PRICE)
        chain.reorg(chain.block().number - before - 1, keep=False)
        assert channels.channel(leaver.config).claimed == 0
        await asyncio.sleep(1)
        await buyer.shop(port, PATH, bodies(3, 10))

    with gateway_of(sale, tmp_path) as (gateway, store, _):
        run(life(gateway.port))
    assert charged(store) == {buyer.channel: 6 * PRICE, leaver.channel: 4 * PRICE}
    assert channels.channel(leaver.config).claimed == 4 * PRICE
    assert sale.received(store) == 10 * PRICE


def test_a_payer_that_withdraws_while_it_buys_pays_for_every_answer_it_got(sale, tmp_path):
    (buyer,) = sale.buyers(1, calls=1000)
    chain, channels, token = sale.opened.chain, sale.channels, sale.token
    sale.opened.fund(buyer.account.address, 10**18)

    async def life(port):
        buying = asyncio.create_task(refused(buyer, port, 0))
        await until(lambda: buyer.books.answered > 3)
        rest = channels.channel(buyer.config).balance
        await asyncio.to_thread(channels.initiate_withdraw, buyer.account, buyer.config, rest)
        reason, _ = await buying
        assert reason == "withdrawal_pending"
        owed = buyer.books.charged
        await until(lambda: channels.channel(buyer.config).claimed == owed)

    with gateway_of(sale, tmp_path) as (gateway, store, _):
        run(life(gateway.port))
        chain.warp(901)
        channels.finalize_withdraw(buyer.account, buyer.config)
    assert charged(store) == {buyer.channel: buyer.books.answered * PRICE}
    assert sale.received(store) == buyer.books.charged
    assert token.balance(buyer.account.address) == 1000 * PRICE - buyer.books.charged


def test_calls_go_on_while_the_node_is_away_and_new_channels_wait_for_it(sale, tmp_path):
    (known,) = sale.buyers(1, calls=100)
    (new,) = sale.buyers(1, calls=100, filled=False, name="new")

    async def life(port, node):
        await known.shop(port, PATH, bodies(3))
        node.stop()
        await known.shop(port, PATH, bodies(20, 10))
        joining = asyncio.create_task(new.shop(port, PATH, bodies(3)))
        await until(lambda: new.books.failed > 0)
        node.start(int(node.url.rpartition(":")[2]))
        await joining

    with gateway_of(sale, tmp_path) as (gateway, store, node):
        run(life(gateway.port, node))
    assert (total([known, new], "answered"), total([known, new], "unserved")) == (26, 0)
    assert sale.received(store) == 26 * PRICE
