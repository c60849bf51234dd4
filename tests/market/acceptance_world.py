"""The world in which acceptance is tested: an escrow, a told arbiter, and the parties."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.errors import Reverted
from counterpoise.core.units import TOKEN
from counterpoise.jobs import JobsClient
from counterpoise.market.acceptance_client import AcceptanceClient
from counterpoise.market.acceptance_rules import AcceptanceTerms
from counterpoise.verification import Status

TOLD = Path(__file__).parents[1] / "oracle" / "contracts" / "ToldEvaluator.vy"
PUPPET = Path(__file__).parents[1] / "jobs" / "contracts" / "Puppet.vy"
START = 1_700_000_000
HOUR, DAY = 3_600, 86_400
BUDGET, BOND = 100 * TOKEN, 10 * TOKEN
WORK, GROUNDS, EVIDENCE = b"\x0d" * 32, b"\x06" * 32, b"\x0e" * 32
YES, NO = b"\0\1", b"\0\0"
ROLES = ("client", "provider", "ann", "bob", "stranger", "minter")


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


@dataclass
class World:
    """One chain with a token, an escrow, acceptance, and an arbiter who says what it is told."""

    chain: Workbench
    token: Contract
    jobs: JobsClient
    arbiter: Contract
    acceptance: AcceptanceClient
    roles: dict[str, Account] = field(repr=False)

    def __getattr__(self, name):
        if name in self.__dict__.get("roles", {}):
            return self.roles[name]
        raise AttributeError(name)

    @property
    def now(self):
        """The time of the next block."""
        return self.chain.block().time + 1

    @property
    def usual(self):
        return AcceptanceTerms(self.arbiter.address, TOKEN, DAY, HOUR, HOUR, 2 * HOUR)

    def balance(self, who):
        return self.token.call("balanceOf", getattr(who, "address", who))

    def warp_to(self, when):
        """Make the next block that of this time."""
        if self.now != when:
            self.chain.warp(when - 1 - self.chain.block().time)
        assert self.now == when

    def open(self, expires=None, budget=BUDGET, **parties):
        """A job of the client's that is priced and not funded."""
        usual = {"provider": self.provider.address, "evaluator": self.acceptance.address}
        job = self.jobs.create(
            self.client,
            expires=expires or self.now + 7 * DAY,
            hook=self.acceptance.address,
            **(usual | parties),
        )
        self.jobs.set_budget(self.client, job, budget)
        return job

    def funded(self, terms=None, **options):
        job = self.open(**options)
        params = b"" if terms is None else replace(self.usual, **terms).params()
        self.jobs.fund(self.client, job, options.get("budget", BUDGET), params)
        return job

    def delivered(self, **options):
        job = self.funded(**options)
        self.jobs.submit(self.provider, job, WORK)
        return job

    def objected(self, **options):
        job = self.delivered(**options)
        self.acceptance.object_to(self.client, job, GROUNDS)
        return job

    def defended(self, **options):
        job = self.objected(**options)
        self.acceptance.defend(self.provider, job, GROUNDS)
        return job

    def tell(self, job, status=Status.FINAL, answer=YES, providers=("ann",)):
        """Let the arbiter say this of a defended case."""
        addresses = [self.roles[name].address for name in providers]
        values = (int(status), addresses, answer, EVIDENCE, self.now)
        return self.arbiter.transact(self.stranger, "tell", self.acceptance.address, job, *values)


def build_world():
    chain = open_chain("embedded:", clock=lambda: START)
    roles = {name: Account.local(name.encode()) for name in ROLES}
    for account in roles.values():
        chain.fund(account.address, 10**21)
    minter = roles["minter"]
    token = deploy(chain, minter, "CreditToken", minter.address)
    for name in ("client", "provider", "stranger"):
        token.transact(minter, "mint", roles[name].address, 10_000 * TOKEN)
    jobs = JobsClient(deploy(chain, minter, "Jobs", token.address))
    arbiter = deploy(chain, minter, artifact_of(TOLD), 0)
    usual = AcceptanceTerms(arbiter.address, TOKEN, DAY, HOUR, HOUR, 2 * HOUR)
    acceptance = AcceptanceClient.deploy(chain, minter, jobs.address, usual)
    for name in ("client", "provider", "stranger"):
        token.transact(roles[name], "approve", acceptance.address, 2**255)
    return World(chain, token, jobs, arbiter, acceptance, roles)
