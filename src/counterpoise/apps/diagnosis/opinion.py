"""The last act: a ward asks the hospitals' model through a contract, pays, and is answered.

The model that the hospitals trained becomes an integer model under an id on the chain. A ward
commits to a patient's bytes and pays `SecondOpinion`; a node of the oracle answers with a bond;
when nobody has proven the answer false in time, it is delivered and the node draws its fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoise.apps.diagnosis.demo import GAS_MONEY, Diagnosis
from counterpoise.apps.diagnosis.integer_model import integer_model
from counterpoise.apps.diagnosis.people import logits_of
from counterpoise.apps.diagnosis.verify import comparisons
from counterpoise.chain import Contract, artifact, deploy
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.inference import Imported
from counterpoise.oracle import Inbox, OracleClient, Stage, open_node, publish_model
from counterpoise.provenance import Subject
from counterpoise.verification import Level, OptimisticClient

NAME = "heart disease, four hospitals, integers"
WARD, NODE, OFFICE = "cleveland", "node", "second opinions"
FEE, NODE_PURSE = 2 * TOKEN, 15 * TOKEN
ANSWER_SECONDS = 86_400
MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a question came to.

    Parameters
    ----------
    model :
        Id of the integer model.
    agree, rows :
        On how many of the disclosed rows it decides as the federated model does.
    diseased, logit :
        What the contract was told; the logit in the integer model's own unit.
    gas :
        Of each step, from receipts.
    window :
        Seconds in which the answer could be proven false.
    """

    id: int
    model: bytes
    agree: int
    rows: int
    diseased: bool
    logit: int
    fee: int
    gas: dict[str, int]
    window: int

    def record(self) -> dict[str, Any]:
        """Give it as plain values for JSON."""
        return {
            "id": self.id,
            "model": self.model.hex(),
            "agreement": {"agree": self.agree, "rows": self.rows},
            "diseased": self.diseased,
            "logit": self.logit,
            "fee": str(self.fee),
            "level": Level.OPTIMISTIC.name.lower(),
            "window_seconds": self.window,
            "gas": dict(self.gas),
        }


def ask_for_opinion(run: Diagnosis) -> Opinion:
    """Publish the model, ask about one patient and wait for the answer; what is done stays done."""
    run.say("the model becomes integers that a contract can ask", 0, 1)
    imported = _publish(run)
    desk = _desk(run, imported.model.id)
    id_ = _ask(run, desk, imported)
    run.say("a node answers the ward's question with a bond", 0, 1)
    _serve(run, id_)
    found = desk.call("opinion", id_)
    agree, rows = agreement(run, imported)
    return Opinion(
        id=id_,
        model=imported.model.id,
        agree=agree,
        rows=rows,
        diseased=found[3],
        logit=found[4],
        fee=found[1],
        gas=_gas(run, id_),
        window=_evaluator(run).contract.call("liveness_seconds"),
    )


def agreement(run: Diagnosis, imported: Imported) -> tuple[int, int]:
    """On how many disclosed rows both models decide the same, and of how many."""
    rows = disclosed(run)
    whole = run.outcomes[-1].model
    federated = logits_of(whole, rows, run.terms.rules) > 0
    bytes_ = imported.card.quantiser.bytes_of(rows.features)
    return int((imported.model.run(bytes_).decisions == federated).sum()), len(rows)


def disclosed(run: Diagnosis) -> Any:
    """The rows that were disclosed for scoring, as the sponsor committed to them."""
    from counterpoise.apps.diagnosis.heart import Part
    from counterpoise.federation import ValidationSet

    blob = run.network.store.fetch(run.terms.validation)
    values = np.array([row.values for row in ValidationSet.from_bytes(blob).disclosures])
    return Part(values[:, :-1], values[:, -1])


def _publish(run: Diagnosis) -> Imported:
    """Register the integer model, and state how it decides beside the federated one."""
    network, operator = run.network, run.network.account("operator")
    model = run.outcomes[-1].model
    imported = integer_model(model, run.terms.rules, disclosed(run).features)
    publish_model(network, operator, imported.model, name=NAME, card=imported.card.to_bytes())
    if not any(
        s.subject[0].digest == imported.model.id for s in comparisons(network.log.entries())
    ):
        agree, rows = agreement(run, imported)
        statement = run.notary("operator").state(
            "evaluation",
            [Subject(NAME, imported.model.id)],
            inputs=[{"sha256": model.digest, "role": "model"}],
            model=imported.model.id,
            dataset=run.terms.validation,
            metrics={"agree": agree, "rows": rows},
        )
        network.log.append([statement.to_bytes()])
    return imported


def _desk(run: Diagnosis, model: bytes) -> Contract:
    """Deploy the contract that asks, or find it: the first one of an account of its own."""
    office = run.network.account(OFFICE)
    address = office.first_contract
    if run.network.chain.code(address):
        return Contract(run.network.chain, address, artifact("SecondOpinion"))
    run.network.fund(office.address, GAS_MONEY)
    oracle = run.network.contract("Oracle").address
    return deploy(run.network.chain, office, "SecondOpinion", oracle, model)


def _ask(run: Diagnosis, desk: Contract, imported: Imported) -> int:
    """Ask about the first patient among the ward's own test rows; once."""
    asked = desk.events("Asked")
    if asked:
        return int(asked[0].args["id"])
    network, ward = run.network, run.network.account(WARD)
    person = next(person for person in run.people if person.name == WARD)
    if person.test is None:
        raise InputError(f"{WARD} has no patients to ask about")
    values = imported.card.quantiser.bytes_of(person.test.features[:1], clip=True)[0].tobytes()
    salt = sha256(b"salt of a second opinion" + ward.sign_digest(sha256(values)))
    commitment = Inbox(network.store, network.mailbox).put(salt, values)
    run.fund(WARD, FEE)
    network.contract("CreditToken").transact(ward, "approve", desk.address, FEE)
    terms = (commitment, int(Level.OPTIMISTIC), FEE, run.now + ANSWER_SECONDS, bytes(32))
    desk.transact(ward, "ask", *terms)
    return int(desk.events("Asked")[0].args["id"])


def _serve(run: Diagnosis, id_: int) -> None:
    """Let a node work until the question is answered; the chain's clock is moved on meanwhile."""
    network = run.network
    oracle = OracleClient(network.contract("Oracle"))
    run.fund(NODE, NODE_PURSE)
    node = open_node(network, network.account(NODE), run.folder / "node", levels=[Level.OPTIMISTIC])
    try:
        for _ in range(MOST_STEPS):
            if node.step():
                continue
            if oracle.request_of(id_).stage is Stage.ANSWERED:
                return
            network.warp(_evaluator(run).contract.call("liveness_seconds") + 1)
    finally:
        node.close()
    raise InputError(f"the node did not answer question {id_}", hint="run the same command again")


def _evaluator(run: Diagnosis) -> OptimisticClient:
    return OptimisticClient(run.network.contract("Optimistic"))


def _gas(run: Diagnosis, id_: int) -> dict[str, int]:
    """Gas of the transactions that asked, proposed, settled and delivered."""
    steps = {
        "ask": ("Oracle", "Requested"),
        "answer": ("Optimistic", "Proposed"),
        "settle": ("Optimistic", "Settled"),
        "deliver": ("Oracle", "Fulfilled"),
    }
    found = {}
    for step, (contract, event) in steps.items():
        events = run.network.contract(contract).events(event)
        hashes = [one.tx_hash for one in events if one.args["id"] == id_]
        receipt = run.network.chain.receipt(hashes[-1]) if hashes else None
        found[step] = receipt.gas_used if receipt else 0
    return found
