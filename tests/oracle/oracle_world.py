"""The world in which the oracle's contracts are tested: a chain, told evaluators, a consumer."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, ModelsClient, Net, input_commitment
from counterpoise.oracle import AssertionsClient, OracleClient, Order
from counterpoise.verification import Status

CONTRACTS = Path(__file__).parent / "contracts"
ODD_TOKEN = Path(__file__).parents[1] / "jobs" / "contracts" / "OddToken.vy"
START = 1_700_000_000
DAY = 86_400
PATIENCE = 7 * DAY
FEE = 6 * TOKEN
ROLES = ("client", "other", "ann", "bob", "cleo", "stranger", "minter")
NET = Net((Layer([[3, -2]], [-10]),))
SALT, VALUES = b"\x05" * 32, bytes((10, 2))
COMMITMENT = input_commitment(SALT, VALUES)
ANSWER = NET.answer(VALUES)
EVIDENCE = b"\x0e" * 32


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


@dataclass
class World:
    """One chain with a token, a registered model, four told evaluators and the two contracts."""

    chain: Workbench
    token: Contract
    models: ModelsClient
    levels: list[Contract]
    oracle: OracleClient
    assertions: AssertionsClient
    consumer: Contract
    roles: dict[str, Account] = field(repr=False)

    def __getattr__(self, name):
        if name in self.__dict__.get("roles", {}):
            return self.roles[name]
        raise AttributeError(name)

    @property
    def now(self):
        """The time of the next block."""
        return self.chain.block().time + 1

    def balance(self, who):
        return self.token.call("balanceOf", getattr(who, "address", who))

    def warp_to(self, when):
        """Make the next block that of this time."""
        self.chain.warp(when - 1 - self.chain.block().time)
        assert self.now == when

    def order(self, **changes):
        """An order of the client's, with what a test wants changed."""
        usual = {"model": NET.id, "level": 1, "fee": FEE, "deadline": self.now + DAY}
        return Order(**(usual | changes))

    def ask(self, commitment=COMMITMENT, **changes):
        return self.oracle.request(self.client, self.order(**changes), commitment)

    def tell(self, id_, status=Status.FINAL, providers=("ann",), answer=ANSWER, time=None):
        """Let the evaluator of a request's level say this of it."""
        evaluator = self.levels[self.oracle.request_of(id_).level]
        addresses = [self.roles[name].address for name in providers]
        when = self.now if time is None else time
        values = (int(status), addresses, answer, EVIDENCE, when)
        return evaluator.transact(self.stranger, "tell", self.oracle.address, id_, *values)

    def answered(self, **changes):
        """A request that was answered and fulfilled."""
        id_ = self.ask(**changes)
        self.tell(id_)
        self.oracle.fulfil(self.stranger, id_)
        return id_


def build_world(token=None):
    chain = open_chain("embedded:", clock=lambda: START)
    roles = {name: Account.local(name.encode()) for name in ROLES}
    for account in roles.values():
        chain.fund(account.address, 10**21)
    minter = roles["minter"]
    if token is None:
        coin = deploy(chain, minter, "CreditToken", minter.address)
    else:
        coin = deploy(chain, minter, artifact_of(token))
    for name in ROLES[:-1]:
        coin.transact(minter, "mint", roles[name].address, 10_000 * TOKEN)
    models = ModelsClient.deploy(chain, minter)
    models.register(minter, NET)
    told = artifact_of(CONTRACTS / "ToldEvaluator.vy")
    levels = [deploy(chain, minter, told, level) for level in range(4)]
    addresses = [level.address for level in levels]
    oracle = deploy(chain, minter, "Oracle", coin.address, models.address, addresses, PATIENCE)
    terms = (10 * TOKEN, 7200, DAY, PATIENCE)
    assertions = deploy(chain, minter, "Assertions", coin.address, addresses[0], *terms)
    consumer = deploy(chain, minter, artifact_of(CONTRACTS / "Consumer.vy"))
    coin.transact(minter, "mint", consumer.address, 1_000 * TOKEN)
    clients = (OracleClient(oracle), AssertionsClient(assertions))
    return World(chain, coin, models, levels, *clients, consumer, roles)
