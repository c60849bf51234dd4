"""Gas of convicting a federated round, from receipts of real transactions on the embedded chain.

For every cell of the judge one number of a posted round is made false; the dispute is found by the
rules in Python and the whole transaction is measured: evidence, bench, conviction, payment, burning
and the round's fall. The demo's size is 6 members, 20 features and 120 validation rows; the large
one has 14 members and 1,000 rows, the wide one is a softmax of 10 classes over 64 features.
"""

import argparse
import json
import platform
from dataclasses import dataclass, replace

import numpy as np

from counterpoise.chain import Account, deploy, open_chain
from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.core.digest import array_bytes, sha256
from counterpoise.core.log_table import table_bytes
from counterpoise.core.units import TOKEN
from counterpoise.federation.articles import Articles
from counterpoise.federation.disputes import Suspect, raw_rows
from counterpoise.federation.judge import BENCHES, JudgeClient
from counterpoise.federation.judge_pay import claim_leaves
from counterpoise.federation.judge_rules import Place, World, context_of
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.rounds import RoundsClient
from counterpoise.federation.rounds_rules import Result
from counterpoise.federation.rules import (
    Feature,
    Model,
    Rows,
    Standing,
    TaskRules,
    combined,
    local_statistics,
    score_round,
    standardised,
    update_bytes,
)
from counterpoise.federation.rules.round_trace import statistics_trace
from counterpoise.federation.rules.trace import Section, Trace
from counterpoise.federation.validation import Disclosure, ValidationSet
from counterpoise.jobs import CohortClient, JobsClient

TARGET, DAY, WINDOW, POT, BOND = 400_000, 86_400, 3600, 1000 * TOKEN, 320 * TOKEN
SIZES = {
    "demo": {"members": 6, "inputs": 20, "rows": 120},
    "large": {"members": 14, "inputs": 30, "rows": 1000},
    "wide": {"members": 6, "inputs": 64, "rows": 120, "classes": 10},
}
# What is made false: round, section, entry, where in it, how many bytes.
LIES = {
    "coordinate of the aggregate": (3, "model", 0, 64, 8),
    "coordinate of the base": (3, "model", 0, 0, 8),
    "sum of statistics": (1, "model", 2, 0, 8),
    "feature of a row": (3, "rows", 5, 4, 4),
    "logit of the base": (3, "rows", 5, -1, 8),
    "logit of a member": (3, "rows", 5, -2, 8),
    "loss of a coalition on a row": (3, "losses", 9, 20, 4),
    "sum of losses": (3, "losses", 9, 0, 8),
    "utility": (3, "utilities", 1, 8, 8),
    "term of a Shapley value": (3, "steps", 1, 8, 8),
    "score": (3, "scores", 1, 20, 16),
    "weight of a member": (3, "round", 0, 205, 8),
    "share of the pot": (3, "standing", 1, 117, 16),
    "sum of dues": (3, "standing", 1, 133, 16),
    "list of dues": (3, "dues", 0, 56, 16),
    "header": (3, "round", 0, 64, 8),
}


@dataclass
class Job:
    """One job's true rounds, and what stands behind them."""

    articles: Articles
    traces: list[Trace]
    models: list[bytes]
    dues: list[int]
    blobs: dict[bytes, bytes]
    rows: Section


@dataclass
class Bench:
    """The contracts on one chain, and who calls them."""

    people: dict[str, Account]
    jobs: JobsClient
    cohort: CohortClient
    rounds: RoundsClient
    judge: JudgeClient

    def opened(self, articles: Articles, members: list[Account]) -> int:
        """Open a bonded job that these members have joined."""
        sponsor, coordinator = self.people["sponsor"], self.people["coordinator"]
        job = self.jobs.create_and_fund(
            sponsor,
            provider=self.cohort.address,
            evaluator=self.rounds.address,
            expires=self.judge.contract.chain.block().time + 30 * DAY,
            budget=POT,
        )
        self.cohort.open(sponsor, job, stake=0, rounds=self.rounds.address)
        for member in members:
            self.cohort.join(member, job, bytes(32))
        self.judge.open(sponsor, job, articles, BOND)
        self.rounds.open(
            sponsor,
            job,
            coordinator=coordinator.address,
            rounds=3,
            challenge_seconds=WINDOW,
            task_digest=bytes(32),
            judge=self.judge.address,
        )
        self.judge.deposit(coordinator, job)
        return job

    def post(self, job: int, number: int, content: Result) -> None:
        """Post one round."""
        self.rounds.commit(self.people["coordinator"], job, number, bytes(32))
        self.rounds.result(self.people["coordinator"], job, number, content)


