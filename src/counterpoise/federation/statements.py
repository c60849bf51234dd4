"""The statements in which a coordinator says what a round, and the job, came to."""

from typing import Any

from counterpoise.core.units import to_checksum
from counterpoise.federation.evidence import Notary
from counterpoise.federation.replay import NOTHING, Outcome
from counterpoise.federation.terms import Terms
from counterpoise.provenance import Envelope, Subject

NAMED_UPDATES = 64


def round_statement(
    notary: Notary,
    terms: Terms,
    base: bytes,
    outcome: Outcome,
    refused: list[dict[str, Any]],
    pay_root: bytes,
    dues: bytes,
) -> Envelope:
    """State what a round came to; its digest is the evidence that the chain is told.

    Parameters
    ----------
    base :
        Digest of the model before the round.
    dues :
        Digest of the blob that lists every cumulative due, from which claims are proven.
    """
    updates = list(outcome.admitted.values())[:NAMED_UPDATES]
    inputs = [
        {"sha256": base, "role": "base"},
        *({"sha256": update, "role": "update"} for update in updates),
    ]
    return notary.state(
        "round",
        [Subject(f"model after round {outcome.number}", outcome.model.digest)],
        inputs=inputs,
        job=terms.job,
        round=outcome.number,
        updates_root=outcome.updates_root,
        trace_root=outcome.trace_root,
        scores_digest=outcome.scores_root,
        pay_root=pay_root,
        pay_total=str(outcome.standing.total),
        model=outcome.model.digest,
        refused=refused,
        dues=dues,
        void=outcome.result.void if outcome.result else False,
    )


def contribution_statements(notary: Notary, terms: Terms, outcome: Outcome) -> list[Envelope]:
    """State what each admitted member contributed to a training round."""
    if outcome.result is None:
        return []
    result = outcome.result
    return [
        notary.state(
            "contribution",
            [Subject(f"update of round {outcome.number}", outcome.admitted[member])],
            job=terms.job,
            round=outcome.number,
            participant=to_checksum(member),
            update=outcome.admitted[member],
            score_ppm=result.score_ppm[member],
            phi=str(result.phi[member]),
            due=str(outcome.standing.dues.get(member, 0)),
            rule=terms.rules.scoring,
        )
        for member in result.members
    ]


def model_statement(notary: Notary, terms: Terms, outcome: Outcome, validation: bytes) -> Envelope:
    """State which model the job delivered and from what."""
    digest = outcome.model.digest
    return notary.state(
        "model",
        [Subject("model", digest)],
        inputs=[
            {"sha256": terms.digest, "role": "task"},
            {"sha256": validation, "role": "validation"},
        ],
        job=terms.job,
        kind="linear" if not terms.rules.model.hidden else "perceptron",
        files=[{"name": "model.cbor", "sha256": digest}],
        rounds=outcome.number,
        trace_root=outcome.trace_root if outcome.trace_root != NOTHING else digest,
    )
