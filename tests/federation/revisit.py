"""A village's state folder, copied and opened again: one village serves many tests."""

import shutil
from contextlib import contextmanager

from village import RULES, Village, village

from counterpoise.chain import Account
from counterpoise.core.digest import sha256
from counterpoise.federation.book import Book
from counterpoise.federation.courier import DirectCourier
from counterpoise.federation.learners import GradientLearner
from counterpoise.federation.participant import Participant
from counterpoise.federation.roster import read_roster
from counterpoise.federation.statements import model_statement
from counterpoise.federation.terms import Terms
from counterpoise.federation.trainers import HonestTrainer
from counterpoise.federation.verify import verify_job
from counterpoise.network import open_network
from counterpoise.provenance import Subject, Verdict


def settled(folder, people, rules=RULES):
    """Make a village whose job everybody joined, and close it."""
    made = village(folder, people, rules)
    made.network.close()
    return folder


def copied(source, target):
    """Copy a closed state folder."""
    shutil.copytree(source, target)
    return target


@contextmanager
def opened(folder, people, rules=RULES, *, chain=None, over=None):
    """Open a village again, with everybody who joined; each keeps what is pending on disk.

    Parameters
    ----------
    chain :
        URL of the chain where another process serves it.
    over :
        Wraps the opened chain in something between it and the village.
    """
    with open_network(folder, chain=chain) as network:
        if over is not None:
            network.chain = over(network.chain)
        yield revisit(network, folder, people, rules)


def revisit(network, folder, people, rules=RULES, job=1):
    book = Book.read(network.log.entries(), job)
    terms = Terms.from_bytes(network.store.fetch(book.task.statement.subject[0].digest))
    found = Village(network, people, rules, terms=terms)
    datasets = {m.account: m.dataset for m in found.postings.cohort.members(job)}
    for one in people:
        found.participants.append(participant(found, one, datasets, folder))
    return found


def participant(found, one, datasets, folder, kind=Participant):
    notary = found.notary(one.name)
    learner = GradientLearner(found.rules.model)
    return kind(
        one.name,
        notary,
        found.terms,
        datasets[notary.account.address],
        one.trainer or HonestTrainer(learner, one.features, one.labels),
        found.network.store,
        witness=found.postings,
        folder=folder / "homes" / one.name,
    )


def lived(found):
    """Live a whole job: rounds, pay, the model's statement and an evaluation of it."""
    outcomes = found.coordinator().run()
    found.finish(outcomes[-1])
    model = model_statement(
        found.notary("operator"), found.terms, outcomes[-1], found.terms.validation
    )
    evaluation = found.notary("owner-0").state(
        "evaluation",
        [Subject("owner-0", outcomes[-1].model.digest)],
        job=found.terms.job,
        model=outcomes[-1].model.digest,
        dataset=bytes(32),
        metrics={"correct": 7, "rows": 9},
    )
    found.network.log.append([model.to_bytes(), evaluation.to_bytes()])
    return outcomes


def roster_of(found):
    book = Book.read(found.network.log.entries(), found.terms.job)
    return read_roster(book, found.postings.cohort.members(found.terms.job))


def verdict_of(found, only_round=None):
    return verdict_on(found.network, only_round)


def verdict_on(network, only_round=None):
    verdict = Verdict()
    verify_job(network, 1, verdict, only_round=only_round)
    return verdict


def visitors_verdict(folder, only_round=None):
    """What somebody finds who opens a state folder to read it, and writes nothing."""
    with open_network(folder) as network:
        return verdict_on(network, only_round)


def digests(outcomes):
    """What must be the same however a run came about."""
    return [
        (o.model.digest, o.updates_root, o.trace_root, o.scores_root, dict(o.standing.dues))
        for o in outcomes
    ]


def address_of(name):
    """The address of a local account of the village."""
    return Account.local(sha256(bytes(32) + b"account/" + name.encode())).address


class Without(DirectCourier):
    """A courier under which some members are silent."""

    def __init__(self, participants, silent):
        super().__init__([p for p in participants if p.name not in silent])
