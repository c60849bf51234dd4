"""Federated training as a data job: the owner's node joins a task that the policy admits.

The rows stay, as federation keeps them: what leaves are exact sums once and clipped updates each
round, and the pay comes from the task's own pot by contract. So the request pays nothing here; it
counts as one job. Every round's update is public: the policy bounds rounds, size and step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from counterpoise.core.digest import digest_of
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.core.units import PPM, format_tokens
from counterpoise.federation import (
    GradientLearner,
    Home,
    HonestTrainer,
    Node,
    Notary,
    TaskRules,
    Terms,
    fetch_terms,
)
from counterpoise.jobs import CohortClient
from counterpoise.market.compute_to_data import ledger as events
from counterpoise.market.compute_to_data.admission import Place, check_request, check_spent
from counterpoise.market.compute_to_data.algorithms import TRAINING as KIND
from counterpoise.market.compute_to_data.algorithms import package_digest
from counterpoise.market.compute_to_data.answers import state_admission, state_refusal
from counterpoise.market.compute_to_data.consents import check_consent, kept_consents
from counterpoise.market.compute_to_data.home import OwnerHome
from counterpoise.market.compute_to_data.letters import TRAINING, letters, topic
from counterpoise.market.compute_to_data.overlap import check_overlap
from counterpoise.market.compute_to_data.policy import DataPolicy
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Request
from counterpoise.market.compute_to_data.rows import Columns
from counterpoise.market.compute_to_data.telling import Teller
from counterpoise.network import Network
from counterpoise.provenance import Envelope, Statement

JOINED = "trained"
"""The ledger's word for a training job that is over for this node."""


def check_task(request: Request, terms: Terms, policy: DataPolicy, columns: Columns) -> None:
    """Check that a training task is one that the policy lets this dataset join.

    Raises
    ------
    NotAdmitted :
        By ``task``, ``algorithm``, ``columns`` or ``money``.
    """
    asked, rules = policy.training, terms.rules
    if asked is None or request.algorithm not in policy.algorithms:
        raise NotAdmitted("algorithm", "the policy admits no training")
    if request.where or request.noise or request.parameters != {"job": terms.job}:
        raise NotAdmitted("parameters", "a training job names its task, and nothing else")
    if terms.sponsor != request.buyer:
        raise NotAdmitted("money", "the request is not signed by the task's sponsor")
    if rules.pot < asked.least_pot or terms.stake > asked.most_stake:
        raise NotAdmitted(
            "money",
            f"a pot of {format_tokens(rules.pot)} for a stake of {format_tokens(terms.stake)}",
        )
    bounds = (
        ("rounds", rules.rounds, asked.most_rounds),
        ("parameters", rules.model.n_params, asked.most_params),
        ("step, in ppm", -(-rules.clip * PPM >> rules.scale_bits), asked.most_clip_ppm),
    )
    for what, found, most in bounds:
        if found > most:
            raise NotAdmitted("task", f"{what}: {found}, at most {most} admitted")
    if rules.quorum < asked.least_members:
        raise NotAdmitted("task", f"a quorum of {rules.quorum}, {asked.least_members} wanted")
    if asked.coordinators is not None and terms.coordinator not in asked.coordinators:
        raise NotAdmitted("task", "the policy names other coordinators")
    _check_columns(request, rules, policy, columns)


def _check_columns(
    request: Request, rules: TaskRules, policy: DataPolicy, columns: Columns
) -> None:
    declared = {feature.name: feature for feature in columns.features}
    names = (*(feature.name for feature in rules.features), columns.label)
    if request.columns != names or rules.model.classes != columns.classes:
        raise NotAdmitted("columns", "the task's columns are not those of the request")
    for feature in rules.features:
        own = declared.get(feature.name)
        if own is None or own.decimals != feature.decimals:
            raise NotAdmitted("columns", f"the dataset has no {feature.name!r} as the task has it")
        if feature.minimum > own.minimum or feature.maximum < own.maximum:
            raise NotAdmitted("columns", f"the task's range of {feature.name!r} is narrower")
    unlisted = [name for name in names if name not in policy.columns]
    if unlisted:
        raise NotAdmitted("columns", f"the policy does not let {unlisted[0]!r} be used")


def check_admission(
    network: Network, statement: Statement, request: Request, policy: DataPolicy, columns: Columns
) -> None:
    """Check a stated admission against the task on the chain: what an outsider can.

    Raises
    ------
    NotAdmitted, VerificationError :
        The policy does not admit the task, or the statement names another.
    """
    terms = fetch_terms(network, int(statement.predicate["job"]))
    if terms.digest.hex() != statement.predicate["task"]:
        raise VerificationError("the admission names other terms than the chain")
    check_task(request, terms, policy, columns)


