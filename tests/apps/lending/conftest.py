"""The world in which the desk is tested: a real oracle, evaluators that say what they are told."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from counterpoise.apps.lending.desk import Application, DeskClient
from counterpoise.apps.lending.pricing import Point, Policy
from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, ModelsClient, Net

CONTRACTS = Path(__file__).parent / "contracts"
START = 1_700_000_000
PATIENCE = 3600
ROLES = ("lender", "clerk", "attester", "ann", "bob", "node", "stranger", "minter")
CURVE = (Point(0, 300), Point(20_000, 400), Point(50_000, 551), Point(166_667, 1490))


def policy_of(model):
    return Policy(
        model=model,
        nat=1000,
        curve=CURVE,
        min_amount=100 * TOKEN,
        max_amount=20_000 * TOKEN,
        max_exposure=50_000 * TOKEN,
        max_months=72,
        answer_seconds=600,
        offer_seconds=86_400,
        reference=bytes([1]) * 32,
    )


def answer(logit, decision=0):
    return logit.to_bytes(4, "big", signed=True) + decision.to_bytes(2, "big")


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


@dataclass
class World:
    """One chain with a token, an oracle, a desk, and accounts by their role."""

    chain: Workbench
    token: Contract
    oracle: Contract
    word: Contract
    desk: DeskClient
    policy: Policy
    roles: dict[str, Account]
    salt: int = 0

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

    def application(self, who=None, **changes):
        """An application with fresh data."""
        self.salt += 1
        fresh = keccak(b"data" + self.salt.to_bytes(8, "big"))
        asked = Application((who or self.ann).address, fresh, 1000 * TOKEN, 12, self.now + 100)
        return replace(asked, **changes)

    def apply(self, who=None, application=None, *, level=1, fee=TOKEN, **changes):
        """Apply, attested; give the loan's number."""
        who = who or self.ann
        asked = application or self.application(who, **changes)
        signature = self.desk.attest(self.attester, asked)
        return self.desk.number_in(self.desk.apply(who, asked, signature, level=level, fee=fee))

    def tell(self, number, words, status=3):
        """Let the evaluator give its verdict."""
        self.word.transact(self.node, "say", number, status, self.node.address, words)

    def deliver(self, number, words):
        """Let the oracle's answer be final and brought to the desk."""
        self.tell(number, words)
        return self.oracle.transact(self.stranger, "fulfil", number)

    def offered(self, who=None, logit=-3000, **changes):
        number = self.apply(who, **changes)
        self.deliver(number, answer(logit))
        return number

    def borrowed(self, who=None, logit=-3000, **changes):
        number = self.offered(who, logit, **changes)
        self.desk.accept(who or self.ann, number)
        return number


def build_world():
    chain = open_chain("embedded:", clock=lambda: START)
    roles = {name: Account.local(b"lending " + name.encode()) for name in ROLES}
    for account in roles.values():
        chain.fund(account.address, 10**21)
    minter = roles["minter"]
    token = deploy(chain, minter, "CreditToken", minter.address)
    models = ModelsClient.deploy(chain, minter)
    model = Net((Layer([[3, -2]], [-10]),))
    models.register(minter, model)
    word = deploy(chain, minter, artifact_of(CONTRACTS / "Word.vy"), 1)
    nobody = bytes(20)
    evaluators = [nobody, word.address, nobody, nobody]
    oracle = deploy(chain, minter, "Oracle", token.address, models.address, evaluators, PATIENCE)
    policy = policy_of(model.id)
    desk = DeskClient.deploy(
        minter,
        oracle,
        lender=roles["lender"].address,
        clerk=roles["clerk"].address,
        attester=roles["attester"].address,
        policy=policy,
    )
    for name in ("lender", "ann", "bob", "stranger"):
        token.transact(minter, "mint", roles[name].address, 100_000 * TOKEN)
        token.transact(roles[name], "approve", desk.address, 2**256 - 1)
    return World(chain, token, oracle, word, desk, policy, roles)


@pytest.fixture(scope="session")
def one_world():
    return build_world()


@pytest.fixture(scope="session")
def funded_world(one_world):
    """The lender has put 40,000 tokens in."""
    one_world.desk.deposit(one_world.lender, 40_000 * TOKEN)
    return one_world


@pytest.fixture
def world(funded_world):
    place = funded_world.chain.snapshot()
    yield funded_world
    funded_world.chain.revert(place)


@pytest.fixture(name="refused")
def refused_fixture():
    return refused
