"""The stock SDK of x402, unmodified: its client pays our till, our client pays its server."""

import json
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from paid_shop import Shop, StreamShop

from counterpoise.chain.rpc.server import RpcServer
from counterpoise.core.errors import Unreachable
from counterpoise.core.units import to_checksum
from counterpoise.payments import Connections, send_by_http

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".tools" / "x402" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="needs make market-sdk")


# Our own choice of a hash function is none that the SDK's environment has.
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "ETH_HASH_BACKEND"}


def running(server):
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    return server


@pytest.fixture
def rpc(world):
    server = running(RpcServer(world.chain, port=0))
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=[Shop])
def shop(world, tmp_path, request):
    # The SDK's clock is the machine's, and the chain's must agree with it.
    ahead = int(time.time()) - world.chain.block().time
    if ahead > 0:
        world.chain.warp(ahead)
    opened = request.param(world, tmp_path / "vouchers.log")
    opened.till._clock = time.time
    yield opened
    opened.store.close()


@pytest.fixture
def address(shop):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self.answer(body)

        def do_GET(self):
            self.answer(b"")

        def answer(self, body):
            place = "http://shop" + self.path
            answer = shop(self.command, place, dict(self.headers.items()), body)
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

    server = running(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    yield f"http://127.0.0.1:{server.server_address[1]}/answer"
    server.shutdown()
    server.server_close()


def network(world):
    return f"eip155:{world.chain.chain_id()}"


def shopping(world, rpc, address, scheme, *refunds):
    """What the stock client got for four requests, and for asking for refunds."""
    key, token = "0x" + world.payer.key.hex(), to_checksum(world.token.address)
    place = [network(world), token, "4", *refunds]
    command = [PYTHON, HERE / "sdk_client.py", address, rpc, key, scheme, *place]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("scheme", ["batch-settlement", "exact"])
def test_the_stock_client_pays_our_till(shop, world, rpc, address, scheme):
    before = world.balance(world.receiver)
    wanted = [{"status": 200, "body": f"answer to {n}", "paid": True} for n in range(4)]
    assert shopping(world, rpc, address, scheme) == wanted
    if scheme == "exact":
        assert world.balance(world.receiver) - before == 40
        return
    assert [kept.charged for kept in shop.store.channels().values()] == [40]
    settlement = shop.settlement()
    assert settlement.claim().amount == 40
    settlement.settle()
    assert world.balance(world.receiver) - before == 40


@pytest.mark.parametrize("shop", [StreamShop], indirect=True)
def test_the_stock_client_is_set_right_after_streams_that_cost_less(shop, world, rpc, address):
    wanted = [{"status": 200, "body": "one two three", "paid": True}] * 4
    assert shopping(world, rpc, address, "batch-settlement") == wanted
    assert [kept.charged for kept in shop.store.channels().values()] == [4 * 8]
    assert shop.requests == 2 + 3 * 3  # unpaid, over a lost count, set right


def test_our_till_honours_the_stock_clients_wish_for_a_refund(shop, world, rpc, address):
    before = world.balance(world.payer)
    *calls, part, rest = shopping(world, rpc, address, "batch-settlement", "30", "all")
    assert [row["status"] for row in calls] == [200] * 4
    assert (part["success"], part["amount"]) == (True, "30")
    assert (rest["success"], rest["amount"]) == (True, "130")
    assert rest["extra"]["channelState"]["refundNonce"] == "2"
    assert before - world.balance(world.payer) == 40
    assert world.channels.earned(world.receiver.address, world.token.address).claimed == 40


@pytest.mark.parametrize("shop", [StreamShop], indirect=True)
def test_the_stock_client_gets_back_what_streams_did_not_cost(shop, world, rpc, address):
    before = world.balance(world.payer)
    *_, rest = shopping(world, rpc, address, "batch-settlement", "all")
    assert rest["success"]
    assert before - world.balance(world.payer) == 4 * 8


@pytest.fixture
def stock_server(world, rpc):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = ["0x" + world.relay.key.hex(), to_checksum(world.receiver.address)]
    keys += ["0x" + world.authorizer.key.hex(), network(world), to_checksum(world.token.address)]
    command = [PYTHON, HERE / "sdk_server.py", str(port), rpc, *keys]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    place = f"http://127.0.0.1:{port}"
    try:
        wait_for(place, process)
        yield place
    finally:
        process.terminate()
        process.communicate()


def wait_for(place, process):
    for _ in range(600):
        assert process.poll() is None, process.stderr.read()[-2000:]
        try:
            send_by_http("GET", place, {}, b"")
        except Unreachable:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the stock server does not start")


def test_our_client_pays_a_stock_server(shop, world, stock_server):
    buyer = shop.buyer(
        send=Connections(), clock=time.time, read_channel=world.channels.channel, most=500
    )
    before = world.balance(world.receiver)
    for _ in range(3):
        bought = buyer.fetch(stock_server + "/batch", "POST", b"{}")
        assert (bought.answer.status, bought.paid) == (200, 10)
        assert json.loads(bought.answer.body) == {"answer": "batch"}
    (back,) = buyer.refund(stock_server + "/batch", "POST")
    assert int(back.extra["channelState"]["refundNonce"]) == 1
    assert buyer.refund(stock_server + "/batch", "POST") == []
    earned = world.channels.earned(world.receiver.address, world.token.address)
    assert (earned.claimed, buyer.pockets()[0].balance) == (30, 30)
    again = shop.buyer(send=send_by_http, clock=time.time, read_channel=world.channels.channel)
    assert again.fetch(stock_server + "/batch", "POST", b"{}").paid == 10
    for _ in range(2):
        bought = buyer.fetch(stock_server + "/exact", "POST", b"{}")
        assert json.loads(bought.answer.body) == {"answer": "exact"}
    assert world.balance(world.receiver) - before == 20
