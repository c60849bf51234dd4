"""Gas of a committee's answer, from receipts of real transactions on the embedded chain.

One transaction with k signatures: the whole of it; without the two words that are kept for good
(the answer, and who gave it when); and without the words that are read either: four of the
question, one a signer for its membership, one for all stake. The anchor is a
recorded prototype without storage, which recovers k sorted signers and looks nothing up.
"""

import argparse
import json
import platform
from pathlib import Path

from counterpoise.chain import Account, Contract, artifact_of, deploy, open_chain
from counterpoise.core.units import TOKEN
from counterpoise.verification import QuorumClient, QuorumTerms, SignedAnswer
from counterpoise.verification.quorum_rules import commitment, subject

ANCHORS = {3: 40_500, 5: 52_000, 7: 63_500, 13: 98_000}
TARGET = 60_000
STORED_WORDS, NEW_WORD = 2, 22_100  # a cold word that was zero
READ_WORD, CALL = 2_100, 2_600
STAKE, SALT, ANSWER = 100 * TOKEN, bytes(range(32)), bytes.fromhex("000000100001")
MODEL, INPUT = b"\x11" * 32, b"\x22" * 32
QUESTIONS = Path(__file__).parents[1] / "tests" / "verification" / "contracts" / "Questions.vy"


class Bench:
    """A quorum with its members, and an asker."""

    def __init__(self, size: int, quorum: int) -> None:
        self.chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
        self.operator = Account.local(b"operator")
        self.chain.fund(self.operator.address, 10**21)
        token = deploy(self.chain, self.operator, "CreditToken", self.operator.address)
        self.asker: Contract = deploy(self.chain, self.operator, artifact_of(QUESTIONS))
        terms = QuorumTerms(token.address, STAKE, quorum)
        self.quorum = QuorumClient.deploy(self.chain, self.operator, terms)
        self.members = [Account.local(b"member %d" % number) for number in range(size)]
        self.joined = []
        for member in self.members:
            self.chain.fund(member.address, 10**21)
            token.transact(self.operator, "mint", member.address, STAKE)
            token.transact(member, "approve", self.quorum.address, STAKE)
            self.joined.append(self.quorum.contract.transact(member, "join", STAKE).gas_used)

    def ask(self) -> int:
        """Put a question to the quorum; give its number."""
        deadline = self.chain.block().time + 3_600
        place = (self.quorum.address, deadline)
        self.asker.transact(self.operator, "ask", MODEL, INPUT, *place)
        return int(self.asker.call("count"))

    def attest(self, count: int) -> int:
        """Give the gas of an answer with this many signatures."""
        signed = SignedAnswer(self.asker.address, self.ask(), MODEL, INPUT, ANSWER)
        signatures = [self.quorum.sign(member, signed) for member in self.members[:count]]
        return self.quorum.attest(self.operator, signed, signatures).gas_used

    def round(self) -> dict[str, int]:
        """Play a whole round in which every member commits and reveals."""
        place = (self.asker.address, self.ask())
        chain_id, at = self.chain.chain_id(), self.quorum.address
        commits = [
            self.quorum.commit(
                member,
                *place,
                subject(MODEL, INPUT),
                commitment(chain_id, at, *place, member.address, ANSWER, SALT),
            ).gas_used
            for member in self.members
        ]
        reveals = [
            self.quorum.reveal(member, *place, ANSWER, SALT).gas_used for member in self.members
        ]
        settle = self.quorum.settle(self.operator, *place).gas_used
        return {
            "first commit": commits[0],
            "later commit": commits[1],
            "reveal": reveals[1],
            "settle": settle,
            "whole round": sum(commits) + sum(reveals) + settle,
        }


def attested(size: int) -> dict[str, int]:
    whole = Bench(size, size).attest(size)
    without_storage = whole - STORED_WORDS * NEW_WORD
    reads = CALL + 4 * READ_WORD + (size + 1) * READ_WORD  # question, members, all stake
    return {
        "whole": whole,
        "without what is kept": without_storage,
        "without reads either": without_storage - reads,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five members alone")
    sizes = (5,) if parser.parse_args().quick else (3, 5, 7, 13)
    found = {size: attested(size) for size in sizes}
    print(f"{'signatures':<12}{'whole':>10}{'not kept':>10}{'bare':>10}{'anchor, bare':>14}")
    for size, gas in found.items():
        print(
            f"{size:<12}" + "".join(f"{one:>10,}" for one in gas.values()) + f"{ANCHORS[size]:>14,}"
        )
    bench = Bench(5, 3)
    steps = {"join": bench.joined[1], **bench.round()}
    for name, gas in steps.items():
        print(f"{name:<16}{gas:>10,}   (5 members)")
    met = found[5]["without reads either"] <= TARGET
    print(f"target: 5 signatures in {TARGET:,} beside storage: {'met' if met else 'missed'}")
    record = {
        "benchmark": "quorum_gas",
        "machine": platform.machine(),
        "signatures": found,
        "round_of_5": steps,
        "target": TARGET,
        "ratio_to_anchor": round(found[5]["without reads either"] / ANCHORS[5], 3),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
