"""From scores to parts per million and to tokens, to the last base unit.

Under the ``cumulative`` rule what is due follows from the sum of every round's scores so far,
so that a member who was lucky in one round and harmful in the others is owed nothing. Its dues
may fall from one round to the next: nothing is drawn before the last round is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from counterpoise.core.shares import allocate
from counterpoise.core.units import PPM
from counterpoise.federation.rules.task import TaskRules


def share_out(scores: Mapping[bytes, int], pot: int) -> dict[bytes, int]:
    """Divide `pot` in proportion to max(score, 0); nobody positive gets nobody anything."""
    positive = {member: max(score, 0) for member, score in scores.items()}
    if not any(positive.values()):
        return dict.fromkeys(sorted(positive), 0)
    return allocate(positive, pot)


def score_ppm(scores: Mapping[bytes, int]) -> dict[bytes, int]:
    """Scores in parts per million: they sum to 1,000,000, or all are 0."""
    return share_out(scores, PPM)


def pot_of_round(task: TaskRules, round_id: int) -> int:
    """The part of the pot that round `round_id` (from 0) releases; all rounds sum to the pot."""
    return task.pot * (round_id + 1) // task.rounds - task.pot * round_id // task.rounds


@dataclass(frozen=True, slots=True)
class Standing:
    """What every member has earned in all rounds so far.

    Parameters
    ----------
    scores :
        Sum of a member's scores over the rounds that counted, in units of ``1 / SCALE``.
    dues :
        What each member would be owed if this round were the last, in base units.
    released :
        The part of the pot of the rounds that counted; the rest goes back to the sponsor.
    """

    scores: Mapping[bytes, int] = field(default_factory=dict)
    dues: Mapping[bytes, int] = field(default_factory=dict)
    released: int = 0

    @property
    def total(self) -> int:
        """The sum of all dues, in base units."""
        return sum(self.dues.values())

    def after(self, task: TaskRules, scores: Mapping[bytes, int], pot: int) -> Standing:
        """The standing after a round that counted, with its scores and its part of the pot."""
        members = sorted({*self.scores, *scores})
        summed = {m: self.scores.get(m, 0) + scores.get(m, 0) for m in members}
        released = self.released + pot
        if task.pay_rule == "cumulative":
            return Standing(summed, share_out(summed, released), released)
        paid = share_out(scores, pot)
        dues = {m: self.dues.get(m, 0) + paid.get(m, 0) for m in members}
        return Standing(summed, dues, released)
