"""The market square: what is listed, how it is found, and what customers say of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from counterpoise.apps.bazaar.cast import Cast, Trader
from counterpoise.identity import ReputationClient, Summary, summarise
from counterpoise.market import (
    Catalogue,
    Order,
    PaidReceipts,
    Result,
    Wanted,
    note_reputations,
    publish,
    read_log,
    read_standings,
    search,
)

WORDS = "heart disease"
TAG = "accuracy"


class Stalls:
    """Listings and ratings of one network.

    Parameters
    ----------
    clock :
        Gives the Unix time: the chain's, where that is ahead.
    """

    def __init__(self, cast: Cast, folder: Path, clock: Callable[[], float]) -> None:
        self.cast, self._clock = cast, clock
        self.network = cast.network
        self.agents: dict[str, int] = {}
        self.catalogue = Catalogue(folder / "market" / "catalogue.db", cast.identity.name)
        self.receipts = PaidReceipts.of(self.network)
        self.ratings = ReputationClient(self.network.contract("ReputationRegistry"))

    def open(self, trader: Trader, url: str, model: bytes) -> None:
        """Register a seller, and publish its listing."""
        listing = self.cast.register(trader, url, model)
        publish(
            listing,
            self.cast.account(trader.name),
            int(self._clock()),
            identity=self.cast.identity,
            store=self.network.store,
            log=self.network.log,
        )
        self.agents[trader.name] = listing.agent

    def find(self, *, least: int | None = None, order: Order = Order.PRICE) -> list[Result]:
        """Search as a buyer does, with the ratings as they stand now.

        Parameters
        ----------
        least :
            Rating in thousandths that a seller must have from customers who paid.
        """
        read_log(self.catalogue, self.network.log)
        read_standings(self.catalogue, self.cast.identity)
        note_reputations(self.catalogue, self.agents.values(), self._weighed)
        wanted = Wanted(least_rating=least, order=order)
        return search(self.catalogue, WORDS, int(self._clock()), wanted)

    def rate(self, client: str, seller: str, value: int) -> None:
        """Say how many of a hundred answers of a seller came true."""
        self.ratings.give(self.cast.account(client), self.agents[seller], value, tags=(TAG, ""))

    def summary(self, seller: str) -> Summary:
        """Weigh what customers say of a seller by what they paid."""
        return self._weighed(self.agents[seller])

    def seller_of(self, result: Result) -> str:
        """Give whose listing was found."""
        names = {agent: name for name, agent in self.agents.items()}
        return names[result.found.listing.agent]

    def close(self) -> None:
        """Let go of the catalogue."""
        self.catalogue.close()

    def _weighed(self, agent: int) -> Summary:
        return summarise(self.ratings, [self.receipts], agent, self.receipts.moves())
