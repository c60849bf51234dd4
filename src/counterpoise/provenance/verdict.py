"""The verdict: what a verification found, number by number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.errors import CounterpoiseError, VerificationError

HOLDS = "that it holds"

Progress = Callable[[str], None]
"""Told the name of each section of a verification before it begins."""


def silent(section: str) -> None:
    """Say nothing about progress."""


@dataclass(frozen=True, slots=True)
class Falsehood:
    """One thing that is not as the evidence says.

    Parameters
    ----------
    name :
        What it is, such as ``"round 2 / score of 0x01"``.
    found, wanted :
        What the evidence says, and what was derived.
    """

    name: str
    found: Any
    wanted: Any

    def __str__(self) -> str:
        if self.wanted == HOLDS:
            return f"{self.name}: {_text(self.found)}"
        return f"{self.name} is {_text(self.found)}, not {_text(self.wanted)}"


@dataclass(slots=True)
class Verdict:
    """Collects what every room's verification finds, in the order in which it looks.

    Examples
    --------
    >>> verdict = Verdict()
    >>> verdict.check("score", 40, 40), verdict.check("pay", 7, 8)
    (True, False)
    >>> verdict.numbers, str(verdict.first)
    (2, 'pay is 7, not 8')
    """

    numbers: int = 0
    false: list[Falsehood] = field(default_factory=list)

    def check(self, name: str, found: Any, wanted: Any) -> bool:
        """Count one derived number and remember it if the evidence says another."""
        self.numbers += 1
        if found != wanted:
            self.false.append(Falsehood(name, found, wanted))
        return bool(found == wanted)

    def hold(self, name: str, condition: bool, detail: str = "") -> bool:
        """Count one condition and remember it if it does not hold."""
        self.numbers += 1
        if not condition:
            self.false.append(Falsehood(name, detail or "it does not hold", HOLDS))
        return condition

    def refuse(self, name: str, error: CounterpoiseError) -> None:
        """Count one check that ended in an error, such as a missing or wrong blob."""
        self.hold(name, False, error.message)

    @property
    def is_true(self) -> bool:
        """Whether nothing false was found."""
        return not self.false

    @property
    def first(self) -> Falsehood | None:
        """The first false thing, exactly; None where there is none."""
        return self.false[0] if self.false else None

    def raise_if_false(self) -> None:
        """Raise for the first false thing.

        Raises
        ------
        VerificationError :
            Names it, what was found and what was wanted.
        """
        if self.first is not None:
            more = len(self.false) - 1
            raise VerificationError(
                str(self.first), hint=f"{more} more are false" if more else "all else holds"
            )


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)
