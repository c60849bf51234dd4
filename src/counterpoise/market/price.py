"""What something costs: so much a call, a token of text, or a job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from counterpoise.core.errors import InputError
from counterpoise.core.units import format_tokens, parse_tokens


class Unit(StrEnum):
    """What a price is for."""

    CALL = "call"
    TOKEN = "token"  # noqa: S105  (of text)
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in base units for one unit.

    Examples
    --------
    >>> price = Price.parse("0.25 per token")
    >>> price.of(8) == 2 * 10**18
    True
    >>> str(price)
    '0.25 per token'

    Raises
    ------
    InputError :
        The amount is negative, or does not fit 128 bits.
    """

    amount: int
    unit: Unit = Unit.CALL

    def __post_init__(self) -> None:
        if not 0 <= self.amount < 1 << 128:
            raise InputError(f"a price of {self.amount} base units", hint="0 to 2**128 - 1")

    @classmethod
    def parse(cls, text: str) -> Price:
        """Read a price such as ``"0.25 per token"``; without a unit it is for a call."""
        found = re.fullmatch(r"\s*(\S+)(?:\s+(?:per\s+)?(call|token|job))?\s*", text)
        if found is None:
            raise InputError(
                f"{text!r} is no price", hint="write '0.25 per call', per token or per job"
            )
        return cls(parse_tokens(found[1]), Unit(found[2] or "call"))

    def of(self, units: int) -> int:
        """Give what so many units cost, in base units."""
        if units < 0:
            raise InputError(f"{units} units of {self.unit}")
        return self.amount * units

    def __str__(self) -> str:
        return f"{format_tokens(self.amount)} per {self.unit}"
