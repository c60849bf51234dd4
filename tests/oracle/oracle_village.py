"""A network with an oracle, a published model, a staked committee and nodes, in one folder."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from counterpoise.chain import deploy
from counterpoise.core.digest import sha256
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, ModelsClient, Net
from counterpoise.network import Network, create_network, open_network
from counterpoise.oracle import Inbox, OracleClient, OracleNode, Order, Policy, publish_model
from counterpoise.verification import Level, Quorum, QuorumClient, QuorumTerms, fetch_verdict

MEMBERS = ("nina", "olaf", "pia")
DAY, WINDOW = 86_400, 60
STAKE, FEE = 100 * TOKEN, 6 * TOKEN
NOBODY = bytes(20)


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
    def inbox(self):
        return Inbox(self.network.store, self.network.mailbox)

    def account(self, name):
        return self.network.account(name)

    @property
    def now(self):
        return self.network.chain.block().time

    def fund(self, name, tokens=1000):
        account = self.account(name)
        self.network.chain.fund(account.address, 10**21)
        token = self.network.contract("CreditToken")
        token.transact(self.account("operator"), "mint", account.address, tokens * TOKEN)
        return account

    def ask(self, values=(10, 200, 3, 4), put=True, reference=False, **changes):
        """Ask about an input that is, or is not yet, in the inbox; give the request's id."""
        salt = sha256(bytes(values))
        if reference:
            where = self.inbox.reference(salt, bytes(values))
        else:
            where = bytes(32)
        commitment = self.inbox.put(salt, bytes(values)) if put else commit(salt, values)
        terms = {"model": MODEL.id, "level": 0, "fee": FEE, "deadline": self.now + DAY}
        order = Order(**(terms | changes))
        return self.oracle.request(self.account("client"), order, commitment, where)

    def node(self, home, name="nina", levels=None, policy=None, said=None, **changes):
        """A node of the committee; its clock is the chain's."""
        usual = {Level.QUORUM: Quorum(self.quorum, clock=lambda: 0)} if levels is None else levels
        evaluators = {0: self.quorum.contract} | changes.pop("evaluators", {})

        def verdict_of(level, id_):
            return fetch_verdict(evaluators[level], self.oracle.address, id_)

        return OracleNode(
            self.network,
            self.account(name),
            usual,
            verdict_of,
            home / name,
            policy or Policy(courtesy_seconds=0, draw_at=0),
            say=(said if said is not None else []).append,
            clock=lambda: 0,
            **changes,
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


def commit(salt, values):
    from counterpoise.inference import input_commitment

    return input_commitment(salt, bytes(values))


def found(folder, members=MEMBERS):
    """Found the village on an embedded chain and leave it in its folder."""
    network = create_network(folder, seed=bytes(32))
    chain, operator = network.chain, network.account("operator")
    token = network.contract("CreditToken").address
    models = ModelsClient.deploy(chain, operator).contract
    terms = QuorumTerms(token, STAKE, 2, commit_seconds=WINDOW, reveal_seconds=WINDOW)
    quorum = QuorumClient.deploy(chain, operator, terms).contract
    evaluators = [quorum.address, NOBODY, NOBODY, NOBODY]
    oracle = deploy(chain, operator, "Oracle", token, models.address, evaluators, 7 * DAY)
    named = {c.artifact.name: c.address for c in (models, quorum, oracle)}
    contracts = {**network.charter.contracts, **named}
    network.charter = replace(network.charter, contracts=contracts)
    (folder / "network.json").write_text(network.charter.to_json())
    village = Village(network)
    village.fund("client")
    for name in members:
        village.quorum.join(village.fund(name), STAKE)
    publish_model(network, operator, MODEL, name="toy", card=json.dumps({"toy": 1}).encode())
    return village


@contextmanager
def opened(folder):
    """The village of a folder, opened anew."""
    with open_network(folder) as network:
        yield Village(network)
