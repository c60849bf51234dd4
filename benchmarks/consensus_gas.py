"""Gas of an epoch of validators' consensus, from receipts on the embedded chain.

Rows are full: every validator weighs every member. The result is posted whole, as calldata and as
an event; a conviction brings every revealed row's word of one column with its path of five hashes.
The anchor is what a conviction would cost by calldata alone if it brought whole rows instead.
"""

import argparse
import json
import platform
import random
import time
from dataclasses import replace

from counterpoise.chain import Account, deploy, open_chain
from counterpoise.consensus import ConsensusClient, Lie, MarketTerms, Settlement
from counterpoise.core.units import TOKEN

SALT = bytes(range(32))
CALLDATA_FLOOR = 40  # gas a byte that is not zero (EIP-7623)


class Bench:
    """A market with `validators` on seats among `members`."""

    def __init__(self, validators: int, members: int) -> None:
        self.chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
        self.operator = Account.local(b"operator")
        self.chain.fund(self.operator.address, 10**24)
        token = deploy(self.chain, self.operator, "CreditToken", self.operator.address)
        terms = MarketTerms(token.address, 100 * TOKEN, 100 * TOKEN, TOKEN)
        self.client = ConsensusClient.deploy(self.chain, self.operator, terms)
        token.transact(self.operator, "mint", self.operator.address, 10_000 * TOKEN)
        self.client.fund(self.operator, 1_000 * TOKEN)
        self.members = [Account.local(b"member %d" % number) for number in range(members)]
        self.gas: dict[str, int] = {}
        for number, account in enumerate(self.members):
            self.chain.fund(account.address, 10**21)
            receipt = self.client.contract.transact(account, "register", number)
        self.gas["register"] = receipt.gas_used
        draw = random.Random(7)
        self.rows = {}
        for seat, account in enumerate(self.members[:validators]):
            token.transact(self.operator, "mint", account.address, 100 * TOKEN)
            token.transact(account, "approve", self.client.address, 2**255)
            stake = (10 + seat) * TOKEN
            self.gas["stake, with a seat"] = self.client.stake(account, stake, seat).gas_used
            self.rows[account] = [draw.randint(1, 65_535) for _ in range(members)]

    def warp_to(self, when: int) -> None:
        """Make the next block that of this time."""
        self.chain.warp(when - 1 - self.chain.block().time)

    def epoch(self) -> dict[str, int]:
        """Play an epoch: a lie is posted and convicted, then the truth, and claimed."""
        client, gas = self.client, self.gas
        gas["open"] = client.open(self.operator).gas_used
        for account, row in self.rows.items():
            gas["commit"] = client.commit(account, row, SALT).gas_used
        self.warp_to(client.epoch().commits_end)
        for account, row in self.rows.items():
            gas["reveal"] = client.reveal(account, row, SALT).gas_used
        self.warp_to(client.epoch().reveals_end)
        settled = client.ledger().settle()
        for kind in ("column", "due"):
            client.propose(self.operator, lying(settled, kind, len(self.members) - 1))
            lie = Lie(len(self.members) - 1, kind)
            gas[f"convict a {kind}"] = client.convict(self.operator, lie).gas_used
        gas["propose"] = client.propose(self.operator, settled).gas_used
        proposal = client.proposal()
        assert proposal is not None
        self.warp_to(proposal.ends)
        gas["finish"] = client.finish(self.operator).gas_used
        gas["claim"] = client.claim(self.operator, len(self.members) - 1).gas_used
        return gas


def lying(settled: Settlement, kind: str, number: int) -> Settlement:
    cells = list(settled.cells)
    if kind == "column":
        cells[number] = replace(cells[number], consensus=cells[number].consensus + 1)
    else:
        cells[number] = replace(cells[number], due=cells[number].due - 1)
    return Settlement(tuple(cells), {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4 validators, 32 members")
    quick = parser.parse_args().quick
    sizes = [(4, 32)] if quick else [(4, 32), (16, 128), (64, 512)]
    found, began = {}, time.process_time()
    for validators, members in sizes:
        found[f"{validators}x{members}"] = Bench(validators, members).epoch()
    names = list(next(iter(found.values())))
    print(f"{'gas of':<22}" + "".join(f"{size:>14}" for size in found))
    for name in names:
        print(f"{name:<22}" + "".join(f"{one[name]:>14,}" for one in found.values()))
    whole = {f"{v}x{m}": v * m * 2 * CALLDATA_FLOOR for v, m in sizes}
    print(f"{'whole rows, calldata':<22}" + "".join(f"{one:>14,}" for one in whole.values()))
    record = {
        "benchmark": "consensus_gas",
        "machine": platform.machine(),
        "gas": found,
        "whole_rows_calldata": whole,
        "conviction_to_whole_rows": {
            size: round(one["convict a column"] / whole[size], 3) for size, one in found.items()
        },
        "cpu_s": round(time.process_time() - began, 1),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
