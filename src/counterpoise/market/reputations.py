"""What paying customers say of a seller: ratings weighed by jobs, channels and payments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from counterpoise.chain import Contract
from counterpoise.core.units import Address
from counterpoise.identity import (
    Move,
    Receipts,
    ReputationClient,
    Summary,
    Terms,
    moves_of,
    summarise,
)


@dataclass
class Reputations:
    """Weighs the ratings of any agent; the token's transfers are read once.

    Parameters
    ----------
    receipts :
        Sources of receipts, such as `counterpoise.identity.JobReceipts`.
    hubs :
        Accounts that mix the money of many, such as escrows.
    """

    reputation: ReputationClient
    receipts: Sequence[Receipts]
    token: Contract
    hubs: Collection[Address]
    terms: Terms | None = None
    _moves: Sequence[Move] | None = None

    def of(self, agent: int) -> Summary:
        """Weigh the ratings of one agent."""
        if self._moves is None:
            self._moves = list(moves_of(self.token, self.hubs))
        return summarise(self.reputation, self.receipts, agent, self._moves, terms=self.terms)

    def rated(self, agents: Iterable[int]) -> list[int]:
        """Give those of the agents that anybody rated."""
        return [agent for agent in agents if self.reputation.clients(agent)]
