"""A market in one process: three sellers, two validators, and three kinds of buyers.

A run that was interrupted begins anew: the whole of it takes less than a minute.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from counterpoise.apps.bazaar.asking import Heard, PaidAsk, buy, heard, place_of, question
from counterpoise.apps.bazaar.cast import PURSE, SELLERS, Cast, home_of
from counterpoise.apps.bazaar.characters import character
from counterpoise.apps.bazaar.jury import BOND, EPOCHS, KEEPER, PAY, STAKES, Asked, Jury
from counterpoise.apps.bazaar.shops import Shop
from counterpoise.apps.bazaar.stalls import Stalls
from counterpoise.apps.bazaar.story import Asking, Purchase, Story
from counterpoise.apps.bazaar.ward import Ward, open_seller_node
from counterpoise.apps.bazaar.wares import NAME, make_wares
from counterpoise.apps.folders import prepare_folder
from counterpoise.apps.telling import Say, quiet
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN
from counterpoise.market import Called, McpClient, McpTransport, Order, Price, Sold
from counterpoise.network import Network, create_network, open_network
from counterpoise.payments import Answer, Connections

MARKER, RECORD, STORY = "bazaar.json", "report.json", "story.json"
PERSON, AGENT, WARD, COUSIN = "petra", "axel", "ward", "cousin"
PATIENTS, LEAST_RATING = 20, 65_000
AGENT_BUDGET, COUSIN_MONEY = TOKEN, 4 * TOKEN
STEPS = 9


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked for."""

    seed: int


