"""Who is approved: rates by groups that the model never sees.

To leave an attribute out of a model does not make its answers independent of it: others stand in
for it. So the rates are measured, on rows that the model was not trained on, and shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.lending.credit import Part

Group = Callable[[dict[str, str]], str]

GROUPS: dict[str, Group] = {
    "sex": lambda row: row["personal_status_and_sex"].split(" :")[0],
    "age": lambda row: "25 or younger" if int(row["age_in_years"]) <= 25 else "over 25",
    "foreign worker": lambda row: row["foreign_worker"],
}


@dataclass(frozen=True, slots=True)
class GroupRates:
    """How a group fares.

    Parameters
    ----------
    applicants, approved :
        How many there are, and how many the model approves of.
    good, good_approved :
        The same of those who did pay back: equal rates here are equal opportunity.
    """

    protected: str
    group: str
    applicants: int
    approved: int
    good: int
    good_approved: int

    @property
    def approval(self) -> float:
        """Share approved."""
        return self.approved / self.applicants

    @property
    def opportunity(self) -> float:
        """Share approved among those who paid back; NaN where nobody did."""
        return self.good_approved / self.good if self.good else float("nan")


def rates(part: Part, declined: NDArray[np.int64]) -> list[GroupRates]:
    """Measure every group of every protected attribute.

    Parameters
    ----------
    declined :
        The model's decision about each applicant of the part, 1 for a decline.
    """
    found = []
    for protected, group_of in GROUPS.items():
        groups = np.array([group_of(row) for row in part.values])
        for group in sorted(set(groups.tolist())):
            own = groups == group
            good = own & (part.bad == 0)
            found.append(
                GroupRates(
                    protected,
                    group,
                    int(own.sum()),
                    int((own & (declined == 0)).sum()),
                    int(good.sum()),
                    int((good & (declined == 0)).sum()),
                )
            )
    return found
