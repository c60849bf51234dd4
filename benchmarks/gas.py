"""Gas of rounds, claims and escrow, from receipts of real transactions on the embedded chain.

Every call is a whole transaction in a block of its own, so that every storage slot is cold. The
pay tree of a round really has a leaf for each member of the cohort. The anchors are recorded
figures of prototypes on the same rules of the chain: a Merkle distributor's claim from 1,024
leaves, an escrow's opening, and its release by signature.
"""

import argparse
import hashlib
import json
import platform
from dataclasses import dataclass

from counterpoise.chain import Account, Contract, Receipt, deploy, open_chain
from counterpoise.core.units import TOKEN
from counterpoise.federation.rounds import RoundsClient
from counterpoise.federation.rounds_rules import Result
from counterpoise.jobs import CohortClient, CumulativeClaims, JobsClient

ANCHORS = {"claim": 92_158, "open": 192_198, "release": 70_815}
TARGETS = {"round": 110_000, "claim": 60_000, "four steps": 330_000}
DAY, WINDOW, POT, STAKE = 86_400, 60, 1_000 * TOKEN, TOKEN
MEMBERS = 1_024
DESCRIPTION = "ab" * 32  # the digest of a task statement, in hex


def digest(*marks: object) -> bytes:
    return hashlib.sha256(repr(marks).encode()).digest()


@dataclass
class Bench:
    """The contracts on one chain, and who calls them."""

    token: Contract
    jobs: JobsClient
    cohort: CohortClient
    rounds: RoundsClient
    people: dict[str, Account]

    @property
    def now(self) -> int:
        """Give the time of the last block."""
        return self.token.chain.block().time

    def federated_job(self, rounds: int, members: tuple[str, ...] = ()) -> int:
        """Fund a job, open it to members and rounds, and let some join."""
        sponsor = self.people["sponsor"]
        job = self.jobs.create_and_fund(
            sponsor,
            provider=self.cohort.address,
            evaluator=self.rounds.address,
            expires=self.now + 30 * DAY,
            budget=POT,
            description=DESCRIPTION,
        )
        self.cohort.open(sponsor, job, stake=STAKE, rounds=self.rounds.address)
        self.rounds.open(
            sponsor,
            job,
            coordinator=self.people["coordinator"].address,
            rounds=rounds,
            challenge_seconds=WINDOW,
            task_digest=digest("task"),
        )
        for name in members:
            self.cohort.join(self.people[name], job, digest(name))
        return job

    def play(self, job: int, number: int, claims: CumulativeClaims) -> tuple[Receipt, Receipt]:
        """Post one round; every word of it is full, as digests are."""
        coordinator = self.people["coordinator"]
        root = digest("commitments", job, number)
        commit = self.rounds.commit(coordinator, job, number, root)
        words = [digest(name, job, number) for name in ("updates", "trace", "scores")]
        ends = [digest(name, job, number) for name in ("model", "evidence")]
        content = Result(*words, claims.root, claims.total, *ends)
        return commit, self.rounds.result(coordinator, job, number, content)


def set_up() -> Bench:
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    names = ("sponsor", "coordinator", "provider", "evaluator", "anyone", "rich", "broke")
    people = {name: Account.local(name.encode()) for name in names}
    for account in people.values():
        chain.fund(account.address, 10**21)
    minter = people["anyone"]
    token = deploy(chain, minter, "CreditToken", minter.address)
    for name, amount in (("sponsor", 10**6), ("provider", 1), ("rich", 100), ("broke", 2)):
        token.transact(minter, "mint", people[name].address, amount * TOKEN)
    jobs = deploy(chain, minter, "Jobs", token.address)
    cohort = deploy(chain, minter, "Cohort", token.address, jobs.address)
    rounds = deploy(chain, minter, "Rounds", jobs.address, cohort.address)
    return Bench(token, JobsClient(jobs), CohortClient(cohort, token), RoundsClient(rounds), people)


def dues(count: int, round_id: int, members: tuple[bytes, ...] = ()) -> dict[bytes, int]:
    accounts = [*members, *(digest("member", i)[:20] for i in range(count - len(members)))]
    share = POT // 10 // count
    return {account: round_id * (share + i) for i, account in enumerate(accounts)}


def rounds_of(bench: Bench, count: int) -> dict[str, int]:
    job = bench.federated_job(rounds=3)
    figures = {}
    for number in (1, 2):
        claims = bench.cohort.claims(job, number, dues(count, number))
        commit, result = bench.play(job, number, claims)
        name = "first" if number == 1 else "later"
        figures |= {f"{name} commit": commit.gas_used, f"{name} result": result.gas_used}
        figures[f"{name} round"] = commit.gas_used + result.gas_used
    return figures


