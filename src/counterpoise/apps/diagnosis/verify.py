"""Re-derives what was said of the hospitals' model as integers, and what a ward was told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from counterpoise.apps.diagnosis.heart import Part
from counterpoise.apps.diagnosis.people import logits_of
from counterpoise.chain import Contract, artifact
from counterpoise.core.errors import CounterpoiseError
from counterpoise.core.units import to_checksum
from counterpoise.federation import Book, ModelFile, Terms, ValidationSet, job_ids, verify_job
from counterpoise.inference import Card, ModelsClient, parse_answer
from counterpoise.network import Network
from counterpoise.oracle import OracleClient, Stage, find_model, verify_answers
from counterpoise.provenance import Envelope, Progress, Statement, Verdict, kind_of, silent


def verify_opinions(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify the integer models of all jobs, and every opinion that a ward was given.

    Returns
    -------
    How many opinions there are.
    """
    if "Oracle" not in network.charter.contracts:
        return 0
    on_section("integer models")
    entries = list(network.log_reader().entries())
    books = [Book.read(entries, job) for job in job_ids(network)]
    made = {b.model.statement.subject[0].digest.hex(): b for b in books if b.model is not None}
    for statement in comparisons(entries):
        try:
            _check_comparison(network, made, statement, verdict)
        except CounterpoiseError as error:
            verdict.refuse("integer model", error)
    on_section("second opinions")
    return sum(_check_desk(network, desk, verdict) for desk in opinion_desks(network))


def check_all(network: Network, verdict: Verdict) -> None:
    """Check the jobs, the oracle's answers and the opinions of a demonstration's network."""
    for job in job_ids(network):
        verify_job(network, job, verdict)
    verify_answers(network, verdict)
    verify_opinions(network, verdict)


def comparisons(entries: Iterable[bytes]) -> Iterator[Statement]:
    """Give the statements among a log's entries that compare an integer model with its origin."""
    for entry in entries:
        statement = Envelope.from_bytes(entry).statement
        if kind_of(statement) == "evaluation" and "agree" in statement.predicate["metrics"]:
            yield statement


def _check_comparison(
    network: Network, made: Mapping[str, Book], statement: Statement, verdict: Verdict
) -> None:
    """The integer model decides on the disclosed rows as often as stated like the job's model."""
    predicate = statement.predicate
    book = made.get(predicate["inputs"][0]["sha256"])
    if book is None or book.task is None or book.model is None:
        verdict.hold("integer model / made from", False, "of no job's model")
        return
    name = f"job {book.job} / integer model"
    terms = Terms.from_bytes(network.store.fetch(book.task.statement.subject[0].digest))
    delivered = book.model.statement.subject[0].digest
    maker = to_checksum(terms.coordinator)
    verdict.check(f"{name} / stated by", predicate["actor"], maker)
    verdict.check(f"{name} / dataset", predicate["dataset"], terms.validation.hex())
    model = find_model(network, statement.subject[0].digest)
    record = ModelsClient(network.contract("Models")).check(model)
    card = Card.from_bytes(network.store.fetch(record.card))
    verdict.check(f"{name} / card", card.model, model.id)
    rows = _rows(ValidationSet.from_bytes(network.store.fetch(terms.validation)))
    federated = ModelFile.from_bytes(network.store.fetch(delivered))
    wanted = logits_of(federated, rows, terms.rules) > 0
    found = model.run(card.quantiser.bytes_of(rows.features)).decisions
    metrics = {"agree": int((found == wanted).sum()), "rows": len(rows)}
    verdict.check(f"{name} / metrics", predicate["metrics"], metrics)


def _rows(validation: ValidationSet) -> Part:
    values = np.array([row.values for row in validation.disclosures])
    return Part(values[:, :-1], values[:, -1])


def opinion_desks(network: Network) -> Iterator[Contract]:
    """Give every `SecondOpinion` that has asked the network's oracle."""
    built = artifact("SecondOpinion")
    asked = network.contract("Oracle").events("Requested")
    for address in dict.fromkeys(event.args["client"] for event in asked):
        if network.chain.code(address).startswith(built.runtime):
            yield Contract(network.chain, address, built)


def _check_desk(network: Network, desk: Contract, verdict: Verdict) -> int:
    """What the contract keeps of each question is what the oracle answered."""
    oracle = OracleClient(network.contract("Oracle"))
    asked = {event.args["id"]: event.args for event in desk.events("Asked")}
    for id_, args in asked.items():
        name, answer = f"opinion {id_}", oracle.answer_of(id_)
        ward, fee, told, diseased, logit = desk.call("opinion", id_)
        if ward == bytes(20):
            continue  # reclaimed, as its event says
        verdict.check(f"{name} / ward", ward, args["ward"])
        verdict.check(f"{name} / fee", fee, args["fee"])
        verdict.check(f"{name} / told", told, answer.stage is Stage.ANSWERED)
        if told:
            logits, decision = parse_answer(answer.answer)
            verdict.check(f"{name} / logit", logit, int(logits[0]))
            verdict.check(f"{name} / decision", diseased, decision == 1)
    return len(asked)
