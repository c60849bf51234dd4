"""The world in which the contracts of the room are tested: one chain, and accounts by role."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.jobs import CohortClient, JobsClient

CONTRACTS = Path(__file__).parent / "contracts"
START = 1_700_000_000
DAY = 86_400
ROLES = ("sponsor", "provider", "evaluator", "ann", "bob", "cleo", "stranger", "minter")


def odd(name):
    """A contract that exists for tests alone."""
    return artifact_of(CONTRACTS / f"{name}.vy")


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


@dataclass
class World:
    """One chain with a token, the escrow and the cohort, and accounts by their role."""

    chain: Workbench
    token: Contract
    jobs: JobsClient
    cohort: CohortClient
    roles: dict[str, Account]

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


def build_world(token_name="CreditToken"):
    chain = open_chain("embedded:", clock=lambda: START)
    roles = {name: Account.local(name.encode()) for name in ROLES}
    for account in roles.values():
        chain.fund(account.address, 10**21)
    if token_name == "CreditToken":
        token = deploy(chain, roles["minter"], token_name, roles["minter"].address)
    else:
        token = deploy(chain, roles["minter"], odd(token_name))
    for name in ROLES[:-1]:
        token.transact(roles["minter"], "mint", roles[name].address, 1000 * TOKEN)
    jobs = deploy(chain, roles["minter"], "Jobs", token.address)
    cohort = deploy(chain, roles["minter"], "Cohort", token.address, jobs.address)
    return World(chain, token, JobsClient(jobs), CohortClient(cohort), roles)


@pytest.fixture(scope="session")
def one_world():
    return build_world()


@pytest.fixture(scope="session")
def odd_world():
    return build_world("OddToken")


@pytest.fixture(scope="session")
def silent_world():
    return build_world("SilentToken")


def undone(world):
    place = world.chain.snapshot()
    yield world
    world.chain.revert(place)


@pytest.fixture
def world(one_world):
    yield from undone(one_world)


@pytest.fixture
def odd_token_world(odd_world):
    yield from undone(odd_world)


@pytest.fixture
def silent_token_world(silent_world):
    yield from undone(silent_world)


@pytest.fixture(name="refused")
def refused_fixture():
    return refused


@pytest.fixture(name="odd")
def odd_fixture():
    return odd
