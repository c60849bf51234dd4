"""The attacks: real transactions of real contracts, each told by a name.

Each function makes its blocks and gives, after each, what became of the attack's transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from counterpoise.apps.watchtower.stage import GRAINS, MULES, PUPPETS, STOCK, Stage
from counterpoise.chain import Contract, Receipt, deploy
from counterpoise.core.units import TOKEN
from counterpoise.monitor import shipped_labels

Blocks = Iterator[list[Receipt]]
LISTED = "exploit"
AGAIN = 4
"""How often the burglar enters again."""


def look_alike(of: bytes) -> bytes:
    """An address that begins and ends as another does; nobody needs its key."""
    return of[:4] + bytes(byte ^ 0xA5 for byte in of[4:16]) + of[16:]


def poisoning(stage: Stage) -> Blocks:
    """Nothing is sent in Ada's name to somebody who looks like Ben, whom she pays."""
    ada, ben = stage.account("ada").address, stage.account("ben").address
    stage.pen.call(stage.account("poisoner"), stage.grain, "transferFrom", ada, look_alike(ben), 0)
    yield stage.pen.mine()


def friendly(stage: Stage) -> Blocks:
    """Ada pays Ben, as she often does: the payment whose look-alike comes next."""
    ada, ben = stage.account("ada"), stage.account("ben").address
    stage.pen.call(ada, stage.grain, "transfer", ben, 25 * 10**18)
    yield stage.pen.mine()


def sandwich(stage: Stage) -> Blocks:
    """Somebody buys before Dina, and sells what was bought after her, in one block."""
    pen, bot, silver = stage.pen, stage.account("sandwicher"), stage.silver
    before = 8 * 10**21
    held = stage.grain.call("balanceOf", stage.bazaar.address)
    stock = silver.call("balanceOf", stage.bazaar.address)
    got = before * 997 * stock // (held * 1000 + before * 997)
    pen.call(bot, stage.bazaar, "swap", stage.grain.address, before, 0)
    pen.call(stage.account("dina"), stage.bazaar, "swap", stage.grain.address, 9 * 10**21, 0)
    pen.call(bot, stage.bazaar, "swap", silver.address, got, 0)
    yield pen.mine()


def phishing(stage: Stage) -> Blocks:
    """Fred lets a stranger take all his silver; two blocks later the stranger does."""
    pen, fred, crook = stage.pen, stage.account("fred"), stage.account("phisher")
    pen.call(fred, stage.silver, "approve", crook.address, 2**256 - 1)
    yield pen.mine()
    amount = stage.silver.call("balanceOf", fred.address)
    pen.call(crook, stage.silver, "transferFrom", fred.address, crook.address, amount)
    yield pen.mine()


def listed(stage: Stage) -> Blocks:
    """Emil pays an account that stands in the shipped list."""
    labels = shipped_labels()
    found = min(a for a, label in labels.by_address.items() if label.category == LISTED)
    stage.pen.pay(stage.account("emil"), found, TOKEN)
    yield stage.pen.mine()


def puppets(stage: Stage) -> Blocks:
    """One purse funds fresh accounts alike, and all of them do the same thing at once."""
    pen, purse = stage.pen, stage.account("puppeteer")
    for name in PUPPETS:
        pen.pay(purse, stage.account(name).address, TOKEN)
    yield pen.mine()
    for name in PUPPETS:
        pen.call(stage.account(name), stage.chest, "bring", value=TOKEN // 100)
    yield pen.mine()


def rug(stage: Stage) -> Blocks:
    """A new token finds buyers; its maker mints ten times as much and sells it to the market."""
    pen, maker, silver = stage.pen, stage.account("rugger"), stage.silver
    moon = deploy(stage.chain, maker, "CreditToken", maker.address)
    market = stage.staged("bazaar", maker, moon.address, silver.address)
    pen.call(maker, moon, "mint", market.address, GRAINS)
    pen.call(stage.account("keeper"), silver, "mint", market.address, GRAINS)
    yield pen.mine()
    buyers = [stage.account(name) for name in ("gina", "hugo", "cleo")]
    for buyer in buyers:
        pen.call(buyer, silver, "approve", market.address, 10**20)
        pen.call(buyer, market, "swap", silver.address, 10**20, 0)
    yield pen.mine()
    yield from _pull(stage, moon, market)


def _pull(stage: Stage, moon: Contract, market: Contract) -> Blocks:
    pen, maker = stage.pen, stage.account("rugger")
    pen.call(maker, moon, "mint", maker.address, 10 * GRAINS)
    pen.call(maker, moon, "approve", market.address, 10 * GRAINS)
    pen.call(maker, market, "swap", moon.address, 10 * GRAINS, 0)
    yield pen.mine()


def raid(stage: Stage) -> Blocks:
    """A loan of a moment moves a price; a pawnshop that trusts the moment pays for it."""
    raider = stage.account("raider")
    parts = (stage.hall, stage.bazaar, stage.pawnshop, stage.grain, stage.silver)
    contract = stage.staged("raider", raider, *(part.address for part in parts))
    stage.pen.call(raider, contract, "raid", 2 * STOCK)
    yield stage.pen.mine()


def laundering(stage: Stage) -> Blocks:
    """The loot goes out to fresh accounts in equal parts, and comes together again elsewhere."""
    pen, source = stage.pen, stage.account("burglar")
    for name in MULES:
        pen.pay(source, stage.account(name).address, 2 * TOKEN)
    yield pen.mine()
    for name in MULES:
        pen.pay(stage.account(name), stage.account("launderer").address, 19 * TOKEN // 10)
    yield pen.mine()


class Burglary:
    """The savings bank is robbed, again and again, as long as it pays."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.burglar = stage, stage.account("burglar")
        self.contract = stage.staged("burglar", self.burglar, stage.savings.address)

    def __call__(self) -> list[Receipt]:
        """Rob it once more; the transaction fails if the bank does not pay."""
        self.stage.pen.call(self.burglar, self.contract, "rob", AGAIN, value=TOKEN)
        return self.stage.pen.mine()


ATTACKS: Mapping[str, tuple[Callable[[Stage], Blocks], str]] = {
    "sandwich": (sandwich, "sandwich"),
    "phishing": (phishing, "approvals"),
    "listed": (listed, "screening"),
    "puppets": (puppets, "sybil"),
    "rug": (rug, "rug"),
    "raid": (raid, "manipulation"),
}
"""Attacks that need no story around them, and the detector that is made for each."""
