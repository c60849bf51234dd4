"""What an order that the client's silence decides costs in gas, by receipts on the embedded chain.

Beside it the same order with a person as evaluator: what acceptance adds to a plain escrow.
"""

import argparse
import json

from counterpoise.chain import deploy, dev_account, open_chain
from counterpoise.core.units import TOKEN
from counterpoise.jobs import JobsClient, TokenClient
from counterpoise.market import AcceptanceClient, AcceptanceTerms
from counterpoise.market.acceptance_rules import ACCEPT_WORK, question_input
from counterpoise.verification import QuorumClient, QuorumTerms, SignedAnswer

HOUR, DAY = 3_600, 86_400
BUDGET, WORK = 100 * TOKEN, b"\x0d" * 32
YES = bytes(4) + b"\0\1"


class Yard:
    """An escrow, acceptance with a quorum of three as arbiter, a client and a provider."""

    def __init__(self) -> None:
        self.chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
        self.client, self.provider, *self.members = (dev_account(n) for n in range(5))
        self.token = TokenClient.deploy(self.chain, self.client, self.client.address)
        self.jobs = JobsClient(deploy(self.chain, self.client, "Jobs", self.token.address))
        committee = (25 * TOKEN, 3, 100_000, 300, 300, DAY, False, 0)
        terms = QuorumTerms(self.token.address, *committee)
        self.quorum = QuorumClient.deploy(self.chain, self.client, terms)
        usual = AcceptanceTerms(self.quorum.address, TOKEN, DAY, HOUR, HOUR, HOUR)
        self.acceptance = AcceptanceClient.deploy(self.chain, self.client, self.jobs.address, usual)
        for one in (self.client, self.provider, *self.members):
            self.token.mint(self.client, one.address, 10_000 * TOKEN)
            for spender in (self.jobs, self.acceptance):
                self.token.approve(one, spender.address, 2**256 - 1)
        for member in self.members:
            self.quorum.join(member, 50 * TOKEN)

    def order(self, *, plain: bool = False) -> tuple[int, dict[str, int]]:
        """Bring an order to its delivery; gives its number and the gas of each step."""
        hook = bytes(20) if plain else self.acceptance.address
        evaluator = self.client.address if plain else hook
        expires = self.chain.block().time + 7 * DAY
        values = (self.provider.address, evaluator, expires, "order " + "0" * 64, hook)
        made = self.jobs.contract.transact(self.client, "createJob", *values)
        number = self.jobs.count()
        return number, {
            "create": made.gas_used,
            "price": self.jobs.set_budget(self.client, number, BUDGET).gas_used,
            "fund": self.jobs.fund(self.client, number, BUDGET).gas_used,
            "submit": self.jobs.submit(self.provider, number, WORK).gas_used,
        }

    def contested(self) -> dict[str, int]:
        """An order that is objected to, defended, and decided by the quorum's signatures."""
        number, gas = self.order()
        gas["object"] = self.acceptance.object_to(self.client, number).gas_used
        gas["defend"] = self.acceptance.defend(self.provider, number).gas_used
        parties = (self.client.address, self.provider.address)
        about = question_input(self.jobs.address, number, *parties, WORK)
        signed = SignedAnswer(self.acceptance.address, number, ACCEPT_WORK, about, YES)
        votes = [self.quorum.sign(member, signed) for member in self.members]
        gas["quorum of 3"] = self.quorum.attest(self.client, signed, votes).gas_used
        gas["conclude"] = self.acceptance.conclude(self.client, number).gas_used
        return gas


def figures() -> dict[str, dict[str, int]]:
    """Give the gas of each step of each way, of the second order of its kind."""
    yard = Yard()
    found = {}
    for _ in range(2):
        number, plain = yard.order(plain=True)
        plain["complete"] = yard.jobs.complete(yard.client, number).gas_used
        number, accepted = yard.order()
        accepted["accept"] = yard.acceptance.accept(yard.client, number).gas_used
        number, silent = yard.order()
        yard.chain.warp(DAY)
        silent["conclude"] = yard.acceptance.conclude(yard.client, number).gas_used
        found = {"a person decides": plain, "accepted": accepted, "silence": silent}
        found["contested"] = yard.contested()
    yard.chain.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the same: it takes two seconds")
    parser.parse_args()
    found = figures()
    for way, steps in found.items():
        shown = ", ".join(f"{name} {gas:,}" for name, gas in steps.items())
        print(f"{way:<17}{sum(steps.values()):>9,}  {shown}")
    totals = {way: sum(steps.values()) for way, steps in found.items()}
    print(json.dumps({"gas": found, "totals": totals}))


if __name__ == "__main__":
    main()
