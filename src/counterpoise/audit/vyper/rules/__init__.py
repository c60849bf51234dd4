"""The rules, each over the events of a contract's entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from counterpoise.audit.vyper.found import Found
from counterpoise.audit.vyper.rules.access import access
from counterpoise.audit.vyper.rules.chance import chance
from counterpoise.audit.vyper.rules.hygiene import hygiene
from counterpoise.audit.vyper.rules.numbers import numbers
from counterpoise.audit.vyper.rules.outer import outer
from counterpoise.audit.vyper.rules.packing import packing
from counterpoise.audit.vyper.rules.payments import payments
from counterpoise.audit.vyper.rules.payouts import payouts
from counterpoise.audit.vyper.rules.reentrancy import reentrancy
from counterpoise.audit.vyper.rules.rounding import rounding
from counterpoise.audit.vyper.rules.signatures import signatures
from counterpoise.audit.vyper.trust import Contract

__all__ = ["ALL"]

ALL: tuple[Callable[[Contract], Iterator[Found]], ...] = (
    reentrancy,
    access,
    payouts,
    outer,
    numbers,
    packing,
    rounding,
    chance,
    signatures,
    payments,
    hygiene,
)
