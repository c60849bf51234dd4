"""A gateway of every tongue on a network of its own, served over real HTTP; and who buys there."""

import contextlib
import socket
import threading
import time

import uvicorn
from small_upstream import KEY

from counterpoise.chain import Account
from counterpoise.chain.rpc.server import RpcServer
from counterpoise.core.units import to_checksum
from counterpoise.jobs import TokenClient
from counterpoise.market.gateway.running import Running
from counterpoise.market.gateway.settings import load_settings
from counterpoise.network import create_network
from counterpoise.payments import Allowance, Budget, Buyer

FREE = "0 per call"
MODELS = """
[[service]]
name = "texts"
kind = "openai"
"""


def model(**members):
    lines = [f"{name} = {value!r}" for name, value in members.items()]
    return "[[service.models]]\n" + "\n".join(lines) + "\n"


class Stall:
    """A running gateway; `address` is where it is found."""

    def __init__(self, folder, config, monkeypatch=None):
        self.network = create_network(folder / "network")
        self.seller = self.network.account("seller")
        self.network.fund(self.seller.address, 10**21)
        ahead = int(time.time()) - self.network.chain.block().time
        if ahead > 0:
            self.network.warp(ahead)
        self.socket = socket.socket(proto=socket.IPPROTO_TCP)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        (folder / "gateway.toml").write_text(config)
        self.said = []
        self.running = Running(
            self.network,
            self.seller,
            load_settings(folder / "gateway.toml"),
            url=self.address,
            say=self.said.append,
        )
        self.store = self.running.store

    @contextlib.contextmanager
    def open(self):
        config = uvicorn.Config(
            self.running.app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [self.socket]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()
            self.running.close()
            self.network.close()
            self.socket.close()

    @property
    def token(self):
        return TokenClient(self.network.contract("CreditToken"))

    def payer(self, name="a buyer", amount=10**24):
        account = Account.local(name.encode())
        self.token.mint(self.network.account("operator"), account.address, amount)
        return account

    def place(self):
        return f"eip155:{self.network.chain.chain_id()}", self.token.address

    def budget(self, call=10**21, deposit=10**23, total=10**24):
        return Budget({self.place(): Allowance(call=call, deposit=deposit, total=total)})

    def buyer(self, account=None, **options):
        return Buyer(account or self.payer(), self.budget(), **options)

    def charged(self):
        return sum(kept.charged for kept in self.store.channels().values())

    @contextlib.contextmanager
    def rpc(self):
        server = RpcServer(self.network.chain, port=0)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def strangers_arguments(self, account, rpc):
        """What a script of a stranger's package is told."""
        network, token = self.place()
        return ["0x" + account.key.hex(), rpc, network, to_checksum(token)]


def chat_model(upstream, name="chat", price="0.000001 per token", **more):
    return model(
        name=name,
        engine="upstream",
        task="chat",
        url=upstream.address + "/v1",
        key_env="SMALL_UPSTREAM_KEY",
        price=price,
        **more,
    )


def embeddings_model(upstream, name="find", price="0.001 per call"):
    return model(
        name=name,
        engine="upstream",
        task="embeddings",
        url=upstream.address + "/v1",
        key_env="SMALL_UPSTREAM_KEY",
        price=price,
    )


def set_key(monkeypatch):
    monkeypatch.setenv("SMALL_UPSTREAM_KEY", KEY)
