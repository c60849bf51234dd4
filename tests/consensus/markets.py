"""A small market on one chain: its people, and an epoch played through."""

import random
from dataclasses import dataclass, replace

from counterpoise.chain import Account, deploy, open_chain
from counterpoise.consensus.client import ConsensusClient, MarketTerms
from counterpoise.consensus.rules import Cell, Settlement, with_dues
from counterpoise.core.units import TOKEN

START = 1_700_000_000
NAMES = ["ann", "bob", "cleo", "dan", "eve", "fay", "gus", "hal"]
PAY, BOND, LEAST = 100 * TOKEN, 100 * TOKEN, 10 * TOKEN
SALT = b"salt".ljust(32)


@dataclass
class Market:
    """A chain with a market; who has a name is there with tokens, but no member yet."""

    chain: object
    token: object
    client: ConsensusClient
    people: dict

    def __getattr__(self, name):
        if name in self.__dict__.get("people", {}):
            return self.people[name]
        raise AttributeError(name)

    def balance(self, who):
        return self.token.call("balanceOf", getattr(who, "address", who))

    def warp_to(self, when):
        self.chain.warp(when - 1 - self.chain.block().time)

    def settle_in(self, stakes):
        """Register everybody in order; those in `stakes` take seats."""
        for name in NAMES:
            self.client.register(self.people[name], NAMES.index(name))
        for seat, (name, amount) in enumerate(stakes.items()):
            self.client.stake(self.people[name], amount, seat)

    def commit_and_reveal(self, rows, silent=(), between=lambda: None):
        """Play the two windows; `rows` by name. `between` runs before commitments end."""
        self.client.open(self.keeper)
        for name, row in rows.items():
            self.client.commit(self.people[name], row, SALT)
        between()
        self.warp_to(self.client.epoch().commits_end)
        for name, row in rows.items():
            if name not in silent:
                self.client.reveal(self.people[name], row, SALT)
        self.warp_to(self.client.epoch().reveals_end)

    def propose(self, settlement=None):
        self.client.propose(self.keeper, settlement or self.client.ledger().settle())

    def finish(self):
        self.warp_to(self.client.proposal().ends)
        self.client.finish(self.keeper)

    def play(self, rows, **changes):
        """Play a whole honest epoch."""
        self.commit_and_reveal(rows, **changes)
        self.propose()
        self.finish()
        return self.client.ledger()

    def twisted(self, number, part, by=1, follow=True):
        """The right result but for one number in a cell; dues follow from it if wanted."""
        ledger = self.client.ledger()
        cells = list(ledger.settle().cells)
        cells[number] = replace(cells[number], **{part: getattr(cells[number], part) + by})
        if follow and part != "due":
            cells = with_dues(ledger.facts, cells)
        return Settlement(tuple(cells), {})


def build_market(**changes):
    chain = open_chain("embedded:", clock=lambda: START)
    minter = Account.local(b"minter")
    chain.fund(minter.address, 10**21)
    token = deploy(chain, minter, "CreditToken", minter.address)
    people = {name: Account.local(name.encode()) for name in [*NAMES, "keeper", "stranger"]}
    terms = {"pay": PAY, "bond": BOND, "least_stake": LEAST} | changes
    client = ConsensusClient.deploy(chain, minter, MarketTerms(token.address, **terms))
    for account in people.values():
        chain.fund(account.address, 10**21)
        token.transact(minter, "mint", account.address, 1_000 * TOKEN)
        token.transact(account, "approve", client.address, 2**256 - 1)
    return Market(chain, token, client, people)


def random_rows(seed, names, width, most=65535):
    draw = random.Random(seed)
    cells = (0, most, draw.randint(0, most), draw.randint(0, most))
    return {name: [draw.choice(cells) for _ in range(width)] for name in names}


def empty_result(width):
    return Settlement((Cell(),) * width, {})
