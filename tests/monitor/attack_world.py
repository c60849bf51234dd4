"""A chain with a market, lenders and vaults, on which attacks and their harmless twins happen."""

from dataclasses import dataclass, field
from pathlib import Path

from counterpoise.chain import Account, Contract, Transaction, artifact_of, deploy, open_chain
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.sources.chain import ChainSource
from counterpoise.monitor.watch import Watch

CONTRACTS = Path(__file__).parent / "contracts"
START = 1_700_000_000
UNIT = 10**18
GAS = 3_000_000


def account(name):
    return Account.local(str(name).encode())


@dataclass
class Stage:
    """A fresh chain; accounts by name, contracts by what they are."""

    chain: object = None
    nonces: dict = field(default_factory=dict)

    def __post_init__(self):
        self.chain = open_chain("embedded:", clock=lambda: START)

    def who(self, name):
        found = account(name)
        if not self.chain.balance(found.address):
            self.chain.fund(found.address, 1000 * UNIT)
        return found

    def deploy(self, name, by, *arguments):
        return deploy(self.chain, self.who(by), artifact_of(CONTRACTS / f"{name}.vy"), *arguments)

    def act(self, name, contract, function, *arguments, value=0):
        """One transaction in a block of its own; it must succeed."""
        return contract.transact(self.who(name), function, *arguments, value=value)

    def pay(self, name, to, amount):
        from counterpoise.chain import send

        return send(self.chain, self.who(name), to, b"", value=amount)

    def together(self, *acts):
        """One block of transactions in exactly this order: (name, contract, function, …)."""
        nonces, made = {}, []
        for name, contract, function, *arguments in acts:
            sender = self.who(name)
            base, tip = self.chain.fees()
            nonce = nonces.get(name, self.chain.nonce(sender.address))
            nonces[name] = nonce + 1
            to, data, value = contract, function, 0
            if isinstance(contract, Contract):
                to, data = contract.address, contract.encode(function, *arguments)
            else:
                data, value = b"", function
            fields = Transaction(
                self.chain.chain_id(), nonce, tip, 2 * base + tip, GAS, to, value, data
            )
            made.append(self.chain.decode(sender.sign_transaction(fields)))
        # The pool orders by sender; an attacker orders as it likes.
        self.chain._miner.seal(made)

    def later(self, seconds):
        self.chain.warp(seconds)

    def blocks(self):
        source, found = ChainSource(self.chain), []
        while more := source.poll():
            found.extend(more)
        return found

    def findings(self, *detectors):
        """What the detectors say of the chain so far, in order."""
        watch = Watch(self.chain.chain_id(), detectors, {NATIVE: 10**12})
        raised = [alert for block in self.blocks() for alert in watch.accept(block).raised]
        assert len({alert.id for alert in raised}) == len(raised), "ids are unique"
        return [alert.finding for alert in raised]


@dataclass
class Market:
    """A stage with two tokens and a pool of them, a thousand of either, priced one to one."""

    stage: Stage
    coin: Contract
    token: Contract
    pool: Contract

    @classmethod
    def build(cls, traders=(), deep=1000 * UNIT, tokens=None):
        stage = Stage()
        coin, token = (stage.deploy("Coin", "founder", 10**9 * UNIT) for _ in range(2))
        pool = stage.deploy("Pool", "founder", coin.address, token.address)
        market = cls(stage, coin, token, pool)
        market.give("founder", pool, 0)
        stage.act("founder", pool, "add", deep, tokens or deep)
        for name in traders:
            market.give(name, pool, 100 * UNIT)
        return market

    def give(self, name, spender, amount):
        """Coins and tokens for somebody, who lets a contract take them."""
        who = self.stage.who(name).address
        for one in (self.coin, self.token):
            if amount:
                self.stage.act("founder", one, "transfer", who, amount)
            self.stage.act(name, one, "approve", spender.address, 2**256 - 1)

    def buy(self, name, amount, receiver=None):
        to = self.stage.who(receiver or name).address
        return (name, self.pool, "swap", self.coin.address, amount, to)

    def sell(self, name, amount, receiver=None):
        to = self.stage.who(receiver or name).address
        return (name, self.pool, "swap", self.token.address, amount, to)

    def out(self, coins):
        """What coins would buy now."""
        pool, given = self.pool, coins * 997
        has = pool.call("reserves", self.token.address)
        return given * has // (pool.call("reserves", self.coin.address) * 1000 + given)
