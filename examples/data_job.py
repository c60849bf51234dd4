"""A buyer evaluates its model on rows that it cannot see; their owner's policy says what leaves.

Run it: python examples/data_job.py
"""

import csv
import tempfile
from pathlib import Path

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from counterpoise.apps.diagnosis.heart import FEATURES, load_hospitals
from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.inference import import_model, model_bytes
from counterpoise.jobs import TokenClient
from counterpoise.market import (
    Columns,
    Condition,
    DataBuyer,
    DataNode,
    DataOwner,
    DataPolicy,
    Disclosure,
    OwnerHome,
    Question,
    audit_data_jobs,
    co_sign,
    evaluation_algorithm,
    verify_data_jobs,
)
from counterpoise.network import create_network
from counterpoise.provenance import Verdict

CLEVELAND, HUNGARIAN = load_hospitals()[:2]
NAMES = tuple(feature.name for feature in FEATURES)


def write_rows(path: Path) -> Path:
    """Cleveland's complete rows as the hospital has them: a CSV file, in the data's own units."""
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*NAMES, "ill"])
        for part in (CLEVELAND.train, CLEVELAND.test):
            for row, ill in zip(part.features.tolist(), part.labels.tolist(), strict=True):
                cells = (v / 10**f.decimals for v, f in zip(row, FEATURES, strict=True))
                lines.writerow([*(f"{cell:g}" for cell in cells), ill])
    return path


with tempfile.TemporaryDirectory() as place, create_network(Path(place) / "state") as network:
    hospital, officer, maker = map(network.account, ("hospital", "officer", "maker"))
    token = TokenClient(network.contract("CreditToken"))
    for account in (hospital, maker):
        network.fund(account.address, 10**19)
        token.mint(network.account("operator"), account.address, 10 * TOKEN)

    def now() -> int:
        return network.chain.block().time

    # The hospital states its dataset, admits one algorithm, and signs a policy with its officer.
    home = OwnerHome(Path(place) / "home")
    owner = DataOwner(network, hospital, home, now)
    columns = Columns(FEATURES, "ill", 2)
    dataset = owner.offer(
        write_rows(Path(place) / "rows.csv"), columns, "cleveland", "UCI", "CC BY"
    )
    algorithm = evaluation_algorithm()
    owner.admit(algorithm)
    policy = DataPolicy(
        owner=hospital.address,
        dataset=dataset.statement.digest,
        algorithms=(algorithm.digest,),
        columns=columns.names,
        buyers="anyone",
        purposes=("research",),
        price=2 * TOKEN,
        evaluators=(network.charter.contracts["Acceptance"],),
        jobs_a_buyer=3,
        jobs_in_all=10,
        expires=now() + 365 * 86_400,
        disclosure=Disclosure(least_rows=10, round_to=5),
        officers=(officer.address,),
    )
    owner.take_policy(policy, co_sign(owner.draft_policy(policy), officer))
    print(f"offered: {dataset.statement.predicate['rows']} rows, which stay; policy signed by two")

    # A maker of models has trained one elsewhere; it asks, and pays into escrow.
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(HUNGARIAN.train.features.astype(float), HUNGARIAN.train.labels)
    ranges = {f.name: (float(f.minimum), float(f.maximum)) for f in FEATURES}
    made = import_model(
        model, HUNGARIAN.train.features.astype(float), names=list(NAMES), ranges=ranges
    )
    store = network.store
    question = Question(
        made.model.id, store.put(model_bytes(made.model)), store.put(made.card.to_bytes())
    )
    buyer = DataBuyer(network, maker, now)
    signed = buyer.policy(policy.digest)
    whole = buyer.evaluate(signed, algorithm, question, NAMES)
    oldest = (Condition("age", 75, 120),)
    narrow = buyer.evaluate(signed, algorithm, question, NAMES, where=oldest)
    days = {"lifetime": 30 * 86_400, "hook": True}
    jobs = [buyer.send(one, policy.evaluators[0], **days) for one in (whole, narrow)]

    # The hospital's node runs what is admitted; only counts of ten rows or more leave.
    DataNode(network, hospital, OwnerHome(home.folder)).serve_once()
    found = buyer.answer(jobs[0])
    print(f"all rows: {found.outputs['metrics']}")
    print(f"those of 75 and over: refused, {buyer.answer(jobs[1]).message}")
    print(f"the maker has {format_tokens(token.balance(maker.address))} tokens left of 10")

    inside, outside = Verdict(), Verdict()
    again = audit_data_jobs(network, OwnerHome(home.folder), inside)
    answers = verify_data_jobs(network, outside)
    print(f"with the rows: {again} result made again to the bit; {len(inside.false)} false")
    print(f"without: {outside.numbers} numbers of {answers} answers, {len(outside.false)} false")
