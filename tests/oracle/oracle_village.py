"""A network with a published model, a staked committee and nodes, in one folder."""

import json
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from counterpoise.core.digest import sha256
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, Net, input_commitment
from counterpoise.network import Network, create_network, open_network
from counterpoise.oracle import Inbox, OracleClient, Order, Policy, open_node, publish_model
from counterpoise.verification import Level, OptimisticClient, QuorumClient

MEMBERS = ("nina", "olaf", "pia")
HOUR, DAY = 3_600, 86_400
STAKE, FEE = 100 * TOKEN, 6 * TOKEN


def small_net(seed=0):
    """A net of 4 inputs, 3 hidden neurons and 2 outputs."""
    rng = np.random.default_rng(seed)
    hidden = Layer.folded(rng.integers(-64, 65, (3, 4)), [5, -9, 0], shift=7, hi=255)
    return Net((hidden, Layer(rng.integers(-64, 65, (2, 3)), [0, 1])))


MODEL = small_net()


@dataclass
class Village:
    """The network, opened, and what tests do on it."""

    network: Network

    @property
    def oracle(self):
        return OracleClient(self.network.contract("Oracle"))

    @property
    def quorum(self):
        return QuorumClient(self.network.contract("Quorum"))

    @property
    def optimistic(self):
        return OptimisticClient(self.network.contract("Optimistic"))

    @property
    def inbox(self):
        return Inbox(self.network.store, self.network.mailbox)

    def account(self, name):
        return self.network.account(name)

    @property
    def now(self):
        return self.network.chain.block().time

    def balance(self, who):
        token = self.network.contract("CreditToken")
        return token.call("balanceOf", getattr(who, "address", who))

    def fund(self, name, tokens=1000):
        account = self.account(name)
        self.network.chain.fund(account.address, 10**21)
        token = self.network.contract("CreditToken")
        token.transact(self.account("operator"), "mint", account.address, tokens * TOKEN)
        return account

    def ask(self, values=(10, 200, 3, 4), put=True, reference=False, **changes):
        """Ask about an input that is, or is not yet, in the inbox; give the request's id."""
        salt, row = sha256(bytes(values)), bytes(values)
        where = self.inbox.reference(salt, row) if reference else bytes(32)
        commitment = self.inbox.put(salt, row) if put else input_commitment(salt, row)
        terms = {"model": MODEL.id, "level": 0, "fee": FEE, "deadline": self.now + DAY}
        order = Order(**(terms | changes))
        return self.oracle.request(self.account("client"), order, commitment, where)

    def node(self, home, name="nina", levels=(Level.QUORUM,), policy=None, said=None):
        """A node in a home of its own; its clock is the chain's."""
        return open_node(
            self.network,
            self.account(name),
            home / name,
            levels=levels,
            policy=policy or Policy(courtesy_seconds=0, draw_at=0),
            say=(said if said is not None else []).append,
            clock=lambda: 0,
        )

    def turn(self, *nodes, times=1):
        """Let each node do what is due, with its input at hand."""
        for _ in range(times):
            for node in nodes:
                node.step()
                node.supply.wait(5)
                node.step()

    def settle(self, *nodes):
        """Let a round of the committee run to its end; once all have committed they reveal."""
        self.turn(*nodes)
        self.pass_time(2)
        self.turn(*nodes, times=2)

    def pass_time(self, seconds):
        """Let time pass, and a block show it."""
        self.network.warp(seconds)
        self.network.chain.mine()


def found(folder):
    """Found the village on an embedded chain and leave it in its folder."""
    with create_network(folder, seed=bytes(32)) as network:
        village = Village(network)
        for name in ("client", "liar", *MEMBERS):
            village.fund(name)
        for name in MEMBERS:
            village.quorum.join(village.account(name), STAKE)
        card = json.dumps({"toy": 1}).encode()
        publish_model(network, village.account("operator"), MODEL, name="toy", card=card)


@contextmanager
def opened(folder):
    """The village of a folder, opened anew."""
    with open_network(folder) as network:
        yield Village(network)
