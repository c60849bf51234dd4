"""A training task that comes as a data job: joined by policy, paid by its own pot."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from ward import COLUMNS, NAMES, TOKEN, heart

from counterpoise.federation import (
    Draft,
    GradientLearner,
    Home,
    HonestTrainer,
    Host,
    Model,
    ModelFile,
    Node,
    Notary,
    TaskRules,
    open_job,
    verify_job,
)
from counterpoise.federation.mail import post_letter, task_topic
from counterpoise.federation.validation import ValidationSet
from counterpoise.market.compute_to_data.algorithms import training_algorithm
from counterpoise.market.compute_to_data.auditing import audit_data_jobs
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.request import Condition
from counterpoise.market.compute_to_data.terms import Training
from counterpoise.provenance import Verdict

TERMS = Training(3, 64, 1_000_000, 2, 2 * TOKEN, 10 * TOKEN)
RULES = TaskRules(
    Model(len(NAMES)), COLUMNS.features, rounds=2, clip=1 << 14, pot=40 * TOKEN, quorum=2
)


class Sponsored:
    """A ward beside a second hospital, and a sponsor who opens tasks for both."""

    def __init__(self, ward, folder):
        self.ward, self.network = ward, ward.network
        self.sponsor, self.second = ward.network.account("rival"), ward.network.account("second")
        ward.fund(self.second)
        self.training = training_algorithm()
        ward.offering.admit(self.training)
        part = heart("hungarian")
        values = np.column_stack([part.features, part.labels]).astype(np.int64)
        self.rows = Home(folder / "second").commit(values, COLUMNS.names)
        self.folder = folder

    def enforce(self, **changed):
        digests = (self.ward.evaluation.digest, self.training.digest)
        return self.ward.enforce(algorithms=digests, training=replace(TERMS, **changed))

    def notary(self, account):
        return Notary(account, self.ward.clock)

    def open(self, rules=RULES, stake=TOKEN):
        disclosed = self.rows.disclose(self.rows.sample(30)).disclosures
        base = ModelFile(np.zeros(rules.model.n_params, np.int32), np.zeros(0, np.int64))
        coordinator = self.network.account("operator").address
        times = (30, 30, 60)
        validation = ValidationSet(tuple(disclosed))
        draft = Draft("hearts", coordinator, rules, stake, *times, base, validation, 86_400)
        terms, task = open_job(self.network, self.notary(self.sponsor), draft)
        place = task_topic(terms.job)
        post_letter(self.network.mailbox, place, self.sponsor.address, task.to_bytes())
        return terms

    def ask(self, policy, terms, buyer=None):
        return (buyer or self.ward.buyer("rival")).ask_training(policy, self.training, terms.job)


@pytest.fixture
def sponsored(ward, tmp_path):
    return Sponsored(ward, tmp_path)


@pytest.mark.parametrize(
    ("rule", "rules", "stake", "changed"),
    [
        ("task", replace(RULES, rounds=4), TOKEN, {}),
        ("task", replace(RULES, clip=1 << 17), TOKEN, {}),
        ("task", replace(RULES, quorum=1), TOKEN, {}),
        ("task", replace(RULES, model=Model(len(NAMES), 2, (8,))), TOKEN, {}),
        ("task", RULES, TOKEN, {"coordinators": (bytes(20),)}),
        ("money", replace(RULES, pot=9 * TOKEN), TOKEN, {}),
        ("money", RULES, 3 * TOKEN, {}),
        (
            "columns",
            replace(
                RULES, features=(replace(COLUMNS.features[0], maximum=99), *COLUMNS.features[1:])
            ),
            TOKEN,
            {},
        ),
    ],
)
def test_a_task_beyond_the_policy_is_not_joined(sponsored, rule, rules, stake, changed):
    policy = sponsored.enforce(**changed)
    asked = sponsored.ask(policy, sponsored.open(rules, stake))
    (answer,) = sponsored.ward.answers(asked)
    assert (answer.outputs, answer.rule) == (None, rule)
    assert sponsored.ward.node().training.waiting() == []
    assert sponsored.ward.verdict().is_true


def test_only_the_sponsor_of_a_task_asks_for_it(sponsored):
    policy, terms = sponsored.enforce(), sponsored.open()
    (answer,) = sponsored.ward.answers(sponsored.ask(policy, terms, sponsored.ward.buyer()))
    assert answer.rule == "money"


def test_rows_stay_while_a_model_is_trained_on_them_and_the_pot_pays(sponsored):
    ward = sponsored.ward
    policy, terms = sponsored.enforce(), sponsored.open()
    asked = sponsored.ask(policy, terms)
    (answer,) = ward.answers(asked)
    assert answer.outputs == {"task": terms.digest.hex(), "job": terms.job}
    assert ward.node().home.ledger.spent().jobs == 1
    before = ward.balance(ward.owner)
    ward.release_log()
    together(sponsored, terms)
    assert ward.balance(ward.owner) > before, "more than the stake came back"
    node = ward.node()
    assert node.training.waiting() == [] and node.serve_once() == 0
    dataset = ward.home.dataset.statement.predicate["row_root"]
    joined = [e for e in _statements(ward) if e.predicate_type.endswith("/dataset/v1")]
    assert [e.predicate["row_root"] for e in joined].count(dataset) == 2, "offered, then joined"
    assert ward.verdict().is_true
    verdict = Verdict()
    assert audit_data_jobs(ward.network, ward.home, verdict) == 0 and verdict.is_true
    verify_job(sponsored.network, terms.job, verdict)
    assert verdict.is_true


@pytest.mark.parametrize("first", ["training", "a mean"])
def test_sums_over_all_rows_are_not_told_beside_those_over_nearly_all(sponsored, first):
    """Training tells exact sums over all rows; own code would tell a mean of all but a few."""
    ward = sponsored.ward
    digests = (ward.code.digest, sponsored.training.digest)
    policy = ward.enforce(algorithms=digests, training=TERMS)
    ages = np.sort(ward.part.features[:, 0])
    nearly = (Condition("age", 0, int(ages[-6])),)
    asks = {
        "a mean": lambda: ward.ask_code(policy, where=nearly),
        "training": lambda: sponsored.ask(policy, sponsored.open()),
    }
    order = sorted(asks, key=lambda name: name != first)
    rules = [ward.answers(asks[name]())[0].rule for name in order]
    assert rules == ["", "overlap"]
    assert ward.verdict().is_true


def _statements(ward):
    from counterpoise.provenance import Envelope

    return [Envelope.from_bytes(entry).statement for entry in ward.network.log.entries()]


def together(sponsored, terms):
    """Run both owners and the coordinator, one at a time on one chain, until all is paid."""
    baton, network, failed = threading.Lock(), sponsored.network, []

    def waits(seconds):
        baton.release()
        time.sleep(0.002)
        baton.acquire()

    def host_waits(seconds):
        waits(seconds)
        network.chain.warp(5)
        network.chain.mine()

    def run(work):
        with baton:
            try:
                work()
            except BaseException as error:
                failed.append(error)
                raise

    learner = GradientLearner(terms.rules.model)
    trainer = HonestTrainer(learner, sponsored.rows.features, sponsored.rows.labels)
    own = sponsored.folder / "second"
    second = Node(network, sponsored.second, "second", terms, Home(own), sponsored.rows, trainer)
    second.pause = waits
    node = sponsored.ward.node()
    node.training.pause = waits
    operator = sponsored.notary(network.account("operator"))
    host = Host(network, operator, terms, members=2, pause=host_waits)
    works = (node.training.join_next, second.run, host.run)
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed
    sponsored.ward.home = OwnerHome(sponsored.ward.home.folder)
