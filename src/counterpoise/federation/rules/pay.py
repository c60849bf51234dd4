"""From scores to parts per million and to tokens, to the last base unit.

What a member earns follows the task's pay rule:

per_round    each round divides its own part of the pot by that round's scores alone;
cumulative   the pot so far is divided by the sum of every round's scores so far, so that one
             lucky round does not pay a member who was harmful in the others;
steady       as cumulative, among members whose sum stands out of its own noise: its square is
             at least the sum of the squares of their round scores, which says that Student's t
             of these is at least 1, whatever the number of rounds.

Under the last two a member's dues may fall from one round to the next: nothing may be drawn
before the last round is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
class Sharing:
    """How a pot was shared, so that each share can be checked alone.

    A share is the floor of ``earning * pot / earned``, and one unit more for whose remainder is
    above the bar, or at it with an address up to `last`.

    Parameters
    ----------
    earning :
        What each member's share is in proportion to; their sum is `earned`.
    bar, last :
        Remainder and address of the last who got one unit more; `earned` and zeros if nobody did.
    """

    earning: Mapping[bytes, int]
    earned: int
    bar: int
    last: bytes

    @classmethod
    def of(cls, earning: Mapping[bytes, int], pot: int, shares: Mapping[bytes, int]) -> Sharing:
        """See how `shares`, which `share_out` gave, came about."""
        earned = sum(earning.values())
        raised = [
            (-(earning[member] * pot % earned), member)
            for member, share in shares.items()
            if earned and share > earning[member] * pot // earned
        ]
        bar, last = max(raised, default=(-earned, bytes(20)))
        return cls(earning, earned, -bar, last)


@dataclass(frozen=True, slots=True)
class Standing:
    """What every member has earned in all rounds so far.

    Parameters
    ----------
    scores, squares :
        Sum of a member's scores over the rounds that counted, in units of ``1 / SCALE``, and
        the sum of their squares.
    dues :
        What each member would be owed if this round were the last, in base units.
    released :
        The part of the pot of the rounds that counted; the rest goes back to the sponsor.
    """

    scores: Mapping[bytes, int] = field(default_factory=dict)
    squares: Mapping[bytes, int] = field(default_factory=dict)
    dues: Mapping[bytes, int] = field(default_factory=dict)
    released: int = 0

    @property
    def total(self) -> int:
        """The sum of all dues, in base units."""
        return sum(self.dues.values())

    def is_steady(self, member: bytes) -> bool:
        """True if the sum of a member's scores stands out of its own noise."""
        return self.scores[member] ** 2 >= self.squares[member]

    def earning(self, task: TaskRules) -> dict[bytes, int]:
        """The summed scores that earn under the task's pay rule; 0 for who earns nothing."""
        if task.pay_rule != "steady":
            return {member: max(score, 0) for member, score in self.scores.items()}
        return {
            member: score if score > 0 and self.is_steady(member) else 0
            for member, score in self.scores.items()
        }

    def sharing(self, task: TaskRules, scores: Mapping[bytes, int], pot: int) -> Sharing:
        """How this standing's dues came about, in a round that counted with these scores."""
        if task.pay_rule == "per_round":
            earning = {member: max(score, 0) for member, score in scores.items()}
            return Sharing.of(earning, pot, share_out(scores, pot))
        return Sharing.of(self.earning(task), self.released, self.dues)

    def score_ppm(self, task: TaskRules) -> dict[bytes, int]:
        """The earning scores of all rounds in parts per million."""
        return score_ppm(self.earning(task))

    def after(self, task: TaskRules, scores: Mapping[bytes, int], pot: int) -> Standing:
        """The standing after a round that counted, with its scores and its part of the pot."""
        members = sorted({*self.scores, *scores})
        summed = Standing(
            scores={m: self.scores.get(m, 0) + scores.get(m, 0) for m in members},
            squares={m: self.squares.get(m, 0) + scores.get(m, 0) ** 2 for m in members},
            released=self.released + pot,
        )
        if task.pay_rule == "per_round":
            paid = share_out(scores, pot)
            return replace(summed, dues={m: self.dues.get(m, 0) + paid.get(m, 0) for m in members})
        return replace(summed, dues=share_out(summed.earning(task), summed.released))
