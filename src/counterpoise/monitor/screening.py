"""What a screen says, and what its user may ask for beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.units import to_checksum
from counterpoise.monitor.blocks import NATIVE
from counterpoise.monitor.effects import Approval, Effects
from counterpoise.monitor.signs import Decision, Mark, Sign, decision_of, score_of
from counterpoise.monitor.simulation import Bound

Changes = Mapping[tuple[bytes, int | None], int]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the sender wants to be true afterwards.

    Parameters
    ----------
    least :
        For each token (`NATIVE` for the coin), the least net change of the sender that is wanted,
        in base units; what may be spent is negative. A token that is not named must not be lost.
    spenders :
        Who may be given allowances.
    """

    least: Mapping[bytes, int] = field(default_factory=dict)
    spenders: Set[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Screening:
    """A verdict, and the state that it was computed on.

    Parameters
    ----------
    score :
        0 to 100: the sum of the marks' points.
    changes :
        Net change of the sender by (token, item), base units; the gas is not in it.
    how :
        ``trace``, ``call`` (the node gave no call tree) or ``typed data``.
    cut :
        Whether the search for listed neighbours was given up at `WALK` accounts.
    """

    score: int
    decision: Decision
    marks: tuple[Mark, ...]
    changes: Changes
    approvals: tuple[Approval, ...]
    how: str
    at: Bound
    failed: str = ""
    cut: bool = False

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON: amounts as text, bytes as hex."""
        return {
            "score": self.score,
            "decision": self.decision.value,
            "signs": [
                {"sign": m.sign.title, "points": m.sign.points, "words": m.words}
                for m in self.marks
            ],
            "changes": [
                {"token": to_checksum(token), "item": None if item is None else str(item)}
                | {"amount": str(amount)}
                for (token, item), amount in self.changes.items()
            ],
            "approvals": [
                {"token": to_checksum(one.token), "spender": to_checksum(one.spender)}
                | {"amount": None if one.amount is None else str(one.amount)}
                for one in self.approvals
            ],
            "how": self.how,
            "failed": self.failed,
            "block": self.at.number,
            "block_hash": self.at.hash.hex(),
            "state_root": self.at.state_root.hex(),
            "cut": self.cut,
        }


def broken(
    changes: Changes, approvals: tuple[Approval, ...], sender: bytes, expect: Expectation
) -> Iterator[Mark]:
    """Mark each post-condition that would not hold."""
    found: dict[bytes, int] = {}
    for (token, _), change in changes.items():
        found[token] = found.get(token, 0) + change
    for token in sorted({*found, *expect.least}):
        change, least = found.get(token, 0), expect.least.get(token, 0)
        if change < least:
            words = f"{change} of {name_of(token)}, at least {least} wanted"
            yield Mark(Sign.BROKEN, words)
    for one in approvals:
        if one.owner == sender and one.spender not in expect.spenders:
            yield Mark(Sign.BROKEN, f"an allowance for {name_of(one.spender)}, none wanted")


def screening_of(
    marks: tuple[Mark, ...],
    effects: Effects,
    sender: bytes,
    *,
    how: str,
    at: Bound,
    failed: str,
    cut: bool,
) -> Screening:
    """Add the marks up."""
    score = score_of(marks)
    decision = decision_of(score)
    changes = effects.change_of(sender)
    own = tuple(one for one in effects.approvals if one.owner == sender)
    return Screening(score, decision, marks, changes, own, how, at, failed, cut)


def name_of(account: bytes) -> str:
    """An account as people write it; the coin by its name."""
    return "the coin" if account == NATIVE else to_checksum(account)
