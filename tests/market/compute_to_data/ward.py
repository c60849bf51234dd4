"""A hospital that offers its rows, buyers that cannot see them, and a network between them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from counterpoise.apps.diagnosis.heart import FEATURES, load_hospitals, together
from counterpoise.core.units import TOKEN
from counterpoise.federation import Feature
from counterpoise.inference import import_model, model_bytes
from counterpoise.market.compute_to_data.algorithms import evaluation_algorithm, own_code
from counterpoise.market.compute_to_data.buying import DataBuyer
from counterpoise.market.compute_to_data.checks import verify_data_jobs
from counterpoise.market.compute_to_data.evaluation import Question
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.node import DataNode
from counterpoise.market.compute_to_data.offering import DataOwner, co_sign
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.request import Condition
from counterpoise.market.compute_to_data.rows import Columns
from counterpoise.market.compute_to_data.terms import Disclosure
from counterpoise.network import create_network
from counterpoise.provenance import Verdict

COLUMNS = Columns(FEATURES, "ill", 2)
NAMES = tuple(feature.name for feature in FEATURES)
TERMS = Disclosure(least_rows=10, round_to=5, bits_a_job=256, bits_in_all=1_024)
AGES = b"""
import numpy as np

def run(columns, parameters):
    ages = columns["age"] * parameters["months"]
    return {"ill": int(columns["ill"].sum()), "mean": int(ages.sum() // len(ages))}
"""
SHAPES = {
    "ill": {"least": 0, "most": 100_000, "count": True},
    "mean": {"least": 0, "most": 1_440},
}
PARAMETERS = {"months": {"least": 1, "most": 12}}


@cache
def heart(name="cleveland"):
    """All complete rows of one hospital: features and outcomes."""
    found = next(one for one in load_hospitals() if one.name == name)
    return together([found.train, found.test])


@cache
def trained(seed=0, rows=200):
    """An integer model that a buyer has trained elsewhere, with its card."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    part = heart("hungarian")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(part))[:rows]
    scaler = StandardScaler().fit(part.features[chosen])
    model = make_pipeline(scaler, LogisticRegression(max_iter=500))
    model.fit(part.features[chosen].astype(float), part.labels[chosen])
    ranges = {f.name: (float(f.minimum), float(f.maximum)) for f in FEATURES}
    return import_model(model, part.features.astype(float), names=list(NAMES), ranges=ranges)


def write_rows(path: Path, part):
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*NAMES, "ill"])
        for features, label in zip(part.features.tolist(), part.labels.tolist(), strict=True):
            cells = [_decimal(v, f) for v, f in zip(features, FEATURES, strict=True)]
            lines.writerow([*cells, label])
    return path


def _decimal(value: int, feature: Feature) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    return f"{sign}{size // 10}.{size % 10}" if feature.decimals else str(value)


@dataclass
class Ward:
    """The hospital's folder and node, beside a buyer."""

    network: object
    folder: Path
    part: object

    def __post_init__(self):
        """Offer the rows and admit two algorithms; done before, nothing changes."""
        self.owner = self.network.account("hospital")
        self.officer = self.network.account("officer")
        self.home = OwnerHome(self.folder / "home")
        self.offering = DataOwner(self.network, self.owner, self.home, self.clock)
        self.evaluation = evaluation_algorithm()
        self.code = own_code("ages", AGES, SHAPES, PARAMETERS)
        if self.home.has("dataset.envelope"):
            return
        for account in (self.owner, self.network.account("buyer"), self.network.account("rival")):
            self.fund(account)
        rows = write_rows(self.folder / "rows.csv", self.part)
        self.offering.offer(rows, COLUMNS, "cleveland", "UCI", "CC BY 4.0")
        self.offering.admit(self.evaluation)
        self.offering.admit(self.code, AGES)

    def clock(self):
        return self.network.chain.block("latest").time

    def fund(self, account, tokens=1_000):
        self.network.fund(account.address, 10**20)
        token = self.network.contract("CreditToken")
        token.transact(self.network.account("operator"), "mint", account.address, tokens * TOKEN)

    def buyer(self, name="buyer"):
        return DataBuyer(self.network, self.network.account(name), self.clock)

    def balance(self, account):
        return self.network.contract("CreditToken").call("balanceOf", account.address)

    def admit_code(self, source, shapes, parameters=None):
        """Review a file, so to say, and admit it."""
        manifest = own_code("own", source, shapes, parameters or {})
        self.offering.admit(manifest, source)
        return manifest

    def answers(self, *asked, node=None):
        """Let the node answer, and read what it says to each."""
        (node or self.node()).serve_once()
        return [self.buyer().answer(one) for one in asked]

    def release_log(self):
        """Let another reader or writer open the log."""
        if self.network._log is not None:
            self.network._log.close()
            self.network._log = None

    def verdict(self):
        """What an outsider finds."""
        self.release_log()
        verdict = Verdict()
        verify_data_jobs(self.network, verdict)
        return verdict

    def policy(self, **changed):
        shown = {k: changed.pop(k) for k in TERMS.__dataclass_fields__ if k in changed}
        usual = {
            "owner": self.owner.address,
            "dataset": self.home.dataset.statement.digest,
            "algorithms": (self.evaluation.digest, self.code.digest),
            "columns": COLUMNS.names,
            "buyers": "anyone",
            "purposes": ("research",),
            "price": TOKEN,
            "evaluators": None,
            "jobs_a_buyer": 10,
            "jobs_in_all": 20,
            "expires": 2**40,
            "disclosure": replace(TERMS, **shown),
            "seconds": 2,
            "officers": (self.officer.address,),
        }
        return DataPolicy(**(usual | changed))

    def enforce(self, **changed):
        """Put a policy in force, the officer's signature and all."""
        policy = self.policy(**changed)
        self.offering.home = OwnerHome(self.home.folder)
        envelope = self.offering.draft_policy(policy)
        self.offering.take_policy(policy, co_sign(envelope, self.officer))
        return policy

    def node(self, **options):
        """A node that has just been started: nothing of an earlier one is in memory."""
        return DataNode(self.network, self.owner, OwnerHome(self.home.folder), **options)

    def question(self, imported=None, **more):
        imported = imported or trained()
        store = self.network.store
        file = store.put(model_bytes(imported.model))
        return Question(imported.model.id, file, store.put(imported.card.to_bytes()), **more)

    def ask(self, policy, buyer=None, imported=None, edges=(), by="", **more):
        """Send an evaluation and pay for it."""
        buyer = buyer or self.buyer()
        question = self.question(imported, edges=edges, by=by)
        request = buyer.evaluate(policy, self.evaluation, question, NAMES, **more)
        return buyer.send(request, buyer.account.address)

    def ask_code(self, policy, buyer=None, manifest=None, **more):
        """Send a job of own code and pay for it."""
        buyer = buyer or self.buyer()
        manifest = manifest or self.code
        parameters = more.pop("parameters", {"months": 12} if manifest.parameters else {})
        request = buyer.draft(policy, manifest, ("age", "ill"), parameters, **more)
        return buyer.send(request, buyer.account.address)


def open_ward(folder, part=None):
    """A ward of its own, or the one that is in the folder."""
    network = create_network(folder / "network", seed=bytes(32))
    return Ward(network, folder, part or heart())


def older(least):
    """Rows whose age is at least so many years."""
    return (Condition("age", least, 120),)
