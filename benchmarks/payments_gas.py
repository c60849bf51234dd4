"""Gas of channels of payments, from receipts of real transactions on the embedded chain.

The anchor is a recorded prototype of the same scheme. A first claim of a channel writes a word that
was half empty and, once a receiver, one that was zero; the repeat writes both again.
"""

import argparse
import json
import platform
from itertools import count

from counterpoise.chain import Account, open_chain
from counterpoise.jobs import TokenClient
from counterpoise.payments import ChannelConfig, ChannelsClient, Claim, place_contracts

ANCHORS = {"deposit": 105_783, "top-up": 88_695, "claim of 100, a row": 17_048}
TARGETS = {**ANCHORS, "claim of 100, a row": 17_100, "a call at 1,000 a deposit": 300}
CALLS = 1_000


class Bench:
    """A payer with channels to one receiver, and a relay that pays for gas."""

    def __init__(self) -> None:
        self.chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
        roles = (b"payer", b"receiver", b"relay")
        self.payer, self.receiver, self.relay = map(Account.local, roles)
        for account in (self.receiver, self.relay):
            self.chain.fund(account.address, 10**21)
        place_contracts(self.chain)
        self.token = TokenClient.deploy(self.chain, self.relay, self.relay.address)
        self.token.mint(self.relay, self.payer.address, 10**24)
        self.channels = ChannelsClient(self.chain)
        # Others use the contract and the token before: no balance starts at zero.
        self.token.mint(self.relay, self.channels.address, 1)
        self.token.mint(self.relay, self.receiver.address, 1)
        self.salts = count(1)

    def config(self) -> ChannelConfig:
        """Give the terms of a channel with a salt of its own."""
        payer, receiver = self.payer.address, self.receiver.address
        salt = next(self.salts).to_bytes(32, "big")
        return ChannelConfig(payer, payer, receiver, receiver, self.token.address, salt=salt)

    def deposit(self, config: ChannelConfig) -> int:
        """Give the gas of a gasless deposit."""
        signed = self.channels.sign_deposit(
            self.payer,
            config,
            10**6,
            token=self.token,
            valid_before=self.chain.block().time + 10**6,
            salt=next(self.salts),
        )
        return self.channels.deposit(self.relay, signed).gas_used

    def rows(self, configs: list[ChannelConfig], total: int) -> list[Claim]:
        """Give a batch that claims one total of every channel."""
        ids = [config.id(self.channels.domain) for config in configs]
        signed = [self.channels.vouchers.sign(self.payer, one, total) for one in ids]
        return [Claim(c, voucher, total) for c, voucher in zip(configs, signed, strict=True)]

    def settle(self) -> int:
        """Give the gas of paying the receiver."""
        place = self.receiver.address, self.token.address
        return self.channels.settle(self.relay, *place).gas_used


def claims(bench: Bench, size: int) -> dict[str, int]:
    """Give the gas a row of first and later claims of so many channels."""
    configs = [bench.config() for _ in range(size)]
    for config in configs:
        bench.deposit(config)
    found, channels = {}, bench.channels
    for turn, name in ((1, "first"), (2, "repeat")):
        gas = channels.claim(bench.receiver, bench.rows(configs, 100 * turn)).gas_used
        found[name] = round(gas / size)
    rows = bench.rows(configs, 300)
    signature = channels.sign_batch(bench.receiver, rows)
    found["signed"] = round(channels.claim_signed(bench.relay, rows, signature).gas_used / size)
    each = channels.claim_each(bench.receiver, bench.rows(configs, 400)).gas_used
    found["claimEach"] = round(each / size)
    return found


def steps(bench: Bench) -> dict[str, int]:
    """Give the gas of one channel's life."""
    config = bench.config()
    found = {"deposit": bench.deposit(config), "top-up": bench.deposit(config)}
    found["claim of 1"] = bench.channels.claim(bench.receiver, bench.rows([config], 9)).gas_used
    found["settle"] = bench.settle()
    bench.channels.claim(bench.receiver, bench.rows([config], 19))
    found["settle again"] = bench.settle()
    once = found["deposit"] + found["claim of 1"] + found["settle"]
    found["a call at 1,000 a deposit"] = round(once / CALLS)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="batches of 1 and 10 alone")
    sizes = (1, 10) if parser.parse_args().quick else (1, 10, 100)
    life = steps(Bench())
    bench = Bench()
    batches = {size: claims(bench, size) for size in sizes}
    for name, gas in life.items():
        anchor = f"{ANCHORS[name]:>12,} anchor" if name in ANCHORS else ""
        print(f"{name:<28}{gas:>10,}{anchor}")
    for size, found in batches.items():
        row = "".join(f"{name:>12} {gas:,}" for name, gas in found.items())
        print(f"claim of {size:<4} gas a row{row}")
    if 100 in batches:
        life["claim of 100, a row"] = batches[100]["repeat"]
    for name, target in TARGETS.items():
        if name in life:
            met = "met" if life[name] <= target else "missed"
            print(f"target: {name} in {target:,}: {life[name]:,}, {met}")
    record = {
        "benchmark": "payments_gas",
        "machine": platform.machine(),
        "steps": life,
        "claims": batches,
        "targets": TARGETS,
        "ratios": {n: round(life[n] / anchor, 3) for n, anchor in ANCHORS.items() if n in life},
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
