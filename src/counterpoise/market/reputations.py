"""What paying customers say of sellers: ratings weighed by jobs, channels and exact payments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from counterpoise.identity import ReputationClient, Summary, Terms, summarise
from counterpoise.market.paid_receipts import PaidReceipts


@dataclass(frozen=True, slots=True)
class Reputations:
    """Weighs the ratings of any agent; keep one, it reads on from where it was.

    Parameters
    ----------
    paid :
        What was really paid, and the moves of the token.
    """

    reputation: ReputationClient
    paid: PaidReceipts
    terms: Terms | None = None

    def of(self, agent: int) -> Summary:
        """Weigh the ratings of one agent."""
        moves = self.paid.moves()
        return summarise(self.reputation, [self.paid], agent, moves, terms=self.terms)

    def rated(self, agents: Iterable[int]) -> list[int]:
        """Give those of the agents that anybody rated."""
        return [agent for agent in agents if self.reputation.clients(agent)]
