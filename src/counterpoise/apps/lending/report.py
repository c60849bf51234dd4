"""What a run came to: one record, for the screen and for `--report`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from counterpoise.apps.lending.applicants import Asking
from counterpoise.apps.lending.costs import KINDS, Spent, proof_bytes, spent_on
from counterpoise.apps.lending.demo import LEVELS, Lending
from counterpoise.apps.lending.figures import Quality, quality
from counterpoise.apps.lending.paperwork import REASONS
from counterpoise.apps.lending.reasons import read_reasons
from counterpoise.apps.lending.rules import Loan, Status
from counterpoise.core.units import to_checksum
from counterpoise.provenance import Verdict

PUBLIC = {
    "quorum": "the answer",
    "optimistic": "the answer; the data if it is disputed",
    "zk": "the answer and the data",
    "direct": "the answer and the data",
}
TRUSTED = {
    "quorum": "more than half of the committee's stake",
    "optimistic": "one honest challenger within the window",
    "zk": "the circuit's pinned key and its set-up",
    "direct": "the chain alone",
}
DEVELOPMENT = ", here a development one: who made it can forge"


@dataclass(frozen=True)
class Report:
    """Everything that a run says of itself.

    Parameters
    ----------
    levels :
        By name: latency, gas, proof size, what is public, what is trusted; or why it was skipped.
    applications :
        In order: who, at which level, what it came to, and why if it was declined.
    lie :
        What was proposed falsely, who convicted it, and what that moved.
    """

    seed: int
    state: str
    model: Mapping[str, Any]
    quality: Quality
    levels: Mapping[str, Mapping[str, Any]]
    applications: tuple[Mapping[str, Any], ...]
    lie: Mapping[str, Any]
    seconds: Mapping[str, float]
    verdict: Verdict

    def record(self) -> dict[str, Any]:
        """Give the report as plain values for JSON."""
        return {
            "seed": self.seed,
            "state": self.state,
            "model": dict(self.model) | self.quality.record(),
            "levels": {name: dict(row) for name, row in self.levels.items()},
            "applications": [dict(row) for row in self.applications],
            "lie": dict(self.lie),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "verify": {
                "numbers": self.verdict.numbers,
                "false": [str(falsehood) for falsehood in self.verdict.false],
            },
        }


def build_report(run: Lending, verdict: Verdict, *, seconds: Mapping[str, float]) -> Report:
    """Gather the figures of a finished run."""
    loans = run.loans()
    spent = {number: spent_on(run.network, run.desk, number) for _, number, _ in loans}
    lied = [(asking, number) for asking, number, _ in loans if asking.is_lied_about]
    return Report(
        seed=run.options.seed,
        state=str(run.folder),
        model={
            "id": run.card.net.id.hex(),
            "inputs": run.card.net.inputs,
            "nat": run.card.nat,
            "report": run.card.card.report.as_record(),
        },
        quality=quality(run.card),
        levels={name: level_row(run, name, loans, spent) for name in LEVELS},
        applications=tuple(application_row(run, *one) for one in loans),
        lie=lie_row(run, lied[0][1], spent[lied[0][1]]),
        seconds=seconds,
        verdict=verdict,
    )


def level_row(
    run: Lending,
    name: str,
    loans: list[tuple[Asking, int, Loan]],
    spent: Mapping[int, list[Spent]],
) -> dict[str, Any]:
    """Compare one level: medians over its applications, the one lied about left out."""
    if name not in run.offered:
        return {"skipped": run.no_zk}
    own = [
        (asking, number)
        for asking, number, _ in loans
        if asking.level == run.offered[name] and not asking.is_lied_about
    ]
    timings = [run.timing(asking) for asking, _ in own]
    gas = {
        kind: round(median(sum(s.gas for s in spent[n] if s.kind == kind) for _, n in own))
        for kind in KINDS
    }
    last = own[-1][1]
    return {
        "applications": len(own),
        "wall_seconds": round(median(timing["wall"] for timing in timings), 3),
        "window_seconds": round(median(timing["windows"] for timing in timings)),
        "gas": gas,
        "transactions": [{"kind": s.kind, "what": s.what, "gas": s.gas} for s in spent[last]],
        "proof_bytes": proof_bytes(
            run.network, run.desk, last, run.card.net, int(timings[-1].get("proof", 0))
        ),
        "public": PUBLIC[name],
        "trusted": TRUSTED[name] + (DEVELOPMENT if name == "zk" and run.is_development else ""),
    }


def application_row(run: Lending, asking: Asking, number: int, loan: Loan) -> dict[str, Any]:
    """Tell what became of one application."""
    reasons = []
    if loan.status is Status.DECLINED:
        listed = read_reasons((asking.place / REASONS).read_bytes())
        reasons = [asdict(reason) | {"title": reason.title} for reason in listed]
    return {
        "label": asking.label,
        "loan": number,
        "amount": str(loan.principal),
        "months": loan.months,
        "risk_ppm": loan.risk,
        "yearly_bps": loan.yearly_bps,
        "status": loan.status.name.lower(),
        "reasons": reasons,
    }


def lie_row(run: Lending, number: int, spent: list[Spent]) -> dict[str, Any]:
    """Tell how the lie ended."""
    oracle = run.network.contract("Oracle").address
    events = [
        event
        for event in run.network.contract("Optimistic").events()
        if (event.args.get("asker"), event.args.get("id")) == (oracle, number)
    ]
    convicted = [event.args for event in events if event.name == "Convicted"]
    false = next(event.args["answer"] for event in events if event.name == "Proposed")
    by = convicted[0]["challenger"] if convicted else b""
    return {
        "loan": number,
        "false_answer": false.hex(),
        "true_answer": run.answer(number).hex(),
        "convicted": bool(convicted),
        "by": to_checksum(by) if by else "",
        "reward": str(convicted[0]["reward"]) if convicted else "0",
        "burnt": str(convicted[0]["burnt"]) if convicted else "0",
        "gas": sum(s.gas for s in spent if s.kind == "dispute"),
    }
