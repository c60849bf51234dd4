"""Re-derives what a finished run says: answers, lies, receipts, ratings, money.

What validators scored and how the market pays by it is checked by `counterpoise.consensus`, the
contract's answer by `counterpoise.oracle`. Here every answer that was bought is taken up again:
its receipt, the seller's statement in the seller's own log, and the model run again.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from counterpoise.apps.bazaar.asking import Heard
from counterpoise.apps.bazaar.cast import home_of
from counterpoise.apps.bazaar.demo import RECORD, STORY
from counterpoise.apps.bazaar.money import paid_for_calls, read_books
from counterpoise.apps.bazaar.report import PEOPLE, money_record, rating_record
from counterpoise.apps.bazaar.shops import LOG
from counterpoise.apps.bazaar.story import Purchase
from counterpoise.apps.folders import FINISHED
from counterpoise.chain import Contract, artifact
from counterpoise.consensus import open_market
from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.identity import ReputationClient, summarise
from counterpoise.inference import input_commitment
from counterpoise.market import PaidReceipts, answer_commitment, read_receipt
from counterpoise.network import Network
from counterpoise.oracle import find_model
from counterpoise.provenance import (
    AddressVerifier,
    Envelope,
    LogReader,
    Progress,
    Statement,
    Verdict,
    check_envelope,
    silent,
)


def verify_bazaar(network: Network, verdict: Verdict, on_section: Progress = silent) -> int:
    """Verify the market's demonstration in a state folder.

    Parameters
    ----------
    verdict :
        Collects what is found; its `false` is empty if everything holds.
    on_section :
        Called with the name of each section before it begins.

    Returns
    -------
    How many answers were bought; 0 where the folder holds no finished run of it.
    """
    folder = network.folder
    if folder is None or not all((folder / name).exists() for name in (FINISHED, STORY)):
        return 0
    check = _Check(network, folder, verdict, on_section)
    return check.run()


class _Check:
    """The sections of one run's verification."""

    def __init__(
        self, network: Network, folder: Path, verdict: Verdict, on_section: Progress
    ) -> None:
        self.network, self.folder, self.verdict = network, folder, verdict
        self._on_section = on_section
        self.record = _read(folder / RECORD)
        self.story = _read(folder / STORY)
        self.purchases: list[Purchase] = []
        self.accounts = {name: network.account(name).address for name in PEOPLE}
        self.receipts = PaidReceipts.of(network)

    def run(self) -> int:
        """Check everything; gives the number of answers."""
        with self.section("story"):
            self.purchases = [Purchase.of(one) for one in self.story["purchases"]]
        with self.section("sellers' logs"):
            self.statements = {name: self._stated(name) for name in self.record["logs"]}
        if self.verdict.is_true:
            with self.section("answers that were bought"):
                self._answers()
            with self.section("money"):
                self._money()
            with self.section("ratings"):
                self._ratings()
            with self.section("the contract's question"):
                self._question()
        return sum(len(one.heard) for one in self.purchases)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Name a section; what ends it is told as a falsehood."""
        self._on_section(name)
        try:
            yield
        except CounterpoiseError as error:
            self.verdict.refuse(f"market / {name}", error)

    @cached_property
    def model(self) -> Any:
        """The model that all sellers say they run, from the store by its id."""
        return find_model(self.network, bytes.fromhex(self.record["model"]))

    def _stated(self, seller: str) -> Mapping[bytes, Statement]:
        """Read a seller's own log, every hash checked; give its decisions by their digests."""
        key = self.record["logs"][seller]
        place = home_of(self.folder, seller) / LOG
        reader = LogReader(place, origin=key["origin"], vkey=key["vkey"])
        signer = AddressVerifier(self.accounts[seller])
        found: dict[bytes, Statement] = {}
        for entry in reader.entries():
            statement = check_envelope(Envelope.from_bytes(entry), [signer])
            found[statement.digest] = statement
        self.verdict.hold(f"market / log of {seller}", bool(found), "it holds no decision")
        return found

    def _answers(self) -> None:
        """Check each answer with its evidence, and count what the sellers swore falsely."""
        false: Counter[str] = Counter()
        paid: Counter[tuple[str, str]] = Counter()
        for number, purchase in enumerate(self.purchases):
            for place, heard in enumerate(purchase.heard):
                name = f"market / purchase {number + 1} / answer {place + 1}"
                self._receipt(name, purchase, heard)
                self._statement(name, purchase.seller, heard)
                false[purchase.seller] += self.model.answer(heard.row) != heard.answer
            paid[purchase.seller, purchase.buyer] += purchase.paid
            said = self.record["purchases"][number]
            self.verdict.check(
                f"market / purchase {number + 1} / right", purchase.right, said["right"]
            )
            self.verdict.check(
                f"market / purchase {number + 1} / paid", str(purchase.paid), said["paid"]
            )
        for one in self.record["sellers"]:
            name = f"market / {one['name']} / answers that are not the model's"
            self.verdict.check(name, false[one["name"]], one["false_answers"])
        self.paid = paid

    def _receipt(self, name: str, purchase: Purchase, heard: Heard) -> None:
        """Check what the seller has signed that it was paid for."""
        receipt, signer = read_receipt(base64.b64decode(heard.receipt))
        check = self.verdict.check
        check(f"{name} / receipt's signer", signer, self.accounts[purchase.seller])
        check(f"{name} / receipt's payer", receipt.payer, self.accounts[purchase.buyer])
        check(f"{name} / receipt's answer", receipt.answer, heard.body)
        check(f"{name} / receipt's charge", receipt.charged, heard.paid)
        check(f"{name} / receipt's decision", receipt.decision, heard.decision)

    def _statement(self, name: str, seller: str, heard: Heard) -> None:
        """Check that the seller's log holds the answer under the salt that the buyer has."""
        statement = self.statements[seller].get(heard.decision)
        if statement is None:
            self.verdict.hold(f"{name} / decision", condition=False, detail="not in the log")
            return
        said, check = statement.predicate, self.verdict.check
        wanted = input_commitment(heard.salt, heard.row).hex()
        check(f"{name} / input commitment", said["input_commitment"], wanted)
        wanted = answer_commitment(heard.salt, sha256(heard.answer)).hex()
        check(f"{name} / output commitment", said["output_commitment"], wanted)
        check(f"{name} / model", said["model"], self.record["model"])

    def _money(self) -> None:
        """Check what everybody earned from the token's transfers, and claims against receipts."""
        market = open_market(self.network)[0]
        books = read_books(self.network, self.accounts, market.address)
        said = {one["name"]: one for one in self.record["sellers"]} | self.record["others"]
        for name, record in said.items():
            found = money_record(books[name])
            for part in ("earned", "in_all", "balance"):
                self.verdict.check(f"market / {name} / {part}", found[part], record[part])
        for name, book in books.items():
            self.verdict.hold(f"market / {name} / all transfers make the balance", book.adds_up)
        names = {address: name for name, address in self.accounts.items()}
        calls = paid_for_calls(self.receipts, self.record["agents"], names)
        for seller, buyers in calls.items():
            told = {buyer: str(amount) for buyer, amount in buyers.items()}
            self.verdict.check(f"market / {seller} / paid calls", told, said[seller]["calls"])
        for (seller, buyer), amount in self.paid.items():
            name = f"market / {seller} / claimed of {buyer}"
            self.verdict.check(name, calls[seller].get(buyer, 0), amount)

    def _ratings(self) -> None:
        """Weigh the ratings again by what was paid."""
        ratings = ReputationClient(self.network.contract("ReputationRegistry"))
        moves = self.receipts.moves()
        for one in self.record["sellers"]:
            summary = summarise(ratings, [self.receipts], self.record["agents"][one["name"]], moves)
            for part, found in rating_record(summary).items():
                self.verdict.check(
                    f"market / rating of {one['name']} / {part}", found, one["rating"][part]
                )

    def _question(self) -> None:
        """Check what the contract has on record, and that it is not what the liar proposed."""
        said = self.record["contract"]
        owner = self.network.account("ward").first_contract
        desk = Contract(self.network.chain, owner, artifact("SecondOpinion"))
        told = bool(desk.call("opinion", said["question"])[3])
        self.verdict.check("market / what the contract was told", told, said["told"])
        self.verdict.hold("market / the lie was not delivered", told != said["lie"])


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise InputError(
            f"{path} cannot be read: {wrong}", hint="run the demonstration anew"
        ) from wrong
    return found
