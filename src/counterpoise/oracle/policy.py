"""What a node answers, what it looks for in others, and where its fees are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from counterpoise.chain import Account, Receipt
from counterpoise.core.units import TOKEN, Address
from counterpoise.inference import IntegerModel
from counterpoise.oracle.journal import Entry
from counterpoise.oracle.rules import MAX_CALLBACK_GAS
from counterpoise.verification import Request

Say = Callable[[str], None]
Watcher = Callable[[Account, IntegerModel, Request, bytes], bool]
"""Looks at an answer that another proposed, and disputes it if it is false; tells if it did."""


class Purse(Protocol):
    """A contract that owes its users what they pull."""

    def credit(self, account: Address) -> int:
        """Fetch what an account can draw, in base units."""
        ...

    def withdraw(self, sender: Account, account: Address) -> Receipt:
        """Pay the account."""
        ...


def quiet(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a node answers, and when it spends gas for others.

    Parameters
    ----------
    least_fee :
        In base units; requests that pay less are left to others.
    most_callback_gas :
        Requests whose consumer may burn more are left to others.
    courtesy_seconds :
        How long after a verdict each node waits for the one before it to bring it in, the
        providers being the first in their order.
    draw_at :
        Fees are drawn once so much was earned, in base units.
    """

    least_fee: int = 0
    most_callback_gas: int = MAX_CALLBACK_GAS
    courtesy_seconds: int = 15
    draw_at: int = TOKEN

    def takes(self, entry: Entry) -> bool:
        """Whether a node of this policy answers a request."""
        return entry.fee >= self.least_fee and entry.callback_gas <= self.most_callback_gas
