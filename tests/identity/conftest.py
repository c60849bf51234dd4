"""Registries that the tests of one file share, and the accounts that play on them."""

from dataclasses import dataclass

import pytest

from counterpoise.chain import Account, Chain, dev_account, open_chain
from counterpoise.identity import IdentityClient, ReputationClient, ValidationClient

NOW = 1_700_000_000


@dataclass
class Town:
    """Three registries and those who use them; each test makes agents of its own."""

    chain: Chain
    identity: IdentityClient
    reputation: ReputationClient
    validation: ValidationClient
    owner: Account
    client: Account
    other: Account
    stranger: Account
    wallet: Account

    def agent(self, uri: str = "") -> int:
        """Register an agent of the owner."""
        return self.identity.register(self.owner, uri)


@pytest.fixture(scope="module")
def town():
    """Three registries on a chain whose clock stands still, for one file of tests."""
    chain = open_chain("embedded:", clock=lambda: NOW)
    people = [dev_account(index) for index in range(5)]
    identity = IdentityClient.deploy(chain, people[0])
    others = [
        kind.deploy(chain, people[0], identity.address)
        for kind in (ReputationClient, ValidationClient)
    ]
    yield Town(chain, identity, *others, *people)
    chain.close()
