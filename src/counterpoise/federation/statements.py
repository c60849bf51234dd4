"""The statements in which a coordinator says what a round, and the job, came to.

What each has to say follows from what the round came to: the coordinator signs it, and a
verifier builds the same again and compares it field by field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.core.claims_tree import ClaimsTree
from counterpoise.core.digest import dag_cbor, sha256
from counterpoise.core.units import to_checksum
from counterpoise.federation.book import FALLEN, Entry
from counterpoise.federation.evidence import Notary
from counterpoise.federation.intake import Refusal
from counterpoise.federation.replay import NOTHING, Outcome
from counterpoise.federation.terms import Terms
from counterpoise.jobs import CumulativeClaims
from counterpoise.provenance import Envelope, Subject

NAMED_UPDATES = 64
DETAIL_LENGTH = 120


@dataclass(frozen=True)
class Content:
    """What a statement says, apart from who signs it and when."""

    kind: str
    subject: Subject
    fields: Mapping[str, Any]
    inputs: tuple[Mapping[str, str], ...] = ()

    def signed(self, notary: Notary) -> Envelope:
        """Sign it as a statement."""
        return notary.state(self.kind, [self.subject], inputs=self.inputs, **self.fields)


def closing_content(
    terms: Terms, number: int, phase: str, leaves: Sequence[bytes], refused: Sequence[Refusal]
) -> Content:
    """Say what a phase of a round took in.

    Parameters
    ----------
    leaves :
        Of the tree under the closing's root; the blob that lists them is its subject.
    """
    blob = sha256(dag_cbor([*leaves]))
    root = ClaimsTree(leaves).root if leaves else NOTHING
    fields = {
        "job": terms.job,
        "round": number,
        "phase": phase,
        "leaves": blob.hex(),
        "root": root.hex(),
        "refused": refusal_records(refused),
    }
    return Content("closing", Subject(f"{phase} in round {number}", blob), fields)


def fallen_content(terms: Terms, number: int, evidence: bytes, reason: bytes) -> Content:
    """Say that a round's result fell on the chain, and every later one with it.

    Parameters
    ----------
    evidence, reason :
        Digest of the fallen round's statement, and of the conviction.
    """
    fields = {
        "job": terms.job,
        "round": number,
        "phase": FALLEN,
        "leaves": evidence.hex(),
        "root": reason.hex(),
        "refused": [],
    }
    return Content("closing", Subject(f"round {number} fell", evidence), fields)


def round_content(
    terms: Terms, base: bytes, outcome: Outcome, refused: Sequence[Refusal], pay: CumulativeClaims
) -> Content:
    """Say what a round came to; the statement's digest is the evidence that the chain is told.

    Parameters
    ----------
    base :
        Digest of the model before the round.
    pay :
        What everyone is due after it.
    """
    updates = [update.hex() for update in outcome.admitted.values()][:NAMED_UPDATES]
    inputs = [{"sha256": update, "role": "update"} for update in updates]
    fields = {
        "job": terms.job,
        "round": outcome.number,
        "updates_root": outcome.updates_root.hex(),
        "trace_root": outcome.trace_root.hex(),
        "scores_digest": outcome.scores_root.hex(),
        "pay_root": pay.root.hex(),
        "pay_total": str(pay.total),
        "model": outcome.model.digest.hex(),
        "refused": refusal_records(refused),
        "dues": sha256(dues_blob(pay)).hex(),
        "void": outcome.void,
    }
    if terms.bond:
        fields["trace"] = sha256(outcome.trace.to_bytes()).hex()
    subject = Subject(f"model after round {outcome.number}", outcome.model.digest)
    return Content("round", subject, fields, ({"sha256": base.hex(), "role": "base"}, *inputs))


def dues_blob(pay: CumulativeClaims) -> bytes:
    """List what everyone is due, as the blob from which claims are proven."""
    return dag_cbor([[account, due.to_bytes(32, "big")] for account, due in pay.due.items()])


def contribution_contents(terms: Terms, outcome: Outcome) -> dict[bytes, Content]:
    """Say what each admitted member contributed to a training round, by address."""
    result = outcome.result
    if result is None:
        return {}
    return {
        member: Content(
            "contribution",
            Subject(f"update of round {outcome.number}", outcome.admitted[member]),
            {
                "job": terms.job,
                "round": outcome.number,
                "participant": to_checksum(member),
                "update": outcome.admitted[member].hex(),
                "score_ppm": result.score_ppm[member],
                "phi": str(result.phi[member]),
                "due": str(outcome.standing.dues.get(member, 0)),
                "rule": terms.rules.scoring,
            },
        )
        for member in result.members
    }


def model_content(terms: Terms, outcome: Outcome, validation: bytes) -> Content:
    """Say which model the job delivered and from what."""
    digest = outcome.model.digest
    trace = outcome.trace_root if outcome.trace_root != NOTHING else digest
    return Content(
        "model",
        Subject("model", digest),
        {
            "job": terms.job,
            "kind": "linear" if not terms.rules.model.hidden else "perceptron",
            "files": [{"name": "model.cbor", "sha256": digest.hex()}],
            "rounds": outcome.number,
            "trace_root": trace.hex(),
        },
        (
            {"sha256": terms.digest.hex(), "role": "task"},
            {"sha256": validation.hex(), "role": "validation"},
        ),
    )


def model_statement(notary: Notary, terms: Terms, outcome: Outcome, validation: bytes) -> Envelope:
    """State which model the job delivered and from what."""
    return model_content(terms, outcome, validation).signed(notary)


def refusal_records(refused: Sequence[Refusal]) -> list[dict[str, str]]:
    """Give refusals as a statement lists them; what a participant wrote is cut to a line."""
    return [
        {
            "participant": to_checksum(r.participant),
            "code": r.code,
            "detail": r.detail[:DETAIL_LENGTH],
        }
        for r in refused
    ]


def comparisons(entry: Entry, content: Content) -> list[tuple[str, Any, Any]]:
    """Give what a statement says beside what it had to say: name, found, wanted.

    Refusals are left out: of some the log holds only that they had to be.
    """
    fields, statement = entry.fields, entry.statement
    extra = set(fields) - {"actor", "time", "nonce", "inputs"} - set(content.fields)
    pairs = [(name, fields.get(name), wanted) for name, wanted in content.fields.items()]
    return [
        *(pair for pair in pairs if pair[0] != "refused"),
        ("subject", [s.digest.hex() for s in statement.subject], [content.subject.digest.hex()]),
        ("inputs", fields["inputs"], [dict(item) for item in content.inputs]),
        ("further fields", sorted(extra), []),
    ]
