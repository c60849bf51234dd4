"""What a run came to: one record, for the screen and for `--report`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.apps.diagnosis.baselines import (
    Figures,
    by_hospital,
    local_figures,
    pooled_figures,
)
from counterpoise.apps.diagnosis.demo import Diagnosis
from counterpoise.apps.diagnosis.heart import HOSPITALS, load_hospitals
from counterpoise.apps.diagnosis.opinion import Opinion
from counterpoise.apps.diagnosis.people import logits_of
from counterpoise.core.units import to_checksum
from counterpoise.federation import Postings
from counterpoise.provenance import Verdict

DEMONSTRATED = (*HOSPITALS, "pooled_test")


@dataclass(frozen=True)
class Report:
    """Everything that a run says of itself.

    Parameters
    ----------
    figures :
        Under ``federated``, ``pooled`` and ``local``: figures by hospital and ``pooled_test``.
    participants :
        In the order of joining: name, address, score, pay, refusals.
    gas :
        Gas by round; of each claim.
    digests :
        Of model, trace, scores and pay after the last round, and of the validation rows.
    opinion :
        What a ward was told through a contract.
    """

    seed: int
    honest: bool
    state: str
    figures: Mapping[str, Mapping[str, Figures]]
    participants: tuple[dict[str, Any], ...]
    rounds: int
    gas: Mapping[int, int]
    claims: tuple[int, ...]
    seconds: Mapping[str, float]
    verdict: Verdict
    digests: Mapping[str, str]
    opinion: Opinion

    def record(self) -> dict[str, Any]:
        """Give the report as plain values for JSON."""
        return {
            "seed": self.seed,
            "honest": self.honest,
            "state": self.state,
            "accuracy": self._of("accuracy"),
            "balanced_accuracy": self._of("balanced"),
            "log_loss": self._of("log_loss"),
            "best_constant": {n: self.figures["pooled"][n].constant for n in DEMONSTRATED},
            "participants": list(self.participants),
            "rounds": self.rounds,
            "gas": {
                "per_round": max(self.gas.values()),
                "each_round": list(self.gas.values()),
                "claim": max(self.claims, default=0),
            },
            "transactions_per_round": 2,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "verify": {
                "numbers": self.verdict.numbers,
                "false": [str(falsehood) for falsehood in self.verdict.false],
            },
            "digests": dict(self.digests),
            "opinion": self.opinion.record(),
        }

    def _of(self, field: str) -> dict[str, dict[str, float]]:
        return {
            how: {name: round(getattr(by[name], field), 4) for name in DEMONSTRATED}
            for how, by in self.figures.items()
        }


def build_report(
    run: Diagnosis, opinion: Opinion, verdict: Verdict, *, seconds: Mapping[str, float]
) -> Report:
    """Gather the figures of a finished run."""
    terms, last = run.terms, run.outcomes[-1]
    postings = run.postings(terms)
    return Report(
        seed=run.options.seed,
        honest=run.options.honest,
        state=str(run.folder),
        figures=_figures(run),
        participants=tuple(_participants(run, postings)),
        rounds=len(run.outcomes) - 1,
        gas=postings.gas_by_round(),
        claims=tuple(_claims(postings)),
        seconds=seconds,
        verdict=verdict,
        digests={
            "model": last.model.digest.hex(),
            "trace": last.trace_root.hex(),
            "scores": last.scores_root.hex(),
            "pay": postings.pay_tree(last.number, last.standing.dues).root.hex(),
            "validation": terms.validation.hex(),
        },
        opinion=opinion,
    )


def _figures(run: Diagnosis) -> dict[str, dict[str, Figures]]:
    hospitals, model, rules = load_hospitals(), run.outcomes[-1].model, run.terms.rules
    tests = {hospital.name: hospital.test for hospital in hospitals}
    logits = {name: logits_of(model, part, rules) for name, part in tests.items()}
    return {
        "federated": by_hospital(logits, tests),
        "pooled": pooled_figures(hospitals),
        "local": local_figures(hospitals),
    }


def _participants(run: Diagnosis, postings: Postings) -> list[dict[str, Any]]:
    last = run.outcomes[-1]
    scores, book = last.standing.score_ppm(run.terms.rules), run.book
    found = []
    for person in run.people:
        address = run.network.account(person.name).address
        member = postings.cohort.member(run.terms.job, address)
        codes = [
            c for n in range(1, last.number + 1) for c in book.refusals(n, to_checksum(address))
        ]
        found.append(
            {
                "name": person.name,
                "address": to_checksum(address),
                "score_ppm": scores.get(address, 0),
                "pay": str(member.drawn if member else 0),
                "refused": sorted(set(codes)),
                "rounds_refused": len(codes),
                "rows": len(person.rows),
                "row_root": person.row_root.hex(),
            }
        )
    return found


def _claims(postings: Postings) -> list[int]:
    gas = []
    for event in postings.cohort.contract.events("Claimed"):
        receipt = postings.network.chain.receipt(event.tx_hash)
        if receipt is not None and event.args["job"] == postings.job:
            gas.append(receipt.gas_used)
    return gas
