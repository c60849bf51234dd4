"""What happened in a run, as it is told and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from counterpoise.apps.bazaar.asking import Heard
from counterpoise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Purchase:
    """Some answers that one buyer bought of one seller.

    Parameters
    ----------
    why :
        Why there.
    truths :
        What later turned out about each row: whether the heart was diseased.
    """

    buyer: str
    seller: str
    why: str
    heard: Sequence[Heard]
    truths: Sequence[bool]

    @property
    def right(self) -> int:
        """How many answers came true."""
        pairs = zip(self.heard, self.truths, strict=True)
        return sum(heard.is_diseased == truth for heard, truth in pairs)

    @property
    def paid(self) -> int:
        """Base units in all."""
        return sum(one.paid for one in self.heard)

    def record(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "buyer": self.buyer,
            "seller": self.seller,
            "why": self.why,
            "heard": [one.record() for one in self.heard],
            "truths": list(map(bool, self.truths)),
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Purchase:
        """Read what `record` gives."""
        heard = [Heard.of(one) for one in record["heard"]]
        if len(heard) != len(record["truths"]):
            raise InputError(f"{len(heard)} answers and {len(record['truths'])} truths")
        return cls(record["buyer"], record["seller"], record["why"], heard, record["truths"])


@dataclass(frozen=True, slots=True)
class Asking:
    """The contract's question: who lied to it, what it was told in the end.

    Parameters
    ----------
    told, lie :
        Whether diseased: as delivered, and as the liar proposed it.
    """

    question: int
    liar: str
    answered_by: str
    told: bool
    lie: bool


@dataclass
class Story:
    """A run from its beginning to its end.

    Parameters
    ----------
    stopped :
        What the agent's budget said when it was spent.
    found :
        The sellers that the agent's search found, with their ratings in thousandths.
    """

    purchases: list[Purchase] = field(default_factory=list)
    asking: Asking | None = None
    stopped: str = ""
    found: list[dict[str, Any]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "purchases": [one.record() for one in self.purchases],
            "asking": None if self.asking is None else asdict(self.asking),
            "stopped": self.stopped,
            "found": self.found,
        }
