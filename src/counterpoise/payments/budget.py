"""What a buyer may spend: in which tokens, for one call, in deposits, and in all."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from counterpoise.core.errors import InputError
from counterpoise.core.units import Address
from counterpoise.payments.wire import Offer


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits for one token on one chain, in base units.

    Parameters
    ----------
    call, deposit, total :
        The most for one call, in one deposit, and for all calls together.
    """

    call: int
    deposit: int
    total: int


class Budget:
    """Counts what a buyer spends. Tokens that are not named are never paid in.

    Parameters
    ----------
    allowances :
        By network (``eip155:31337``) and token.
    """

    def __init__(self, allowances: Mapping[tuple[str, Address], Allowance]) -> None:
        self._allowances = dict(allowances)
        self._spent: dict[tuple[str, Address], int] = {}
        self._lock = threading.Lock()

    def spent(self, network: str, token: Address) -> int:
        """Give what was spent, or is promised to calls under way, in base units."""
        with self._lock:
            return self._spent.get((network, token), 0)

    def allows(self, offer: Offer) -> bool:
        """Whether a call at this offer's price is within every limit now."""
        allowance = self._allowances.get((offer.network, offer.asset))
        if allowance is None or offer.amount > allowance.call:
            return False
        return self.spent(offer.network, offer.asset) + offer.amount <= allowance.total

    def promise(self, offer: Offer) -> None:
        """Set an offer's price aside.

        Raises
        ------
        InputError :
            It is above a limit; the message says which.
        """
        place = offer.network, offer.asset
        allowance = self._allowances.get(place)
        named = f"0x{offer.asset.hex()} on {offer.network}"
        if allowance is None:
            raise InputError(f"the budget names no {named}", hint="add an allowance for the token")
        if offer.amount > allowance.call:
            raise InputError(f"a call costs {offer.amount} of {named}, at most {allowance.call}")
        with self._lock:
            after = self._spent.get(place, 0) + offer.amount
            if after > allowance.total:
                raise InputError(f"{after} of {named} would be spent, at most {allowance.total}")
            self._spent[place] = after

    def give_back(self, offer: Offer, amount: int) -> None:
        """Take back what was promised and not charged."""
        with self._lock:
            place = offer.network, offer.asset
            self._spent[place] = max(0, self._spent.get(place, 0) - amount)

    def deposit(self, offer: Offer, least: int, wished: int) -> int:
        """Give how much to put into a channel: what is wished, within the limit."""
        allowance = self._allowances.get((offer.network, offer.asset))
        most = 0 if allowance is None else allowance.deposit
        if least > most:
            raise InputError(
                f"the channel needs a deposit of {least}, at most {most} is allowed",
                hint="raise the allowance's deposit, or take what is left out of the channel",
            )
        return max(least, min(wished, most))
