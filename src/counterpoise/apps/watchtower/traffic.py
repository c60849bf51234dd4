"""Honest life: seeded payments, trades and savings, and what looks like an attack and is none."""

from __future__ import annotations

import random
from collections.abc import Iterator

from counterpoise.apps.watchtower.stage import RESIDENTS, Stage
from counterpoise.chain import Receipt
from counterpoise.core.units import TOKEN

CONTACTS = 3


class Traffic:
    """Honest blocks, the same for the same seed.

    Parameters
    ----------
    seed :
        Who meets whom, and for how much.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self._draw = stage, random.Random(seed)  # noqa: S311
        self._friends = {
            name: self._draw.sample([one for one in RESIDENTS if one != name], CONTACTS)
            for name in RESIDENTS
        }

    def block(self) -> list[Receipt]:
        """A few people do what they usually do."""
        for name in self._draw.sample(RESIDENTS, self._draw.randint(3, 5)):
            self._draw.choice((self._pay, self._pay, self._give, self._trade, self._save))(name)
        return self.stage.pen.mine()

    def _pay(self, name: str) -> None:
        stage, friend = self.stage, self._draw.choice(self._friends[name])
        amount = self._draw.randint(1, 900) * 10**15
        stage.pen.pay(stage.account(name), stage.account(friend).address, amount)

    def _give(self, name: str) -> None:
        stage, friend = self.stage, self._draw.choice(self._friends[name])
        token, amount = self._draw.choice((stage.grain, stage.silver)), self._draw.randint(1, 99)
        address = stage.account(friend).address
        stage.pen.call(stage.account(name), token, "transfer", address, amount * 10**18)

    def _trade(self, name: str) -> None:
        stage = self.stage
        sold, amount = self._draw.choice((stage.grain, stage.silver)), self._draw.randint(10, 99)
        who, given = stage.account(name), (sold.address, amount * 10**18, 0)
        stage.pen.call(who, stage.bazaar, "swap", *given)

    def _save(self, name: str) -> None:
        stage = self.stage
        stage.pen.call(stage.account(name), stage.savings, "bring", value=TOKEN // 10)


def twins(stage: Stage) -> Iterator[tuple[str, list[Receipt]]]:
    """What a hasty eye would take for an attack: each with the name of the attack it resembles."""
    pen, account = stage.pen, stage.account
    trade = (stage.bazaar, "swap")
    pen.call(account("ada"), *trade, stage.grain.address, 50 * 10**18, 0)
    pen.call(account("ben"), *trade, stage.silver.address, 70 * 10**18, 0)
    pen.call(account("ada"), *trade, stage.silver.address, 49 * 10**18, 0)
    yield "sandwich", pen.mine()
    pen.call(account("cleo"), stage.grain, "approve", account("dina").address, 9 * 10**18)
    yield "phishing", pen.mine()
    take = (account("cleo").address, account("dina").address, 9 * 10**18)
    pen.call(account("dina"), stage.grain, "transferFrom", *take)
    yield "phishing", pen.mine()
    pen.call(account("emil"), stage.savings, "take_all")
    pen.call(account("emil"), stage.savings, "bring", value=TOKEN)
    yield "burglary", pen.mine()
    for place, name in enumerate(("fred", "gina", "hugo")):
        pen.pay(account("ada"), account(name).address, (3 + place) * 10**17)
    yield "puppets", pen.mine()
    pen.call(account("keeper"), stage.grain, "mint", account("hugo").address, 10**20)
    yield "rug", pen.mine()
    pen.call(account("gina"), *trade, stage.grain.address, 9 * 10**21, 0)
    yield "raid", pen.mine()
