"""The whole life of a model: four hospitals, a sponsor, an operator and three cheats.

Each stage asks log and chain what is done already, so that the same command goes on after an
interruption.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.apps.diagnosis.people import Person, people, validation_of
from counterpoise.apps.diagnosis.recipe import diagnosis_task
from counterpoise.apps.telling import Say, quiet
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.federation import (
    Book,
    Coordinator,
    DirectCourier,
    Draft,
    Entry,
    ModelFile,
    Notary,
    Outcome,
    Participant,
    Postings,
    Terms,
    model_statement,
    open_job,
    read_roster,
    release_bond,
)
from counterpoise.jobs import Stage
from counterpoise.network import Network, create_network
from counterpoise.provenance import Subject

POT, STAKE, PURSE, BOND = 1000 * TOKEN, 25 * TOKEN, 30 * TOKEN, 320 * TOKEN
GAS_MONEY = 10**19
CHALLENGE_SECONDS = 3600
PHASE_SECONDS = 60
LIFETIME_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for; kept in the state, so that a resumed run is the same run."""

    seed: int
    honest: bool


class Diagnosis:
    """One run of the demonstration in a state folder.

    Parameters
    ----------
    folder :
        The state folder, made if missing.
    options :
        Seed, and whether the cheats stay away.
    say :
        Told of progress.

    Raises
    ------
    InputError :
        The folder holds a run with other options.
    """

    terms: Terms

    def __init__(self, folder: Path, options: Options, say: Say = quiet) -> None:
        self.folder, self.options, self.say = folder, options, say
        self._check_options()
        self.say("starting the chain, deploying contracts", 0, 1)
        seed = sha256(b"four hospitals" + options.seed.to_bytes(8, "big"))
        self.network: Network = create_network(folder, seed=seed)
        self.outcomes: list[Outcome] = []

    @cached_property
    def people(self) -> list[Person]:
        """The hospitals and the cheats, with their private rows."""
        return people(self.folder / "hospitals", self.options.seed, honest=self.options.honest)

    @property
    def now(self) -> int:
        """The chain's clock, Unix seconds."""
        return self.network.chain.block("latest").time

    def notary(self, name: str) -> Notary:
        """Give one actor's account and clock."""
        return Notary(self.network.account(name), lambda: self.now)

    def run(self) -> list[Outcome]:
        """Go through every stage that is not done; give the outcome of every round."""
        self.terms = terms = self._open()
        participants = self._join(terms)
        self._rounds(terms, participants)
        self._finish(terms)
        self._record(terms)
        return self.outcomes

    @property
    def book(self) -> Book:
        """What the log says of the job so far."""
        return Book.read(self.network.log.entries(), self._job)

    @cached_property
    def _job(self) -> int:
        opened = self.network.contract("Rounds").events("Opened")
        return int(opened[0].args["job"]) if opened else 0

    def postings(self, terms: Terms) -> Postings:
        """Give the job as the operator sees it on the chain."""
        return Postings(self.network, self.network.account("operator"), terms.job)

    def _open(self) -> Terms:
        """Fund and open the job; log task, datasets and consents as one group."""
        task = self.book.task if self._job else None
        if task is not None:
            return Terms.from_bytes(self.network.store.fetch(task.statement.subject[0].digest))
        self.say("hospitals commit to their rows", 0, 1)
        self.fund("sponsor", POT)
        rules = diagnosis_task(self.options.seed, pot=POT)
        zeros = np.zeros(rules.model.n_params, np.int32)
        draft = Draft(
            name="heart disease, four hospitals",
            coordinator=self.network.account("operator").address,
            rules=rules,
            stake=STAKE,
            commit_seconds=PHASE_SECONDS,
            reveal_seconds=PHASE_SECONDS,
            challenge_seconds=CHALLENGE_SECONDS,
            base=ModelFile(zeros, np.zeros(0, np.int64)),
            validation=validation_of(self.people),
            lifetime_seconds=LIFETIME_SECONDS,
            bond=BOND,
        )
        self.say("the sponsor puts the pot in escrow", 0, 1)
        terms, envelope = open_job(self.network, self.notary("sponsor"), draft)
        group = [envelope.to_bytes()]
        for person in self.people:
            notary = self.notary(person.name)
            group += [e.to_bytes() for e in person.statements(notary, terms)]
        self.network.log.append(group)
        self.__dict__.pop("_job", None)
        return terms

    def _join(self, terms: Terms) -> list[Participant]:
        """Everybody stakes and joins with its dataset statement."""
        cohort = self.postings(terms).cohort
        datasets: dict[str, Entry] = {e.statement.subject[0].name: e for e in self.book.datasets}
        participants = []
        for number, person in enumerate(self.people):
            self.say("participants stake and join", number, len(self.people))
            notary, digest = self.notary(person.name), datasets[person.name].statement.digest
            if cohort.member(terms.job, notary.account.address) is None:
                self.fund(person.name, PURSE)
                deadline = self.now + 3600
                cohort.join_with_permit(notary.account, terms.job, digest, deadline)
            participants.append(
                Participant(
                    person.name,
                    notary,
                    terms,
                    digest,
                    person.trainer,
                    self.network.store,
                    witness=self.postings(terms),
                    folder=person.folder,
                )
            )
        return participants

    def _rounds(self, terms: Terms, participants: Sequence[Participant]) -> None:
        roster, _ = read_roster(self.book, self.postings(terms).joined())
        self.fund("operator", BOND)
        coordinator = Coordinator(
            self.network, self.notary("operator"), terms, roster, DirectCourier(participants)
        )
        total = coordinator.last_round
        for number in range(1, total + 1):
            self.say("rounds: train, commit, reveal, score, post", number - 1, total)
            self.outcomes.append(coordinator.run_round(number))

    def _finish(self, terms: Terms) -> None:
        """Let the last window pass; the pot is paid out and everybody draws its part."""
        postings, operator = self.postings(terms), self.network.account("operator")
        cohort, last = postings.cohort, self.outcomes[-1]
        purse = cohort.purse(terms.job)
        if purse.stage is not Stage.PAID:
            self.say("the challenge window passes", 0, 1)
            state = postings.state()
            wait = state.time + state.challenge_seconds + 1 - self.now
            if wait > 0:
                self.network.warp(wait)
            postings.rounds.finish(operator, terms.job)
        tree = postings.pay_tree(last.number, last.standing.dues)
        for number, (account, due) in enumerate(tree.due.items()):
            self.say("participants draw their pay", number, len(tree.due))
            member = cohort.member(terms.job, account)
            if member is None or member.drawn < due:
                cohort.claim(operator, terms.job, account, due, tree.proof(account))
        for person in self.people:
            account = self.network.account(person.name).address
            member = cohort.member(terms.job, account)
            if member is not None and member.stake:
                cohort.withdraw(operator, terms.job, account)
        if cohort.purse(terms.job).spare:
            cohort.refund(operator, terms.job)
        release_bond(self.network, operator, terms)

    def _record(self, terms: Terms) -> None:
        """Log the model and each hospital's evaluation of it, then anchor the log."""
        self.say("the model is recorded and the log is anchored", 0, 1)
        last, book = self.outcomes[-1], self.book
        if book.model is None:
            group = [model_statement(self.notary("operator"), terms, last, terms.validation)]
            for person in self.people:
                if person.test is not None:
                    notary = self.notary(person.name)
                    group.append(evaluation(notary, person, last.model, terms))
            self.network.log.append([envelope.to_bytes() for envelope in group])
        self.network.anchor_log()
        self.network.store.flush()
        (self.folder / "finished").touch()

    def fund(self, name: str, amount: int) -> None:
        """Give an actor gas money and tokens, as far as it lacks them."""
        account, operator = self.network.account(name), self.network.account("operator")
        if self.network.chain.balance(account.address) < GAS_MONEY:
            self.network.fund(account.address, GAS_MONEY)
        token = self.network.contract("CreditToken")
        missing = amount - token.call("balanceOf", account.address)
        if missing > 0:
            token.transact(operator, "mint", account.address, missing)

    def _check_options(self) -> None:
        path = self.folder / "demo.json"
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            wanted: dict[str, Any] = asdict(self.options)
            if found != wanted:
                raise InputError(
                    f"{self.folder} holds a run with {found}, not {wanted}",
                    hint="give the same options again, or another --state DIR",
                )
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self.options)) + "\n", encoding="utf-8")


def evaluation(notary: Notary, person: Person, model: ModelFile, terms: Terms) -> Any:
    """Sign how many of a hospital's own test rows the model gets right; the rows stay private."""
    right = int(person.correct(model, terms.rules).sum())
    return notary.state(
        "evaluation",
        [Subject(person.name, model.digest)],
        inputs=[{"sha256": model.digest, "role": "model"}],
        job=terms.job,
        model=model.digest,
        dataset=person.test_commitment,
        metrics={"correct": right, "rows": len(person.test) if person.test else 0},
    )


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Run and give the result with the seconds it took."""
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started
