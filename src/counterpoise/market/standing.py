"""Who stands behind an agent."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.core.units import Address


@dataclass(frozen=True, slots=True)
class Standing:
    """Who may list for an agent, and what its customers say of it.

    Parameters
    ----------
    rating :
        Mean in thousandths, weighed by what was paid; None where nobody who paid rated it.
    ratings, weight :
        How many ratings count, and the base units behind them.
    """

    owner: Address
    wallet: Address
    rating: int | None = None
    ratings: int = 0
    weight: int = 0

    @property
    def keys(self) -> frozenset[Address]:
        """Who may list for the agent."""
        return frozenset({self.owner, self.wallet} - {bytes(20)})
