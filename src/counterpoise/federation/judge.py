"""Typed calls to the judge of rounds, and its events; the only Python that knows its ABI."""

import inspect
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from counterpoise.chain import Account, Contract, Event, Receipt, artifact
from counterpoise.federation import judge_members, judge_model, judge_pay, judge_scores
from counterpoise.federation.judge_rules import SHARE, Articles, Cell, Place, World
from counterpoise.federation.rounds_rules import NO_WORD, Record, Result
from counterpoise.federation.rules.trace import Opening
from counterpoise.jobs import TokenClient

BENCHES: tuple[tuple[str, Mapping[str, Cell]], ...] = (
    ("ModelCells", judge_model.CELLS),
    ("ScoreCells", judge_scores.CELLS),
    ("MemberCells", judge_members.CELLS),
    ("PayCells", judge_pay.CELLS),
)
BENCH_OF = {cell: number for number, (_, cells) in enumerate(BENCHES) for cell in cells}
NO_OPENING = Opening(b"", 0, 0, b"", ())
"""An entry that a cell does not look at."""
_NOTHING = Result(NO_WORD, NO_WORD, NO_WORD, NO_WORD, 0, NO_WORD, NO_WORD)
NO_RECORD = Record(NO_WORD, 0, 0, _NOTHING)
PREFIX = 32 * (len(Place.__slots__) + len(Articles.__slots__))


@dataclass(frozen=True)
class Accusation:
    """One number that is said to be false: the cell that recomputes it, and what it is given.

    Parameters
    ----------
    cell :
        Name of the rule, which is the function's on its bench.
    arguments :
        What it is given after place and articles.
    """

    cell: str
    arguments: tuple[Any, ...]

    @property
    def bench(self) -> int:
        """The number of the bench that has the cell."""
        return BENCH_OF[self.cell]

    def is_false(self, place: Place, articles: Articles, world: World) -> bool:
        """Whether the number is false, by the rules in Python; refuses as the bench does."""
        rule = BENCHES[self.bench][1][self.cell]
        knows = {"world": world} if "world" in inspect.signature(rule).parameters else {}
        return rule(place, articles, *self.arguments, **knows)

    def call(self, place: Place, articles: Articles) -> tuple[Any, ...]:
        """Everything the bench is called with."""
        return (astuple(place), astuple(articles), *map(_plain, self.arguments))


def _plain(argument: Any) -> Any:
    if isinstance(argument, Opening):
        return (argument.index, argument.entry, list(argument.proof))
    return list(argument) if isinstance(argument, tuple) else argument


@dataclass(frozen=True, slots=True)
class Bond:
    """A job's bond: what it must be, what is locked, and whose it is."""

    amount: int
    locked: int
    coordinator: bytes


@dataclass(frozen=True, slots=True)
class Demand:
    """An open demand: who made it, until when it must be answered; zeros for none."""

    account: bytes
    deadline: int
    amount: int


class JudgeClient:
    """The judge at one address.

    Parameters
    ----------
    contract :
        The deployed ``RoundJudge``.
    token :
        In what bonds and deposits are paid.
    """

    def __init__(self, contract: Contract, token: Contract) -> None:
        self.contract, self.address = contract, contract.address
        self.token = TokenClient(token)

    def open(self, sponsor: Account, job: int, articles: Articles, amount: int) -> Receipt:
        """Fix the articles and the bond of a job; its sponsor, once."""
        return self.contract.transact(sponsor, "open", job, astuple(articles), amount)

    def deposit(self, coordinator: Account, job: int) -> Receipt | None:
        """Lock what is missing of the bond; None if nothing is."""
        bond = self.bond(job)
        missing = bond.amount - bond.locked
        if missing <= 0:
            return None
        self.token.approve(coordinator, self.address, missing)
        return self.contract.transact(coordinator, "deposit", job)

    def release(self, anyone: Account, job: int) -> Receipt:
        """Give the bond back once the job is finished or expired."""
        return self.contract.transact(anyone, "release", job)

    def convict(
        self,
        anyone: Account,
        place: Place,
        records: tuple[Record, Record | None],
        articles: Articles,
        accusation: Accusation,
    ) -> Receipt:
        """Show that one number of a round is false.

        Parameters
        ----------
        records :
            Of the round, and of the round before; None for the first.
        """
        bench = self.bench(accusation.bench)
        data = bench.encode(accusation.cell, *accusation.call(place, articles))
        record, before = records[0], records[1] or NO_RECORD
        found = (record.values(), before.values(), astuple(articles), accusation.bench)
        where = (place.job, place.number)
        return self.contract.transact(
            anyone, "convict", *where, *found, data[:4], data[4 + PREFIX :]
        )

    def demand(
        self, anyone: Account, job: int, number: int, record: Record, section: int, index: int
    ) -> Receipt:
        """Demand that an entry or a blob be revealed, with a deposit."""
        self.token.approve(anyone, self.address, self.deposit_of_demand(job))
        return self.contract.transact(
            anyone, "demand", job, number, record.values(), section, index
        )

    def reveal(
        self, anyone: Account, job: int, number: int, record: Record, opening: Opening
    ) -> Receipt:
        """Answer a demand with an entry, or with the head alone if there is none."""
        place = (job, number, record.values(), opening.head, opening.section)
        return self.contract.transact(anyone, "reveal", *place, _plain(opening))

    def reveal_blob(
        self,
        anyone: Account,
        job: int,
        number: int,
        record: Record,
        section: int,
        opening: Opening,
        blob: bytes,
    ) -> Receipt:
        """Answer a demand of a blob; `opening` is the member's entry in `updates`."""
        place = (job, number, record.values(), opening.head, section)
        return self.contract.transact(anyone, "reveal_blob", *place, _plain(opening), blob)

    def lapse(
        self, anyone: Account, job: int, number: int, record: Record, section: int, index: int
    ) -> Receipt:
        """Convict a round of which something was demanded and not revealed in time."""
        return self.contract.transact(anyone, "lapse", job, number, record.values(), section, index)

    def withdraw(
        self, anyone: Account, job: int, number: int, record: Record, section: int, index: int
    ) -> Receipt:
        """Give the deposit of a demand back that is moot."""
        place = (job, number, record.values(), section, index)
        return self.contract.transact(anyone, "withdraw", *place)

    def bond(self, job: int) -> Bond:
        """Fetch the bond of a job; zeros if it has none."""
        return Bond(*self.contract.call("bond", job))

    def deposit_of_demand(self, job: int) -> int:
        """Fetch what a demand in a job takes, in base units."""
        return self.bond(job).amount // SHARE

    def is_bonded(self, job: int) -> bool:
        """Fetch whether a job's whole bond is locked."""
        return bool(self.contract.call("is_bonded", job))

    def articles_of(self, job: int) -> bytes:
        """Fetch the digest of a job's articles."""
        return bytes(self.contract.call("articles_of", job))

    def demand_of(self, job: int, number: int, word: bytes, section: int, index: int) -> Demand:
        """Fetch an open demand of a round with this word."""
        return Demand(*self.contract.call("demand_of", job, number, word, section, index))

    def bench(self, number: int) -> Contract:
        """Give one of the benches."""
        address = self.contract.call("bench", number)
        return Contract(self.contract.chain, address, artifact(BENCHES[number][0]))

    def events(self, job: int, name: str | None = None, from_block: int = 0) -> list[Event]:
        """Fetch what the judge did in one job, in order."""
        found = self.contract.events(name, from_block)
        return [event for event in found if event.args["job"] == job]
