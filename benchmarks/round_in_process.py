"""One federated round in process: 8 participants, breast cancer, logistic regression.

Everything is timed that a round does (training, signing, committing, revealing, admission,
exact Shapley values, statements, the durable log, blobs) but what is spent waiting for the
chain, which is measured apart. The anchor is Flower's simulation engine on the same task:
205.6 ms a round, flat (flwr 1.41.0 with Ray, measured on a busy 2-core machine and not here,
because flwr's pins fight ours; see docs/guides/federation.md for running it yourself).

Usage: python benchmarks/round_in_process.py [--quick]
"""

import json
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from counterpoise.core.digest import dag_cbor
from counterpoise.core.merkle import inclusion_proof, leaf_hashes, root_of_hashes
from counterpoise.core.units import TOKEN
from counterpoise.federation import (
    Book,
    Coordinator,
    DirectCourier,
    Disclosure,
    Draft,
    Feature,
    GradientLearner,
    HonestTrainer,
    Model,
    ModelFile,
    Notary,
    Participant,
    Postings,
    TaskRules,
    ValidationSet,
    open_job,
    read_roster,
)
from counterpoise.network import create_network
from counterpoise.provenance import Subject

FLOWER_MS = 205.6
PARTICIPANTS, DISCLOSED = 8, 19


class ChainClock:
    """A chain that counts the seconds spent inside it, by the wall and by the processor."""

    def __init__(self, chain):
        self._chain, self.seconds, self.cpu = chain, 0.0, 0.0

    def __getattr__(self, name):
        found = getattr(self._chain, name)
        if not callable(found):
            return found

        def timed(*args, **options):
            start, used = time.perf_counter(), time.process_time()
            try:
                return found(*args, **options)
            finally:
                self.seconds += time.perf_counter() - start
                self.cpu += time.process_time() - used

        return timed


def shares():
    """Breast cancer rows as integers in hundredths, dealt to the participants."""
    from sklearn.datasets import load_breast_cancer

    rows = load_breast_cancer()
    features = np.rint(rows.data * 100).astype(np.int64)
    low, high = features.min(axis=0), features.max(axis=0)
    declared = tuple(
        Feature(f"f{i}", 2, int(a), int(b)) for i, (a, b) in enumerate(zip(low, high, strict=True))
    )
    order = np.random.default_rng(0).permutation(len(features))
    parts = np.array_split(order, PARTICIPANTS)
    return declared, [
        (features[p].astype(np.int32), rows.target[p].astype(np.int64)) for p in parts
    ]


def disclosures(features, labels):
    """The first rows of a participant, with proofs."""
    entries = [
        dag_cbor([bytes(16), *map(int, row), int(label)])
        for row, label in zip(features, labels, strict=True)
    ]
    hashes = leaf_hashes(entries)
    root = root_of_hashes(hashes)
    return root, [
        Disclosure(
            root,
            len(labels),
            i,
            bytes(16),
            (*map(int, features[i]), int(labels[i])),
            tuple(inclusion_proof(hashes, i)),
        )
        for i in range(DISCLOSED)
    ]


def prepared(folder: Path, rounds: int):
    """A network with the job opened and joined; gives the coordinator and the chain's clock."""
    network = create_network(folder, seed=bytes(32))
    clock = network.chain = ChainClock(network.chain)
    declared, dealt = shares()
    rules = TaskRules(Model(len(declared)), declared, rounds=rounds, clip=1 << 16, pot=100 * TOKEN)
    operator = network.account("operator")
    token = network.contract("CreditToken")

    def notary(name, tokens):
        account = network.account(name)
        network.chain.fund(account.address, 10**20)
        if tokens:
            token.transact(operator, "mint", account.address, tokens * TOKEN)
        return Notary(account, lambda: 1_700_000_000)

    committed = [disclosures(*part) for part in dealt]
    validation = ValidationSet(tuple(row for _, rows in committed for row in rows))
    base = ModelFile(np.zeros(rules.model.n_params, np.int32), np.zeros(0, np.int64))
    draft = Draft("bench", operator.address, rules, TOKEN, 60, 60, 600, base, validation, 86400)
    terms, envelope = open_job(network, notary("sponsor", 200), draft)
    group, participants = [envelope.to_bytes()], []
    postings = Postings(network, operator, terms.job)
    for number, ((features, labels), (root, _)) in enumerate(zip(dealt, committed, strict=True)):
        member = notary(f"member-{number}", 10)
        dataset = member.state(
            "dataset",
            [Subject(f"member-{number}", root)],
            schema=[{"name": "f", "type": "int64"}],
            encoding="salted-dag-cbor-rows/v1",
            rows=len(labels),
            row_root=root,
            source="scikit-learn",
            licence="CC BY 4.0",
        )
        group.append(dataset.to_bytes())
        digest = dataset.statement.digest
        postings.cohort.join_with_permit(member.account, terms.job, digest, 2**40)
        learner = GradientLearner(rules.model, steps=5 * len(labels) // 32, batch=32, rate=0.05)
        trainer = HonestTrainer(learner, features, labels, seed=number)
        participants.append(
            Participant(f"member-{number}", member, terms, digest, trainer, network.store, postings)
        )
    network.log.append(group)
    book = Book.read(network.log.entries(), terms.job)
    roster, _ = read_roster(book, postings.cohort.members(terms.job))
    courier = DirectCourier(participants)
    return Coordinator(network, notary("operator", 0), terms, roster, courier), clock


def main() -> None:
    """Run the rounds and print the table."""
    rounds = 6 if "--quick" in sys.argv else 30
    with tempfile.TemporaryDirectory() as folder:
        coordinator, clock = prepared(Path(folder), rounds)
        own, chain, cpu = [], [], []
        for number in range(1, rounds + 2):
            clock.seconds, clock.cpu = 0.0, 0.0
            wall, used = time.perf_counter(), time.process_time()
            coordinator.run_round(number)
            wall, used = time.perf_counter() - wall, time.process_time() - used
            if number > 2:
                own.append(1e3 * (wall - clock.seconds))
                chain.append(1e3 * clock.seconds)
                cpu.append(1e3 * (used - clock.cpu))
        coordinator.network.close()
    figures = {
        "round_ms": round(statistics.median(own), 2),
        "round_ms_worst": round(max(own), 2),
        "chain_ms": round(statistics.median(chain), 2),
        "round_cpu_ms": round(statistics.median(cpu), 2),
        "rounds": len(own),
        "flower_ms_reported": FLOWER_MS,
        "ratio": round(FLOWER_MS / statistics.median(own), 1),
        "machine": platform.processor() or platform.machine(),
    }
    print(f"8 participants, {figures['rounds']} rounds, median")
    print(f"  all steps but the chain  {figures['round_ms']:8.2f} ms")
    print(f"  of it on the processor   {figures['round_cpu_ms']:8.2f} ms")
    print(f"  the chain                {figures['chain_ms']:8.2f} ms")
    print(f"  Flower simulation        {FLOWER_MS:8.2f} ms (as reported)")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