@dataclass
class TrainingDesk:
    """Takes training requests for one dataset and joins their tasks, one at a time.

    Parameters
    ----------
    learning :
        Steps, rows in a step, and rate of local training.
    pause :
        Lets seconds pass while a round is waited for; an owner's node serves others then.
    """

    network: Network
    home: OwnerHome
    notary: Notary
    place: Place
    teller: Teller
    name: str = "data owner"
    learning: tuple[int, int, float] = (100, 4, 0.01)
    pause: Callable[[float], None] = time.sleep

    def admit_new(self) -> int:
        """Admit or refuse what was asked since; give how much was."""
        answered = 0
        for envelope in letters(self.network.mailbox, topic(self.place.owner, TRAINING)):
            digest = envelope.statement.digest
            state = self.home.ledger.state(digest)
            if state == "":
                self._answer(envelope, digest)
                answered += 1
            elif state in (events.CHARGED, events.REFUSED):
                self._tell(digest)
        return answered

    def waiting(self) -> list[bytes]:
        """Give the admitted requests whose task is not over for this node."""
        ledger = self.home.ledger
        charged = [line for line in ledger.lines if line["event"] == events.CHARGED]
        found = [bytes.fromhex(line["request"]) for line in charged if line["task"]]
        return [one for one in found if ledger.state(one) == events.TOLD]

    def join_next(self) -> bool:
        """Join the task of one admitted request, to its end; say whether there was one.

        Stopped, it goes on where it was when it is called again.
        """
        for digest in self.waiting():
            kept = self.home.load(f"requests/{digest.hex()}.envelope")
            request = Request.from_envelope(Envelope.from_bytes(kept))
            self._join(digest, fetch_terms(self.network, int(request.parameters["job"])))
            return True
        return False

    def _answer(self, envelope: Envelope, digest: bytes) -> None:
        ledger, job = self.home.ledger, 0
        try:
            request = Request.from_envelope(envelope)
            policy = self.home.policy
            job = int(request.parameters.get("job", 0))
            terms = self._admitted(request, policy, job)
            groups = np.zeros(len(self.home.rows), dtype=np.int64)
            check_overlap(self.home.classes(), groups, policy.disclosure.least_rows)
        except CounterpoiseError as error:
            refusal = error if isinstance(error, NotAdmitted) else _as_refusal(error)
            stated = state_refusal(self.notary, digest, job, refusal)
            self.home.keep(f"results/{digest.hex()}.envelope", stated.to_bytes())
            ledger.add(events.REFUSED, digest, job=job, rule=refusal.rule)
            self._tell(digest)
            return
        number = sum(line["event"] == events.CHARGED for line in ledger.lines) + 1
        begun = self.notary.clock()
        place = {"task": terms.digest, "job": job, "number": number, "begun": begun}
        stated = state_admission(self.notary, request, policy, **place)
        self.home.keep(f"requests/{digest.hex()}.envelope", envelope.to_bytes())
        self.home.keep(f"results/{digest.hex()}.groups", groups.astype("<i8").tobytes())
        self.home.keep(f"results/{digest.hex()}.envelope", stated.to_bytes())
        charge = {"job": job, "buyer": request.buyer.hex(), "bits": 0, "noise": 0, "begun": begun}
        ledger.add(events.CHARGED, digest, number=number, task=terms.digest.hex(), **charge)
        self._tell(digest)

    def _admitted(self, request: Request, policy: DataPolicy, job: int) -> Terms:
        now = self.notary.clock()
        check_request(request, self.place, policy, now)
        check_consent(kept_consents(self.home), request, policy, now)
        manifest = self.home.manifest(request.algorithm)
        if manifest.kind != KIND or manifest.code != package_digest("federation"):
            raise NotAdmitted("code", "this release trains otherwise than the one admitted")
        terms = fetch_terms(self.network, job)
        check_task(request, terms, policy, self.home.rows.columns)
        check_spent(request, policy, manifest, self.home.ledger.spent())
        return terms

    def _tell(self, digest: bytes) -> None:
        kept = Envelope.from_bytes(self.home.load(f"results/{digest.hex()}.envelope"))
        self.teller.post(digest, kept, asked_at=TRAINING)
        self.home.ledger.add(events.TOLD, digest)

    def _join(self, digest: bytes, terms: Terms) -> None:
        """Take part until the end; a task that began without this node is over for it."""
        columns = self.home.rows.columns
        names = [*(feature.name for feature in terms.rules.features), columns.label]
        values = np.stack([self.home.rows.column(name) for name in names], axis=1)
        home = Home(self.home.folder)
        if tuple(names) != columns.names:
            home = Home(self.home.folder / "training" / digest_of(names).hex()[:16])
        rows = home.commit(np.ascontiguousarray(values), names)
        steps, batch, rate = self.learning
        learner = GradientLearner(terms.rules.model, steps=steps, batch=batch, rate=rate)
        trainer = HonestTrainer(learner, rows.features, rows.labels)
        account = self.notary.account
        node = Node(self.network, account, self.name, terms, home, rows, trainer, pause=self.pause)
        try:
            node.run()
        except InputError:
            cohort = CohortClient(
                self.network.contract("Cohort"), self.network.contract("CreditToken")
            )
            if cohort.member(terms.job, account.address) is not None:
                raise
            self.home.ledger.add(events.LAPSED, digest)
            return
        self.home.ledger.add(JOINED, digest)


def _as_refusal(error: CounterpoiseError) -> NotAdmitted:
    return NotAdmitted("request", error.message)