class Bazaar:
    """One run of the demonstration in a state folder.

    Parameters
    ----------
    folder :
        The state folder, made if missing.
    say :
        Told of progress.

    Raises
    ------
    InputError :
        The folder holds something else, or a run with another seed.
    """

    def __init__(self, folder: Path, options: Options, say: Say = quiet) -> None:
        self.folder, self.options, self._say = folder, options, say
        self._step = 0
        self.seed = sha256(b"bazaar" + options.seed.to_bytes(8, "big"))
        self.is_finished = prepare_folder(folder, MARKER, asdict(options))
        self.say("starting the chain, deploying contracts")
        self.network: Network = (
            open_network(folder) if self.is_finished else create_network(folder, seed=self.seed)
        )
        self.story, self.shops = Story(), dict[str, Shop]()
        self._open: list[Any] = []

    def say(self, stage: str) -> None:
        """Tell which stage begins."""
        self._say(stage, self._step, STEPS)
        self._step += 1

    def clock(self) -> float:
        """Unix time: this machine's, or the chain's where that is ahead."""
        return max(time.time(), self.network.chain.block("latest").time)

    def run(self) -> None:
        """Tell the whole story."""
        self.say("three sellers open, who all say that they run the same model")
        self._set_up()
        self.say("validators seal their first checks")
        self.jury.epoch()
        self.say("a person buys where it is cheapest, and rates what came true")
        self._person()
        self.say("validators ask, score and are paid")
        self.jury.epoch()
        self.say("an agent buys through MCP, where customers were content")
        self._agent()
        self.say("a contract asks; the liar is first, and loses its bond")
        self._contract()
        self.say("validators ask once more")
        self.jury.epoch()
        self.say("everybody is paid")
        self._settle()
        text = json.dumps(self.story.record(), indent=1)
        (self.folder / STORY).write_text(text + "\n", encoding="utf-8")

    def kept_record(self) -> dict[str, Any]:
        """What a finished run came to, as it was written down; empty for a run of now."""
        if not self.is_finished:
            return {}
        found: dict[str, Any] = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
        return found

    def rest(self) -> None:
        """Close the shops and the validators' folders; the network stays open."""
        while self._open:
            self._open.pop().close()

    def close(self) -> None:
        """Let go of everything."""
        self.rest()
        self.network.close()

    def _set_up(self) -> None:
        """Open the shops, list them, and let validators and sellers join their market."""
        self.wares = make_wares()
        imported = self.wares.imported
        self.cast = Cast(self.network, self.clock)
        for name in (*(one.name for one in SELLERS), *STAKES, PERSON, AGENT, WARD):
            self.cast.fund(name)
        self.cast.fund(KEEPER, EPOCHS * PAY + BOND)
        self.stalls = Stalls(self.cast, self.folder, self.clock)
        self._open.append(self.stalls)
        self.ward = Ward(self.network, self.cast.account(WARD), self.wares, self.seed)
        self.ward.publish(self.cast.account(SELLERS[0].name), self.wares)
        for seller in SELLERS:
            model = character(seller.character, imported.model, imported.card, self.wares.checks[0])
            sold = Sold(NAME, "1", model, Price.parse(seller.price))
            account, home = self.cast.account(seller.name), home_of(self.folder, seller.name)
            shop = Shop(self.network, account, home, sold, seller.words, self.clock)
            self._open.append(shop)
            self.shops[seller.name] = shop
            self.stalls.open(seller, shop.url, imported.model.id)
        self.jury = self._jury()
        self._open.append(self.jury)

    def _jury(self) -> Jury:
        sellers = tuple(one.name for one in SELLERS)
        urls = {number: self.shops[name].url for number, name in enumerate(sellers)}
        asks = {name: PaidAsk(self.cast.buyer(name, PURSE // 2), urls, NAME) for name in STAKES}
        self.asks = asks
        rows, labels = self.wares.checks
        asked = Asked(rows, labels, self.wares.patients[0], self.wares.imported.model)
        people = self.folder / "people"
        return Jury(self.network, people, asked, asks, sellers, self.seed)

    def _person(self) -> None:
        """Petra begins with the cheapest, and moves on when she learns what came true."""
        for seller in reversed(SELLERS):
            found = self.stalls.find()
            cheapest = self.stalls.seller_of(found[0])
            why = "the cheapest" if seller.name == cheapest else "the next, after what came true"
            self._buy(PERSON, seller.name, why, PATIENTS)
            self.shops[seller.name].settle()
            last = self.story.purchases[-1]
            self.stalls.rate(PERSON, seller.name, 100 * last.right // len(last.heard))
        self._cousin(SELLERS[2].name)

    def _cousin(self, seller: str) -> None:
        """The liar gives a cousin money, who buys of it and praises it."""
        account = self.cast.account(COUSIN)
        self.cast.fund(COUSIN, 0)
        self.cast.token.transact(
            self.cast.account(seller), "transfer", account.address, COUSIN_MONEY
        )
        self._buy(COUSIN, seller, "with the seller's own money", PATIENTS)
        self.shops[seller].settle()
        self.stalls.rate(COUSIN, seller, 100)

    def _buy(self, buyer: str, seller: str, why: str, count: int) -> None:
        rows, labels = self.wares.patients
        purse = self.cast.buyer(buyer, min(PURSE // 4, self.cast.balance(buyer)))
        url = self.shops[seller].url
        answers = [buy(purse, url, NAME, row.tobytes()) for row in rows[:count]]
        purse.refund(place_of(url, NAME))
        truths = [bool(label) for label in labels[:count]]
        self.story.purchases.append(Purchase(buyer, seller, why, answers, truths))

    def _agent(self) -> None:
        """Axel takes the best rated, and asks until its budget is spent."""
        found = self.stalls.find(least=LEAST_RATING, order=Order.RATING)
        if not found:
            raise InputError("no seller is rated well enough for the agent")
        seller = self.stalls.seller_of(found[0])
        self.story.found = [
            {"seller": self.stalls.seller_of(one), "rating": one.standing.rating} for one in found
        ]
        transport = McpTransport(f"{self.shops[seller].url}/mcp", Connections())
        client = McpClient(transport, self.cast.buyer(AGENT, AGENT_BUDGET, transport))
        tool = next(one.name for one in client.tools() if NAME in one.name)
        rows, labels = self.wares.patients
        answers: list[Heard] = []
        try:
            for row in rows[PATIENTS:]:
                called = client.call(tool, json.loads(question(row.tobytes())))
                answers.append(_through_mcp(row.tobytes(), called))
        except InputError as spent:
            self.story.stopped = spent.message
        truths = [bool(label) for label in labels[PATIENTS : PATIENTS + len(answers)]]
        self.story.purchases.append(Purchase(AGENT, seller, "the best rated", answers, truths))

    def _contract(self) -> None:
        """The ward's contract asks; Cassius proposes a lie, Aorta's node convicts it."""
        honest, liar = SELLERS[0].name, SELLERS[2].name
        number, salt = self.ward.ask()
        lie = self.ward.lie(self.cast.account(liar), number, salt)
        home = home_of(self.folder, honest) / "node"
        node = open_seller_node(self.network, self.cast.account(honest), home)
        try:
            self.ward.serve(node, number)
        finally:
            node.close()
        told = self.ward.told(number, lie)
        self.story.asking = Asking(number, liar, honest, told.diseased, told.lie)

    def _settle(self) -> None:
        """Give back what is left in channels, claim what was earned, draw what is set aside."""
        for ask in self.asks.values():
            ask.refund()
        for shop in self.shops.values():
            shop.settle()
        self.jury.pay()
        self.ward.withdraw([self.cast.account(one.name) for one in SELLERS])


def _through_mcp(row: bytes, called: Called) -> Heard:
    """Keep a tool's answer with its evidence."""
    told = {name.removeprefix("counterpoise/"): text for name, text in called.meta.items()}
    return heard(row, Answer(200, told, called.text.encode()), called.paid)
