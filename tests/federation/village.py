"""A small federation on a real chain: a sponsor, an operator and participants with toy rows."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from counterpoise.core.digest import dag_cbor
from counterpoise.core.merkle import inclusion_proof, leaf_hashes, root_of_hashes
from counterpoise.core.units import TOKEN
from counterpoise.federation.book import Book
from counterpoise.federation.coordinator import Coordinator, no_step
from counterpoise.federation.courier import DirectCourier
from counterpoise.federation.evidence import Notary
from counterpoise.federation.learners import GradientLearner
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.participant import Participant
from counterpoise.federation.postings import Postings
from counterpoise.federation.roster import read_roster
from counterpoise.federation.rules import Feature, Model, TaskRules
from counterpoise.federation.sponsor import Draft, open_job
from counterpoise.federation.trainers import HonestTrainer
from counterpoise.federation.validation import Disclosure, ValidationSet
from counterpoise.network import Network, create_network
from counterpoise.provenance import Subject

FEATURES = (Feature("a", 0, 0, 100), Feature("b", 0, 0, 100))
RULES = TaskRules(Model(2), FEATURES, rounds=2, clip=1 << 16, pot=100 * TOKEN)
ROWS, DISCLOSED = 40, 15


@dataclass
class Owner:
    """One data owner: its rows, and the commitment to them."""

    name: str
    features: np.ndarray
    labels: np.ndarray
    salts: list[bytes]
    trainer: object = None

    @property
    def hashes(self):
        rows = zip(self.salts, self.features, self.labels, strict=True)
        return leaf_hashes([dag_cbor([s, *map(int, x), int(y)]) for s, x, y in rows])

    @property
    def row_root(self):
        return root_of_hashes(self.hashes)

    def disclosures(self, count=DISCLOSED):
        hashes, root = self.hashes, self.row_root
        return [
            Disclosure(
                root,
                len(self.labels),
                i,
                self.salts[i],
                (*map(int, self.features[i]), int(self.labels[i])),
                tuple(inclusion_proof(hashes, i)),
            )
            for i in range(count)
        ]


def owner(name, seed, rows=ROWS):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 101, (rows, 2))
    labels = (features @ np.array([1, -1]) + rng.normal(0, 10, rows) > 0).astype(np.int64)
    salts = [rng.bytes(16) for _ in range(rows)]
    return Owner(name, features, labels, salts)


def owners(count=3):
    return [owner(f"owner-{i}", i) for i in range(count)]


@dataclass
class Village:
    """A network with one job that everybody has joined; the rounds have not begun."""

    network: Network
    owners: list[Owner]
    rules: TaskRules = RULES
    participants: list[Participant] = field(default_factory=list)
    terms: object = None
    bond: int = 0

    def notary(self, name):
        return Notary(self.network.account(name), lambda: self.network.chain.block("latest").time)

    def fund(self, name, tokens):
        account = self.network.account(name)
        self.network.chain.fund(account.address, 10**20)
        operator = self.network.account("operator")
        token = self.network.contract("CreditToken")
        token.transact(operator, "mint", account.address, tokens * TOKEN)

    @property
    def draft(self):
        """What the sponsor wants."""
        validation = ValidationSet(tuple(row for o in self.owners for row in o.disclosures()))
        base = ModelFile(np.zeros(self.rules.model.n_params, np.int32), np.zeros(0, np.int64))
        operator = self.network.account("operator").address
        return Draft(
            "village", operator, self.rules, TOKEN, 60, 60, 600, base, validation, 86400, self.bond
        )

    def settle_in(self):
        """Open the job and let everybody join; the statements go into the log as one group."""
        self.fund("sponsor", 1000)
        if self.bond:
            self.fund("operator", 10 * self.bond // TOKEN)
        self.terms, envelope = open_job(self.network, self.notary("sponsor"), self.draft)
        group = [envelope.to_bytes()]
        for one in self.owners:
            group += self.join(one)
        self.network.log.append(group)
        return self

    def join(self, one):
        self.fund(one.name, 10)
        notary = self.notary(one.name)
        dataset = notary.state(
            "dataset",
            [Subject(one.name, one.row_root)],
            schema=[{"name": n, "type": "int64"} for n in ("a", "b", "label")],
            encoding="dag-cbor rows v1",
            rows=len(one.labels),
            row_root=one.row_root,
            source="toy",
            licence="CC0",
        )
        digest = dataset.statement.digest
        self.postings.cohort.join_with_permit(notary.account, self.terms.job, digest, 2**40)
        trainer = one.trainer or HonestTrainer(
            GradientLearner(self.rules.model), one.features, one.labels
        )
        self.participants.append(
            Participant(
                one.name,
                notary,
                self.terms,
                digest,
                trainer,
                self.network.store,
                witness=self.postings,
            )
        )
        return [dataset.to_bytes()]

    @property
    def postings(self):
        return Postings(self.network, self.network.account("operator"), self.terms.job)

    def coordinator(self, courier=None, on_step=no_step):
        book = Book.read(self.network.log.entries(), self.terms.job)
        roster, _ = read_roster(book, self.postings.joined())
        return Coordinator(
            self.network,
            self.notary("operator"),
            self.terms,
            roster,
            courier or DirectCourier(self.participants),
            on_step,
        )

    def finish(self, outcome):
        """Let the last window pass, finish, and claim for everybody."""
        postings = self.postings
        self.network.chain.warp(self.terms.challenge_seconds + 1)
        operator = self.network.account("operator")
        postings.rounds.finish(operator, self.terms.job)
        tree = postings.pay_tree(outcome.number, outcome.standing.dues)
        for account, due in tree.due.items():
            postings.cohort.claim(operator, self.terms.job, account, due, tree.proof(account))
        return tree

    def release_log(self):
        """Let another reader or writer open the log."""
        if self.network._log is not None:
            self.network._log.close()
            self.network._log = None


def village(folder: Path, people=None, rules=RULES, bond=0):
    network = create_network(folder, seed=bytes(32))
    return Village(network, people or owners(), rules, bond=bond).settle_in()
