"""What speaks against a transaction, each sign with its points: integers that anyone can add up.

| sign | points |
| --- | --- |
| a post-condition of the sender is broken | 100 |
| an account that takes part is on a list | 100 |
| one within one hop, two hops, of those that take part is | 30, 15 |
| a recipient looks like somebody whom the sender paid before, and is not | 80 |
| the account is handed over to foreign code (EIP-7702) | 90 |
| something is given away and nothing comes back | 30; 70 if it is (nearly) all there is |
| allowance without end: to an account without code, to a contract that is not known | 70, 30 |
| allowance of an amount: to an account without code, to such a contract | 40, 10 |
| foreign code runs with a contract's storage, and no proxy slot names it | 35 |
| a contract is ruled by another, or its code is changed | 30 |
| a contract is entered again while it works, and acts afterwards | 40; 10 if it does not |
| a signature is good on another chain, or at no contract | 60 |
| a signature of a kind that is not understood | 30 |
| a signature that can be used for more than 30 days | 15 |
| it would fail | 30 |
| the node gives no call tree, so that hardly anything is known | 30 |

The points are added, to at most 100. From 30 on the sender is warned, from 70 on it is blocked.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

MOST, WARN, BLOCK = 100, 30, 70


class Sign(enum.Enum):
    """A kind of sign, with its points."""

    BROKEN = ("post-condition", 100)
    LISTED = ("listed", 100)
    ONE_HOP = ("one hop from a listed account", 30)
    TWO_HOPS = ("two hops from a listed account", 15)
    LOOK_ALIKE = ("look-alike", 80)
    HANDED_OVER = ("account handed over", 90)
    GIVEN_AWAY = ("given away", 30)
    EMPTIED = ("emptied", 70)
    ENDLESS_TO_ACCOUNT = ("endless allowance to an account", 70)
    ENDLESS_TO_CONTRACT = ("endless allowance", 30)
    ALLOWANCE_TO_ACCOUNT = ("allowance to an account", 40)
    ALLOWANCE_TO_CONTRACT = ("allowance", 10)
    FOREIGN_CODE = ("foreign code", 35)
    CONTROL = ("control changes", 30)
    REENTERED_ACTING = ("re-entered, acting afterwards", 40)
    REENTERED = ("re-entered", 10)
    WRONG_PLACE = ("wrong chain or contract", 60)
    UNREAD = ("not understood", 30)
    LONG = ("good for long", 15)
    FAILS = ("fails", 30)
    NO_TRACE = ("no trace", 30)

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.value[0]

    @property
    def points(self) -> int:
        """What it counts, of a hundred."""
        return self.value[1]


class Decision(enum.StrEnum):
    """What the points come to."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Mark:
    """One sign that was seen, in words that name whom and what."""

    sign: Sign
    words: str


def score_of(marks: tuple[Mark, ...]) -> int:
    """Add up the points.

    >>> score_of((Mark(Sign.CONTROL, ""), Mark(Sign.LISTED, "")))
    100
    """
    return min(MOST, sum(mark.sign.points for mark in marks))


def decision_of(score: int) -> Decision:
    """What a score comes to."""
    return Decision.BLOCK if score >= BLOCK else Decision.WARN if score >= WARN else Decision.PASS