def set_up() -> Bench:
    chain = open_chain("embedded:", clock=lambda: 1_700_000_000)
    names = ("sponsor", "coordinator", "challenger", "operator")
    people = {name: Account.local(name.encode()) for name in names}
    operator = people["operator"]
    for account in people.values():
        chain.fund(account.address, 10**21)
    token = deploy(chain, operator, "CreditToken", operator.address)
    for name in names:
        token.transact(operator, "mint", people[name].address, 100_000 * TOKEN)
    jobs = deploy(chain, operator, "Jobs", token.address)
    cohort = deploy(chain, operator, "Cohort", token.address, jobs.address)
    rounds = deploy(chain, operator, "Rounds", jobs.address, cohort.address)
    arguments = {"ScoreCells": [table_bytes()]}
    benches = [deploy(chain, operator, n, *arguments.get(n, [])).address for n, _ in BENCHES]
    judge = deploy(chain, operator, "RoundJudge", rounds.address, benches)
    clients = (JobsClient(jobs), CohortClient(cohort, token), RoundsClient(rounds))
    return Bench(people, *clients, JudgeClient(judge, token))


def played(
    bench: Bench, members: list[Account], job_id: int, inputs: int, rows: int, classes: int = 2
) -> Job:
    """Compute three rounds of random rows and updates."""
    rng = np.random.default_rng(0)
    features = tuple(Feature(f"f{i}", 0, 0, 1000) for i in range(inputs))
    rules = TaskRules(Model(inputs, classes), features, rounds=2, clip=1 << 16, pot=POT)
    accounts = sorted(member.address for member in members)
    weights = {a: int(rng.integers(20, 300)) for a in accounts}
    own = {a: rng.integers(0, 1001, (weights[a], inputs)) for a in accounts}
    vectors = {a: local_statistics(x, rules) for a, x in own.items()}
    raw, labels = rng.integers(0, 1001, (rows, inputs)), rng.integers(0, classes, rows)
    validation = ValidationSet(
        tuple(
            Disclosure(bytes(32), 1, 0, bytes(16), (*map(int, x), int(y)), ())
            for x, y in zip(raw, labels, strict=True)
        )
    )
    base = ModelFile(np.zeros(rules.model.n_params, np.int32), np.zeros(0, np.int64))
    whole, blobs = combined(vectors, rules), {}
    model = ModelFile(base.params, np.array([whole.rows, *whole.sums, *whole.squares], np.int64))
    articles = Articles.of(rules, base.digest, raw_rows(validation).root, rows)
    context = context_of(31337, bench.rounds.address, job_id)
    for vector in vectors.values():
        blobs[sha256(array_bytes(vector))] = array_bytes(vector)
    digests = {a: sha256(array_bytes(v)) for a, v in vectors.items()}
    total = [int(x) for x in model.statistics]
    traces = [statistics_trace((context, rules, 1), weights, vectors, digests, total)]
    models, dues, standing = [model.digest], [0], Standing()
    blobs[model.digest] = model.to_bytes()
    validated = Rows(standardised(raw, whole, rules), labels.astype(np.int64))
    for round_id in range(2):
        updates = {
            a: rng.integers(-9000, 9000, rules.model.n_params).astype(np.int32) for a in accounts
        }
        blobs |= {sha256(update_bytes(u)): update_bytes(u) for u in updates.values()}
        params = model.params.astype(np.int64)
        result = score_round(
            rules, round_id, params, updates, weights, validated,
            standing=standing, context=context,
        )  # fmt: skip
        standing, traces = result.standing, [*traces, result.trace]
        model = ModelFile(result.model.astype(np.int32), model.statistics)
        blobs[model.digest] = model.to_bytes()
        models, dues = [*models, model.digest], [*dues, standing.total]
    return Job(articles, traces, models, dues, blobs, raw_rows(validation))


