"""Gas of a dispute about an optimistic answer, from receipts on the embedded chain.

Every figure is a whole transaction in a block of its own, so every storage slot is cold; gas is
charged by Prague's rules, the floor for calldata (EIP-7623) included. `judge` sends one neuron with
its openings to the judge; `convict` does the same through the bonded answers and moves the bond.
Rows are random bytes, which cost the most. The anchors are measured figures of a prototype of the
judge alone, on the same rules of the chain.
"""

import argparse
import json
import platform
from pathlib import Path

import numpy as np

from counterpoise.chain import Account, Contract, artifact_of, deploy, open_chain, send
from counterpoise.core.units import TOKEN
from counterpoise.inference import Layer, ModelsClient, Net, Trace, input_commitment
from counterpoise.jobs import TokenClient
from counterpoise.verification import OptimisticClient, OptimisticTerms
from counterpoise.verification.cells import asserted_of, first_false
from counterpoise.verification.judge_rules import Cell

ANCHORS = {64: 67_170, 256: 90_930, 1024: 159_870, 2048: 247_730}
TARGETS = {"judge 64": 70_000, "judge 1024": 170_000, "withheld dispute": 400_000}
ASKER = Path(__file__).parents[1] / "tests/verification/contracts/Questions.vy"


def net_of(width: int) -> Net:
    """A net whose first layer has rows of this width; 256 rows, so that paths are 9 deep."""
    rng = np.random.default_rng(width)
    first = Layer(rng.integers(-64, 65, (256, width)), rng.integers(-999, 999, 256), 0, 7, 0, 255)
    return Net((first, Layer(rng.integers(-64, 65, (2, 256)), rng.integers(-999, 999, 2))))


class Bench:
    """The contracts on one chain, and who calls them."""

    def __init__(self, asker: Contract, people: dict[str, Account]) -> None:
        self.asker, self.people = asker, people
        chain, minter = asker.chain, people["minter"]
        self.models = ModelsClient.deploy(chain, minter)
        self.judge = deploy(chain, minter, "Judge")
        token = TokenClient.deploy(chain, minter, minter.address)
        places = (token.address, self.models.address, self.judge.address)
        terms = OptimisticTerms(*places, 10 * TOKEN, TOKEN, 600, 300)
        self.optimistic = OptimisticClient.deploy(chain, minter, terms)
        for one in people.values():
            token.contract.transact(minter, "mint", one.address, 1000 * TOKEN)
            token.approve(one, self.optimistic.address, 2**255)

    def propose(self, question: int, model: Net, trace: Trace) -> int:
        """Ask a new question and answer it; gives the gas of the answer."""
        commitment = input_commitment(trace.salt, trace.payloads[0])
        place = (model.id, commitment, self.optimistic.address, 2**40)
        self.asker.transact(self.people["minter"], "ask", *place)
        arguments = (self.people["liar"], self.asker.address, question, model.id, trace)
        return self.optimistic.propose(*arguments, publish=False).gas_used

    def dispute(self, question: int, model: Net, lie: Trace, cell: Cell) -> dict[str, int]:
        """A lie that is withheld: demanded, revealed and convicted."""
        place, people = (self.asker.address, question), self.people
        gas = {"propose": self.propose(question, model, lie)}
        claim = self.optimistic.proposal(*place).claim
        demand = self.optimistic.demand(people["challenger"], *place, claim, 1)
        reveal = self.optimistic.reveal(people["liar"], *place, model.id, lie, 1)
        convict = self.optimistic.convict(people["challenger"], *place, cell)
        gas |= {"demand": demand.gas_used, "reveal": reveal.gas_used}
        return gas | {"convict": convict.gas_used}


def set_up() -> Bench:
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    people = {name: Account.local(name.encode()) for name in ("minter", "liar", "challenger")}
    for account in people.values():
        chain.fund(account.address, 10**21)
    return Bench(deploy(chain, people["minter"], artifact_of(ASKER)), people)


def measure(bench: Bench, width: int, question: int) -> dict[str, int]:
    model, salt = net_of(width), np.random.default_rng(9).bytes(32)
    bench.models.register(bench.people["minter"], model)
    bench.optimistic.admit(bench.people["minter"], model.id)
    values = np.random.default_rng(width).integers(1, 256, width).astype(np.uint8).tobytes()
    truth = model.trace(values, salt)
    hidden = truth.payloads[1]
    false = bytes([hidden[0] ^ 1]) + hidden[1:]
    lie = Trace(salt, (values, false, truth.answer))
    cell = first_false(model, truth, asserted_of(lie))
    if not isinstance(cell, Cell):
        raise SystemExit("the lie was not found")
    figures = bench.dispute(question, model, lie, cell)
    data = bench.judge.encode("judge", cell.values())
    chain, challenger = bench.asker.chain, bench.people["challenger"]
    figures["judge"] = send(chain, challenger, bench.judge.address, data).gas_used
    figures["dispute"] = sum(figures[name] for name in ("demand", "reveal", "convict"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="widths 64 and 1024 alone")
    widths = (64, 1024) if parser.parse_args().quick else tuple(ANCHORS)
    bench = set_up()
    measure(bench, 32, 1)  # the first conviction pays for slots that the later ones find
    found = {width: measure(bench, width, number) for number, width in enumerate(widths, 2)}
    names = ("judge", "propose", "demand", "reveal", "convict", "dispute")
    print(f"{'width':>6}" + "".join(f"{name:>10}" for name in names) + "    anchor (judge)")
    for width, row in found.items():
        print(f"{width:>6}" + "".join(f"{row[name]:>10,}" for name in names), end="")
        print(f"{ANCHORS[width]:>14,}  x{ANCHORS[width] / row['judge']:.2f}")
    print(f"machine: {platform.machine()}, Python {platform.python_version()}; gas is exact")
    met = {
        "judge 64": found[64]["judge"] <= TARGETS["judge 64"],
        "judge 1024": found[1024]["judge"] <= TARGETS["judge 1024"],
        "withheld dispute": found[1024]["dispute"] <= TARGETS["withheld dispute"],
    }
    ratios = {width: round(ANCHORS[width] / row["judge"], 3) for width, row in found.items()}
    print(json.dumps({"gas": found, "anchors": ANCHORS, "ratios": ratios, "targets met": met}))


if __name__ == "__main__":
    main()
