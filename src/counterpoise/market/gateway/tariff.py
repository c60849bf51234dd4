"""What a model's call costs: before it, at most; after it, by what was used.

All amounts are base units, all counts tokens of text, and an upstream that tells nonsense cannot
charge more than was quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.market.price import Price, Unit

BYTES_A_TOKEN = 4
"""Bytes of text that count as one token where nobody has counted."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of one model.

    Parameters
    ----------
    price :
        For a call, or for a token that is read.
    out :
        For a token that is written; None for the same.
    """

    price: Price
    out: Price | None = None

    def __post_init__(self) -> None:
        per_token = self.price.unit is Unit.TOKEN
        if self.price.unit is Unit.JOB or (self.out and not per_token):
            raise InputError(f"a price of {self.price}", hint="a model is paid per call or token")
        if self.out is not None and self.out.unit is not Unit.TOKEN:
            raise InputError(f"a price of {self.out}", hint="what is written is paid per token")

    def __str__(self) -> str:
        return str(self.price) if self.out is None else f"{self.price}, {self.out} written"

    def of(self, tokens_in: int, tokens_out: int = 0) -> int:
        """Give what so many tokens cost."""
        if self.price.unit is Unit.CALL:
            return self.price.amount
        return self.price.of(tokens_in) + (self.out or self.price).of(tokens_out)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most tokens that a call can use: what it was quoted by."""

    tokens_in: int
    tokens_out: int = 0

    def used(self, usage: object, text_in: int, text_out: int) -> tuple[int, int]:
        """Give the tokens that are charged for: what the upstream counted, within the bounds.

        Parameters
        ----------
        usage :
            What the upstream tells; where it is no count, `BYTES_A_TOKEN` bytes are a token.
        text_in, text_out :
            Bytes of text that were sent and that came.
        """
        told = usage if isinstance(usage, Mapping) else {}
        read = _count(told, "prompt_tokens", _about(text_in))
        written = _count(told, "completion_tokens", _about(text_out))
        return min(read, self.tokens_in), min(written, self.tokens_out)


@dataclass(slots=True)
class Meter:
    """Counts what a stream has delivered, and charges for whole blocks of tokens.

    While it runs nobody has counted, so the lesser of the pieces and of a token for each
    `BYTES_A_TOKEN` bytes counts. At the end the upstream's count holds, but the charge never
    falls.

    Parameters
    ----------
    block :
        Tokens to a step.
    text_in :
        Bytes of text that were sent.
    """

    tariff: Tariff
    bounds: Bounds
    block: int
    text_in: int
    charge: int = 0
    pieces: int = 0
    text_out: int = 0

    def delivered(self, text: int) -> int:
        """Take note of a piece with so many bytes of text, and give the charge up to its end."""
        if text:
            self.pieces += 1
            self.text_out += text
        tokens = min(self.pieces, _about(self.text_out), self.bounds.tokens_out)
        read = min(_about(self.text_in), self.bounds.tokens_in)
        return self._raised(read, tokens - tokens % self.block)

    def ended(self, usage: object) -> int:
        """Take note of the end, and give the charge of the whole."""
        return self._raised(*self.bounds.used(usage, self.text_in, self.text_out))

    def _raised(self, tokens_in: int, tokens_out: int) -> int:
        self.charge = max(self.charge, self.tariff.of(tokens_in, tokens_out))
        return self.charge


def _count(told: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = told.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return int(value) if is_count else otherwise  # type: ignore[arg-type]


def _about(text: int) -> int:
    return -(-text // BYTES_A_TOKEN)
