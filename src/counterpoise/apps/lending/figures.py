"""How good the model is on rows that it was not trained on, in floats and in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.lending.credit import COST_OF_BAD, Part, split
from counterpoise.apps.lending.fairness import GroupRates, rates
from counterpoise.apps.lending.pricing import risk_of
from counterpoise.apps.lending.recipe import CHOSEN, float_logits, trained
from counterpoise.apps.lending.scorecard import Scorecard
from counterpoise.core.units import PPM


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures on the test rows, floats and integers side by side.

    Parameters
    ----------
    auc, accuracy :
        Area under the curve, and share of right decisions; float, integer.
    cost :
        Mean cost of an applicant by the data's own cost matrix; float, integer.
    cost_of_declining_all :
        What declining everybody would cost, for comparison.
    agreement :
        Share of equal decisions over all 400 rows that were not trained on.
    approved, bad_approved, expected_bad :
        How many test rows are approved, how many of those did not pay back, and how many their
        risks say.
    """

    auc: tuple[float, float]
    accuracy: tuple[float, float]
    cost: tuple[float, float]
    cost_of_declining_all: float
    agreement: float
    approved: int
    bad_approved: int
    expected_bad: float
    fairness: tuple[GroupRates, ...]

    def record(self) -> dict[str, Any]:
        """Give the figures as plain values for JSON."""
        sides = ("float", "integer")
        paired = {
            name: {
                side: round(value, 4)
                for side, value in zip(sides, getattr(self, name), strict=True)
            }
            for name in ("auc", "accuracy", "cost")
        }
        return paired | {
            "cost_of_declining_all": round(self.cost_of_declining_all, 4),
            "agreement": round(self.agreement, 4),
            "approved": self.approved,
            "bad_approved": self.bad_approved,
            "expected_bad": round(self.expected_bad, 1),
            "fairness": [
                {
                    "protected": group.protected,
                    "group": group.group,
                    "applicants": group.applicants,
                    "approved": group.approved,
                    "good": group.good,
                    "good_approved": group.good_approved,
                }
                for group in self.fairness
            ],
        }


def quality(card: Scorecard) -> Quality:
    """Measure a scorecard beside the float model that it was made of."""
    from sklearn.metrics import roc_auc_score

    parts = split()
    estimator, test = trained(parts["train"], CHOSEN), parts["test"]
    limit = -np.log(COST_OF_BAD)
    real = {name: float_logits(estimator, parts[name]) for name in ("validation", "test")}
    whole = {name: card.net.run(card.rows_of(parts[name])) for name in ("validation", "test")}
    same = [(real[name] > limit) == (whole[name].decisions == 1) for name in real]
    decided = ((real["test"] > limit).astype(np.int64), whole["test"].decisions.astype(np.int64))
    logits = whole["test"].logits[:, 0]
    approved = decided[1] == 0
    risks = np.array([risk_of(int(logit), card.nat) for logit in logits]) / PPM
    return Quality(
        (float(roc_auc_score(test.bad, real["test"])), float(roc_auc_score(test.bad, logits))),
        (float((decided[0] == test.bad).mean()), float((decided[1] == test.bad).mean())),
        (cost(test, decided[0]), cost(test, decided[1])),
        cost(test, np.ones(len(test), np.int64)),
        float(np.concatenate(same).mean()),
        int(approved.sum()),
        int(test.bad[approved].sum()),
        float(risks[approved].sum()),
        tuple(rates(test, decided[1])),
    )


def cost(part: Part, declined: NDArray[np.int64]) -> float:
    """Give the mean cost of decisions: 1 for who is declined and good, 5 for accepted and bad."""
    accepted_bad = (declined == 0) & (part.bad == 1)
    declined_good = (declined == 1) & (part.bad == 0)
    return float((COST_OF_BAD * accepted_bad + declined_good).mean())
