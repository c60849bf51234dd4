"""A chain with a guardian, a vault that consented, and everybody who has a part in it."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from counterpoise.chain import Account, Contract, artifact_of, deploy, open_chain
from counterpoise.core.errors import Reverted

CONTRACTS = Path(__file__).parent / "contracts"
ROLES = ("owner", "reporter", "second", "evaluator", "veto", "patron", "stranger")
START = 1_700_000_000
PURSE, DEPOSIT = 1_000_000, 500
TERMS = {
    "max_pause": 600,
    "cooldown": 300,
    "period": 10_000,
    "most_per_period": 1_000,
    "bond": 100,
    "bounty": 40,
    "ruling_seconds": 2_000,
}


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


@dataclass
class GuardianWorld:
    chain: object
    token: Contract
    guardian: Contract
    vault: Contract
    roles: dict

    def __getattr__(self, name):
        if name in self.__dict__.get("roles", {}):
            return self.roles[name]
        raise AttributeError(name)

    @property
    def now(self):
        """The time of the next block."""
        return self.chain.block().time + 1

    def warp_to(self, when):
        self.chain.warp(when - 1 - self.chain.block().time)

    def terms(self, **changes):
        usual = TERMS | {"evaluator": self.evaluator.address, "veto": self.veto.address}
        return tuple((usual | changes).values())

    def consent(self, **changes):
        return self.vault.transact(self.owner, "consent", self.terms(**changes))

    def pause(self, seconds=600, digest=b"\x01" * 32, who=None, target=None):
        target = target or self.vault.address
        self.guardian.transact(who or self.reporter, "pause", target, digest, seconds)
        return self.guardian.call("cases")

    def rule(self, case, is_true):
        self.guardian.transact(self.evaluator, "rule", case, is_true)

    def deposit(self):
        return self.guardian.call("deposit_of", self.vault.address)

    def credit(self, who):
        return self.guardian.call("credit", who.address)

    @property
    def until(self):
        return self.guardian.call("paused_until", self.vault.address)


def build_world():
    chain = open_chain("embedded:", clock=lambda: START)
    roles = {name: Account.local(name.encode()) for name in ROLES}
    for account in roles.values():
        chain.fund(account.address, 10**20)
    owner = roles["owner"]
    token = deploy(chain, owner, "CreditToken", owner.address)
    guardian = deploy(chain, owner, "Guardian", token.address)
    vault = deploy(chain, owner, artifact_of(CONTRACTS / "Vault.vy"), guardian.address)
    for name in ("reporter", "second", "patron"):
        token.transact(owner, "mint", roles[name].address, PURSE)
        token.transact(roles[name], "approve", guardian.address, 2**256 - 1)
    world = GuardianWorld(chain, token, guardian, vault, roles)
    world.consent()
    guardian.transact(world.patron, "deposit", vault.address, DEPOSIT)
    return world
