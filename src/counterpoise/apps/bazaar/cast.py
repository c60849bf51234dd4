"""Who is on the market: sellers, validators, buyers, with their money and their agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from counterpoise.apps.bazaar.wares import NAME
from counterpoise.chain import Account
from counterpoise.core.units import TOKEN
from counterpoise.identity import IdentityClient
from counterpoise.market import Endpoint, Listing, Price, What, register_seller
from counterpoise.network import Network
from counterpoise.payments import Allowance, Answer, Budget, Buyer, ChannelsClient

GAS_MONEY = 10**19
YEAR = 365 * 86_400
PURSE = 200 * TOKEN


@dataclass(frozen=True, slots=True)
class Trader:
    """A seller as the demonstration knows it: what it is, and what it says of itself."""

    name: str
    character: str
    price: str
    words: str

    @property
    def cost(self) -> int:
        """Of a call, in base units."""
        return Price.parse(self.price).amount


SELLERS = (
    Trader(
        "aorta", "honest", "0.05 per call", "Heart disease from 13 facts, every answer computed"
    ),
    Trader("basil", "lazy", "0.04 per call", "Heart disease from 13 facts, fast and cheap"),
    Trader(
        "cassius", "lying", "0.03 per call", "Heart disease from 13 facts, the cheapest there is"
    ),
)


class Cast:
    """Everybody's accounts on one network."""

    def __init__(self, network: Network, clock: Callable[[], float]) -> None:
        self.network, self._clock = network, clock
        self.identity = IdentityClient(network.contract("IdentityRegistry"))
        self.token = network.contract("CreditToken")
        self._buyers: list[tuple[Buyer, set[str]]] = []

    def account(self, name: str) -> Account:
        """Give somebody's account."""
        return self.network.account(name)

    def fund(self, name: str, tokens: int = PURSE) -> None:
        """Give somebody gas money and tokens."""
        account = self.account(name)
        self.network.fund(account.address, GAS_MONEY)
        operator = self.account("operator")
        if tokens:
            self.token.transact(operator, "mint", account.address, tokens)

    def balance(self, name: str) -> int:
        """Fetch somebody's tokens, in base units."""
        return int(self.token.call("balanceOf", self.account(name).address))

    def buyer(
        self,
        name: str,
        most: int,
        send: Callable[[str, str, Mapping[str, str], bytes], Answer] | None = None,
    ) -> Buyer:
        """Give somebody's purse.

        Parameters
        ----------
        most :
            What it may spend in all, base units.
        """
        chain = self.network.chain
        place = f"eip155:{chain.chain_id()}", self.token.address
        budget = Budget({place: Allowance(TOKEN // 10, most, most)})
        return Buyer(
            self.account(name),
            budget,
            send=send,
            read_channel=ChannelsClient(chain).channel,
            clock=self._clock,
        )

    def listing(self, trader: Trader, agent: int, url: str, model: bytes) -> Listing:
        """Write what a seller offers; all three say that they run the same model."""
        return Listing(
            What.MODEL,
            NAME,
            trader.words,
            Price.parse(trader.price),
            self.token.address,
            agent,
            self.identity.name,
            int(self._clock()) + YEAR,
            tags=("medicine", "heart"),
            endpoints=(Endpoint("oip-v2", url), Endpoint("mcp", f"{url}/mcp")),
            model=model,
        )

    def register(self, trader: Trader, url: str, model: bytes) -> Listing:
        """Register a seller's agent and give its listing."""
        draft = self.listing(trader, 0, url, model)
        number = register_seller(self.identity, self.account(trader.name), draft)
        return self.listing(trader, number, url, model)


def home_of(folder: Path, name: str) -> Path:
    """Give somebody's own folder."""
    home = folder / "people" / name
    home.mkdir(parents=True, exist_ok=True)
    return home