def claims_of(bench: Bench) -> dict[str, int]:
    """Claims from 1,024 accounts, in a first job and in the next one."""
    figures = {}
    rich, broke = bench.people["rich"], bench.people["broke"]
    token, anyone = bench.token, bench.people["anyone"]
    for name in ("first", "repeat"):
        job = bench.federated_job(1, ("rich", "broke"))
        claims = bench.cohort.claims(job, 1, dues(MEMBERS, 1, (rich.address, broke.address)))
        bench.play(job, 1, claims)
        left = token.call("balanceOf", broke.address)
        if left and name == "first":
            token.transact(broke, "transfer", anyone.address, left)
        bench.token.chain.warp(WINDOW)
        finish = bench.rounds.finish(anyone, job)
        for who in ("rich", "broke"):
            account = bench.people[who].address
            proof = claims.proof(account)
            paid = bench.cohort.claim(anyone, job, account, claims.due[account], proof)
            figures[f"{name} claim, {who}"] = paid.gas_used
        for who in ("rich", "broke"):
            back = bench.cohort.withdraw(anyone, job, bench.people[who].address)
        figures |= {f"{name} finish": finish.gas_used, f"{name} stake back": back.gas_used}
    return figures


def escrow_of(bench: Bench) -> dict[str, int]:
    """The walk of a job, its slots never written before; its parties hold tokens already."""
    client, provider = bench.people["sponsor"], bench.people["provider"]
    evaluator, contract = bench.people["evaluator"], bench.jobs.contract
    expires, figures = bench.now + DAY, {}
    bench.token.transact(client, "approve", bench.jobs.address, 2**255)
    terms = (provider.address, evaluator.address, expires, DESCRIPTION)
    steps = {
        "create": lambda: contract.transact(client, "createJob", *terms, bytes(20)),
        "set budget": lambda: bench.jobs.set_budget(client, bench.jobs.count(), POT),
        "fund": lambda: bench.jobs.fund(client, bench.jobs.count(), POT),
        "submit": lambda: bench.jobs.submit(provider, bench.jobs.count(), digest("work")),
        "complete": lambda: bench.jobs.complete(evaluator, bench.jobs.count(), digest("why")),
        "create and fund": lambda: contract.transact(client, "createAndFund", *terms, POT),
    }
    for name, step in steps.items():
        figures[name] = step().gas_used
    walk = ("create", "fund", "submit", "complete")
    figures["four steps"] = sum(figures[name] for name in walk)
    figures["four steps and the budget"] = figures["four steps"] + figures["set budget"]
    return figures


def show(title: str, figures: dict[str, int], beside: dict[str, tuple[str, int]]) -> None:
    print(f"\n{title}")
    for name, gas in figures.items():
        what, against = beside.get(name, ("", 0))
        ratio = f"  {gas / against:5.3f} of {what} {against:,}" if against else ""
        print(f"  {name:32} {gas:10,}{ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the cohort of 100,000 out")
    cohorts = (4, 1_000) if parser.parse_args().quick else (4, 1_000, 100_000)
    bench = set_up()
    print(f"gas of whole transactions, embedded chain, Python {platform.python_version()}")
    escrow = escrow_of(bench)
    opening, release = ("the anchor", ANCHORS["open"]), ("the anchor", ANCHORS["release"])
    walk = ("the target", TARGETS["four steps"])
    show(
        "escrow",
        escrow,
        {"create and fund": opening, "complete": release, "four steps and the budget": walk},
    )
    found = {count: rounds_of(bench, count) for count in cohorts}
    whole = ("the target", TARGETS["round"])
    for count, figures in found.items():
        show(f"rounds, cohort of {count:,}", figures, {"first round": whole, "later round": whole})
    claims = claims_of(bench)
    anchor = ("the anchor", ANCHORS["claim"])
    paid = {name: anchor for name in claims if "claim" in name}
    show(f"claims from {MEMBERS:,} accounts (broke: held no token before)", claims, paid)
    print()
    figures = {
        "benchmark": "gas",
        "rounds": {str(count): gas for count, gas in found.items()},
        "claims": claims,
        "escrow": escrow,
        "ratio": {
            "claim": round(claims["first claim, rich"] / ANCHORS["claim"], 3),
            "claim to an empty account": round(claims["first claim, broke"] / ANCHORS["claim"], 3),
            "open": round(escrow["create and fund"] / ANCHORS["open"], 3),
            "release": round(escrow["complete"] / ANCHORS["release"], 3),
        },
        "targets": TARGETS,
        "anchors": ANCHORS,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
