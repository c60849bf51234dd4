"""The world of channels: one chain with the contracts in their places, and accounts by role."""

import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from counterpoise.chain import Account, Contract, Workbench, artifact_of, deploy, open_chain
from counterpoise.core.errors import Reverted
from counterpoise.jobs import TokenClient
from counterpoise.payments import ChannelConfig, ChannelsClient, Claim, place_contracts
from counterpoise.payments.signing import MAX_AMOUNT, NOBODY

sys.path.insert(0, str(Path(__file__).parent))

CONTRACTS = Path(__file__).parent / "contracts"
START = 1_700_000_000
ROLES = ("minter", "payer", "key", "receiver", "authorizer", "relay", "stranger")


@contextmanager
def refused(reason):
    """The block must be refused with exactly this reason."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


@dataclass
class World:
    """Channels, the credit token, a token and a collector with whims, and accounts by role."""

    chain: Workbench
    token: TokenClient
    strange: Contract
    puller: Contract
    channels: ChannelsClient
    roles: dict[str, Account]
    salts: count

    def __getattr__(self, name):
        if name in self.__dict__.get("roles", {}):
            return self.roles[name]
        raise AttributeError(name)

    @property
    def now(self):
        """The time of the next block."""
        return self.chain.block().time + 1

    def config(self, **changes):
        """Terms of a channel between payer and receiver, with a salt of its own."""
        parties = (self.payer, self.key, self.receiver, self.authorizer)
        usual = ChannelConfig(*(one.address for one in parties), self.token.address)
        return replace(usual, salt=next(self.salts).to_bytes(32, "big"), **changes)

    def signed_deposit(self, config, amount, **changes):
        return self.channels.sign_deposit(
            self.payer,
            config,
            amount,
            token=self.token,
            **{"valid_before": self.now + 600, "salt": next(self.salts), **changes},
        )

    def filled(self, amount=1000, **changes):
        """Fill a channel by a relay, gaslessly for the payer; give its terms."""
        config = self.config(**changes)
        self.channels.deposit(self.relay, self.signed_deposit(config, amount))
        return config

    def filled_strangely(self, amount, order=b"", **changes):
        """Fill a channel in the strange token through the collector with whims."""
        config = self.config(token=self.strange.address, **changes)
        self.strange.transact(self.payer, "mint", config.payer, amount)
        self.pull(config, amount, order)
        return config

    def pull(self, config, amount, order=b""):
        place = self.puller.address
        return self.channels.deposit_through(self.relay, config, amount, place, order)

    def claim(self, config, total, ceiling=None, key=None):
        """A row, whose voucher the right key signed unless another is given."""
        signer = key or (self.payer if config.payer_authorizer == NOBODY else self.key)
        channel = config.id(self.channels.domain)
        top = total if ceiling is None else ceiling
        return Claim(config, self.channels.vouchers.sign(signer, channel, top), total)

    def balance(self, who):
        return self.token.balance(getattr(who, "address", who))

    def events(self, receipt):
        """The contract's events in one transaction, by name and arguments."""
        return [(e.name, e.args) for e in self.channels.contract.events_in(receipt)]


def odd(name):
    return artifact_of(CONTRACTS / f"{name}.vy")


@pytest.fixture(scope="session")
def one_world():
    chain = open_chain("embedded:", clock=lambda: START)
    roles = {name: Account.local(name.encode()) for name in ROLES}
    for name, account in roles.items():
        if name != "payer":
            chain.fund(account.address, 10**21)
    place_contracts(chain)
    minter = roles["minter"]
    token = TokenClient.deploy(chain, minter, minter.address)
    token.mint(minter, roles["payer"].address, 10**6)
    strange = deploy(chain, minter, odd("Strange"))
    puller = deploy(chain, minter, odd("Puller"))
    assert chain.balance(roles["payer"].address) == 0
    chain.fund(roles["payer"].address, 10**21)
    return World(chain, token, strange, puller, ChannelsClient(chain), roles, count(1))


@pytest.fixture
def world(one_world):
    place = one_world.chain.snapshot()
    yield one_world
    one_world.chain.revert(place)


@pytest.fixture(name="refused")
def refused_fixture():
    return refused


@pytest.fixture(name="odd")
def odd_fixture():
    return odd


@pytest.fixture
def most():
    return MAX_AMOUNT
