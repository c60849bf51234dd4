"""The stage: two tokens, two markets, a pawnshop, two savings banks, and who uses them."""

from __future__ import annotations

from functools import cached_property

from counterpoise.apps.watchtower import STAGED
from counterpoise.apps.watchtower.pen import Pen
from counterpoise.chain import Account, Contract, artifact_of, deploy
from counterpoise.core.units import TOKEN
from counterpoise.jobs import TokenClient
from counterpoise.monitor import GuardianClient, GuardianTerms
from counterpoise.network import Network

RESIDENTS = ("ada", "ben", "cleo", "dina", "emil", "fred", "gina", "hugo")
CROOKS = ("burglar", "sandwicher", "poisoner", "phisher", "puppeteer", "rugger", "raider")
OFFICIALS = ("keeper", "reporter", "hasty", "evaluator", "veto", "patron")
MULES = tuple(f"mule {number}" for number in range(6))
PUPPETS = tuple(f"puppet {number}" for number in range(6))
PURSE, STOCK = 10**21, 10**24
GRAINS = 10**22
SAVED = 6 * TOKEN
WEEK_AND_A_DAY = 8 * 86_400
MINUTE, HOUR = 60, 3_600
BOND, BOUNTY = 50 * TOKEN, 20 * TOKEN


class Stage:
    """Everything that is there before the story begins.

    Parameters
    ----------
    network :
        On a chain inside this process.
    """

    grain: Contract
    silver: Contract
    bazaar: Contract
    hall: Contract
    pawnshop: Contract
    savings: Contract
    chest: Contract

    def __init__(self, network: Network) -> None:
        self.network, self.chain = network, network.chain
        self.pen = Pen(network.chain)

    def account(self, name: str) -> Account:
        """Somebody's key."""
        return self.network.account(name)

    @cached_property
    def credit(self) -> TokenClient:
        """The token in which bonds are paid."""
        return TokenClient(self.network.contract("CreditToken"))

    @cached_property
    def guardian(self) -> GuardianClient:
        """The network's guardian."""
        return GuardianClient(self.network.contract("Guardian"), self.credit)

    def set_up(self) -> None:
        """Deploy, fund, stock the markets, consent to pauses; then let more than a week pass."""
        for name in (*RESIDENTS, *CROOKS, *OFFICIALS):
            self.network.fund(self.account(name).address, PURSE)
        keeper = self.account("keeper")
        self.grain, self.silver = (
            deploy(self.chain, keeper, "CreditToken", keeper.address) for _ in range(2)
        )
        pair = (self.grain.address, self.silver.address)
        self.bazaar, self.hall = (self.staged("bazaar", keeper, *pair) for _ in range(2))
        self.pawnshop = self.staged("pawnshop", keeper, self.bazaar.address)
        self.savings, self.chest = (
            self.staged("savings", keeper, self.guardian.address) for _ in range(2)
        )
        self._stock(keeper)
        self._consent(keeper)
        self.network.warp(WEEK_AND_A_DAY)

    def staged(self, name: str, who: Account, *args: object) -> Contract:
        """Deploy a contract of the stage."""
        return deploy(self.chain, who, artifact_of(STAGED / f"{name}.vy"), *args)

    def _stock(self, keeper: Account) -> None:
        """Fill the markets and the purses; everybody lets the bazaar take what they sell."""
        pen = self.pen
        markets = {self.bazaar: STOCK, self.hall: 4 * STOCK}
        for token in (self.grain, self.silver):
            for market, amount in markets.items():
                pen.call(keeper, token, "mint", market.address, amount)
            pen.call(keeper, token, "mint", self.pawnshop.address, STOCK)
            for name in (*RESIDENTS, "sandwicher"):
                pen.call(keeper, token, "mint", self.account(name).address, GRAINS)
            pen.mine()
            for name in (*RESIDENTS, "sandwicher"):
                pen.call(self.account(name), token, "approve", self.bazaar.address, STOCK)
            pen.mine()
        for name in RESIDENTS:
            pen.call(self.account(name), self.savings, "bring", value=SAVED)
            pen.call(self.account(name), self.chest, "bring", value=TOKEN)
        pen.mine()

    def _consent(self, keeper: Account) -> None:
        """Both banks let themselves be paused, and a patron pays for true alarms."""
        terms = self.terms
        for bank in (self.savings, self.chest):
            bank.transact(keeper, "consent", terms.values())
        operator = self.account("operator")
        for name in ("reporter", "hasty", "patron"):
            self.credit.mint(operator, self.account(name).address, 10 * BOND)
        for bank in (self.savings, self.chest):
            self.guardian.deposit(self.account("patron"), bank.address, 5 * BOUNTY)

    @property
    def terms(self) -> GuardianTerms:
        """On what the banks let themselves be paused."""
        return GuardianTerms(
            max_pause=30 * MINUTE,
            cooldown=5 * MINUTE,
            period=6 * HOUR,
            most_per_period=HOUR,
            bond=BOND,
            bounty=BOUNTY,
            ruling_seconds=2 * HOUR,
            evaluator=self.account("evaluator").address,
            veto=self.account("veto").address,
        )