def changed(trace: Trace, name: str, index: int, at: int, size: int) -> Trace:
    """The trace with one number of one entry raised by one."""
    section = trace.section(name)
    entries = section.entries.copy()
    number = (int.from_bytes(entries[index, at : at + size].tobytes(), "big") + 1) % 256**size
    entries[index, at : at + size] = np.frombuffer(number.to_bytes(size, "big"), np.uint8)
    lie = Section(name, entries)
    return Trace(tuple(lie if s.name == name else s for s in trace.sections))


def convicted(bench: Bench, job_id: int, job: Job, lie: tuple) -> tuple[str, int, int]:
    """Post rounds of which one is false, and convict it; give the cell, gas and evidence bytes."""
    number, name, index, at, size = lie
    labelled = 4 * job.articles.inputs + 8
    at = {-1: labelled, -2: labelled + 8 * job.articles.outputs}.get(at, at)
    chain = bench.judge.contract.chain
    snapshot, traces = chain.snapshot(), list(job.traces)
    traces[number - 1] = posted = changed(traces[number - 1], name, index, at, size)
    for each in range(1, number + 1):
        bench.post(job_id, each, content(bench, job_id, each, job, traces[each - 1]))
    records = [found.record for found in bench.rounds.results(job_id)]
    before = records[number - 2] if number > 1 else None
    contracts = (bench.rounds.address, bench.cohort.address)
    place = Place.of(31337, contracts, job_id, number, (records[number - 1], before))
    former = job.traces[number - 2] if number > 1 else None
    suspect = Suspect(
        place, job.articles, World(31337), posted, job.traces[number - 1], former,
        job.blobs.get, job.rows,
    )  # fmt: skip
    found = suspect.accusation()
    if found is None:
        raise SystemExit(f"{name}: nothing could be convicted")
    receipt = bench.judge.convict(
        bench.people["challenger"], place, (records[number - 1], before), job.articles, found
    )
    data = bench.judge.bench(found.bench).encode(found.cell, *found.call(place, job.articles))
    chain.revert(snapshot)
    return found.cell, receipt.gas_used, len(data)


def content(bench: Bench, job_id: int, number: int, job: Job, trace: Trace) -> Result:
    """What a round posts, consistent with its trace."""
    updates, scores = trace.section("updates").root, trace.section("scores").root
    model, total = job.models[number - 1], job.dues[number - 1]
    found = Result(updates, trace.root, scores, bytes(32), total, model, bytes(32))
    place = replace(PLACE, cohort=bench.cohort.address, job=job_id, number=number)
    leaves = claim_leaves(place, World(31337), job.traces[number - 1].section("dues").entry(0))
    root = ClaimsTree(list(leaves.values())).root if leaves else bytes(32)
    return replace(found, pay_root=root)


PLACE = Place(*[bytes(32)] * 3, 0, 0, *[bytes(32)] * 5, 0, *[bytes(32)] * 3, 0)


def measured(bench: Bench, size: dict[str, int]) -> dict[str, tuple[str, int, int]]:
    """Convict every lie at one size."""
    chain, plain = bench.judge.contract.chain, dict(size)
    members = [Account.local(b"member %d" % i) for i in range(plain.pop("members"))]
    for member in members:
        chain.fund(member.address, 10**19)
    job_id = bench.jobs.count() + 1
    job = played(bench, members, job_id, **plain)
    if bench.opened(job.articles, members) != job_id:
        raise SystemExit("another job id than was foreseen")
    return {name: convicted(bench, job_id, job, lie) for name, lie in LIES.items()}


def main() -> None:
    """Print what each conviction costs at each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the demo's size alone")
    names = ["demo"] if parser.parse_args().quick else list(SIZES)
    bench = set_up()
    found = {name: measured(bench, SIZES[name]) for name in names}
    print(f"{'false':32}{'cell':12}" + "".join(f"{name + ' gas':>14}" for name in names))
    for lie in LIES:
        gas = "".join(f"{found[name][lie][1]:>14,}" for name in names)
        print(f"{lie:32}{found[names[0]][lie][0]:12}{gas}")
    worst = {name: max(gas for _, gas, _ in cells.values()) for name, cells in found.items()}
    print(f"{'the dearest':44}" + "".join(f"{worst[name]:>14,}" for name in names))
    figures = {f"worst_{name}": gas for name, gas in worst.items()}
    figures |= {lie: gas for lie, (_, gas, _) in found["demo"].items()}
    machine = platform.processor() or platform.machine()
    print(json.dumps({**figures, "target": TARGET, "machine": machine}))


if __name__ == "__main__":
    main()
