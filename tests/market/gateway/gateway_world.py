"""A founded network with a seller and buyers, a configuration with two models, and servers."""

import asyncio
import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import httpx
import numpy as np
import uvicorn
from onnx import TensorProto, helper

from counterpoise.core.errors import Unreachable
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, Net, save_model
from counterpoise.market.gateway.running import Running
from counterpoise.market.gateway.service import Chunk, NotServed, Quote, Reply, Route, Stream
from counterpoise.market.gateway.settings import load_settings
from counterpoise.network import create_network
from counterpoise.payments import Allowance, Answer, Budget, Buyer

PRICE = TOKEN // 1000
CONFIG = """
[seller]
name = "Test Seller"
home = "home"
calls_per_deposit = 50
claim_seconds = 0
anchor_seconds = 0

[[service]]
kind = "onnx"
name = "sums"
file = "sums.onnx"
price = "0.001 per call"

[[service]]
kind = "integer"
name = "net"
file = "net.model"
price = "0.002 per call"
"""


def sums_graph():
    """An ONNX graph: y = x·w + 1 for rows of three, and whether y is above 10."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3, 1], [1.0, 2.0, 3.0])
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    ten = helper.make_tensor("ten", TensorProto.FLOAT, [1], [10.0])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "one"], ["y"]),
        helper.make_node("Greater", ["y", "ten"], ["above"]),
    ]
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1]),
            helper.make_tensor_value_info("above", TensorProto.BOOL, ["n", 1]),
        ],
        [weights, one, ten],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.ir_version = 8
    return made.SerializeToString()


def small_net():
    rng = np.random.default_rng(0)
    hidden = Layer.folded(rng.integers(-64, 65, (3, 4)), [5, -9, 0], shift=7, hi=255)
    return Net((hidden, Layer(rng.integers(-64, 65, (2, 3)), [0, 1])))


NET = small_net()


def found_network(folder):
    """Found a network with models beside it, ready to be sold."""
    network = create_network(folder / "state", seed=bytes(32))
    for name in ("seller", "buyer", "other"):
        fund(network, name)
    (folder / "sums.onnx").write_bytes(sums_graph())
    save_model(NET, folder / "net.model")
    (folder / "gateway.toml").write_text(CONFIG, encoding="utf-8")
    return network


def fund(network, name, tokens=100):
    account = network.account(name)
    network.fund(account.address, 10**18)
    token = network.contract("CreditToken")
    token.transact(network.account("operator"), "mint", account.address, tokens * TOKEN)
    return account


def infer_body(rows=((1.0, 2.0, 3.0),), **more):
    flat = [value for row in rows for value in row]
    inputs = [{"name": "x", "shape": [len(rows), 3], "datatype": "FP32", "data": flat}]
    return json.dumps({"inputs": inputs, **more}).encode()


def bytes_body(values=(10, 200, 3, 4), **more):
    tensor = {"name": "bytes", "shape": [1, 4], "datatype": "UINT8", "data": list(values)}
    return json.dumps({"inputs": [tensor], **more}).encode()


class Toy:
    """Echoes for a price; a test sets what goes wrong."""

    name = "toy"
    levels = ()
    routes = (Route("POST", "/toy", media=("text/plain",)), Route("POST", "/free", is_free=True))

    def __init__(self):
        self.price, self.charge, self.served, self.pause = 100, None, 0, 0.0
        self.fault = None
        self.pieces = ()

    def quote(self, call):
        if call.body == b"bad":
            raise NotServed(422, "this is bad")
        return Quote(self.price)

    async def serve(self, call):
        self.served += 1
        await asyncio.sleep(self.pause)
        if self.fault is not None:
            raise self.fault
        if self.pieces:
            return Stream(self._chunks(), media="text/plain", farewell=self._farewell)
        return Reply(b"%d " % self.served + call.body, media="text/plain", charge=self.charge)

    async def _chunks(self):
        for number, piece in enumerate(self.pieces, 1):
            await asyncio.sleep(self.pause)
            if isinstance(piece, Exception):
                raise piece
            yield Chunk(piece, 10 * number)

    def _farewell(self, headers):
        return b"|" + headers["payment-response"].encode()

    def problem(self, status, message):
        return f"toy says {status}: {message}".encode(), "text/plain"

    async def close(self):
        self.pieces = ()


SUMS, NETS = "/v2/models/sums/infer", "/v2/models/net/infer"


class Sale:
    """A gateway that runs in a thread, and what buyers and sellers do with it."""

    def __init__(self, network, folder, config=None, more=(), clock=time.time):
        self.network, self.folder, self.said = network, folder, []
        if config is not None:
            (folder / "gateway.toml").write_text(config, encoding="utf-8")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        with ExitStack() as opened:
            opened.callback(self.listener.close)
            self.running = Running(
                network,
                network.account("seller"),
                load_settings(folder / "gateway.toml"),
                url=self.url,
                say=self.said.append,
                more=more,
                clock=clock,
            )
            opened.pop_all()
        settings = {"http": "httptools", "ws": "none", "log_level": "error", "access_log": False}
        self.server = uvicorn.Server(uvicorn.Config(self.running.app, lifespan="on", **settings))
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],))
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def close(self):
        self.client.close()
        self.server.should_exit = True
        self.thread.join()
        self.running.close()

    def send(self, method, address, headers, body):
        """A buyer's transport over connections that stay open."""
        try:
            found = self.client.request(method, address, headers=dict(headers), content=body)
        except httpx.HTTPError as failed:
            raise Unreachable(str(failed)) from None
        return Answer(found.status_code, dict(found.headers), found.content)

    def buyer(self, name="buyer", **options):
        place = f"eip155:{self.network.chain.chain_id()}", self.token.address
        budget = Budget({place: Allowance(call=5 * TOKEN, deposit=10 * TOKEN, total=100 * TOKEN)})
        account = self.network.account(name)
        return Buyer(account, budget, **{"send": self.send, **options})

    @property
    def token(self):
        return self.network.contract("CreditToken")

    def buy(self, buyer, path=SUMS, body=None, headers=None):
        body = infer_body() if body is None else body
        return buyer.fetch(self.url + path, "POST", body, headers or {})


@contextmanager
def selling(network, folder, **options):
    sale = Sale(network, folder, **options)
    try:
        yield sale
    finally:
        sale.close()
