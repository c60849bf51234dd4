"""What a market's events say, in order: enough to settle every epoch anew."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from counterpoise.consensus.fixed import ONE
from counterpoise.consensus.rules import (
    Cell,
    Facts,
    Row,
    Settlement,
    cell_of,
    column,
    due,
    settle,
    totals,
)

if TYPE_CHECKING:
    from counterpoise.chain import Event
    from counterpoise.consensus.yuma import Shorts


@dataclass(frozen=True, slots=True)
class Lie:
    """What a result says falsely of a member: its `part` is column, dividend or due."""

    number: int
    part: str


@dataclass(frozen=True, slots=True)
class Closed:
    """An epoch that is over: what was posted for it, and what is false in that."""

    epoch: int
    cells: tuple[Cell, ...]
    lies: tuple[Lie, ...]


@dataclass
class Ledger:
    """A market as its events tell it.

    Parameters
    ----------
    kappa :
        Of the market's terms, Q32.32.
    """

    kappa: int = ONE // 2
    epoch: int = 0
    attempt: int = 0
    pay: int = 0
    width: int = 0
    since: dict[int, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    bonds: dict[int, "Shorts"] = field(default_factory=dict)
    final: tuple[Cell, ...] = ()
    posted: tuple[Cell, ...] = ()
    closed: list[Closed] = field(default_factory=list)

    def follow(self, events: Iterable["Event"]) -> "Ledger":
        """Take events of the contract in, in their order; gives itself."""
        for event in events:
            if (step := getattr(self, f"_on_{event.name.lower()}", None)) is not None:
                step(event.args)
        return self

    @property
    def facts(self) -> Facts:
        """What the epoch's result follows from."""
        since = {number: first for number, first in self.since.items() if first <= self.epoch}
        dues = tuple(cell.due for cell in self.final)
        rows = tuple(self.rows)
        return Facts(
            self.epoch, self.pay, since, self.width, rows, dict(self.bonds), dues, self.kappa
        )

    def settle(self) -> Settlement:
        """Derive the result of the epoch."""
        return settle(self.facts)

    def lies(self) -> tuple[Lie, ...]:
        """Give all that is false in the result that stands, as a judge would find it.

        A dividend is compared with the derived one; only one of who did not reveal can be
        convicted (`is_convictable`), the others take objections.
        """
        facts, found = self.facts, []
        ranks, shares = totals(self.posted)
        derived = self.settle().cells if self.posted else ()
        for number, (cell, right) in enumerate(zip(self.posted, derived, strict=True)):
            if (cell.consensus, cell.rank) != column(facts, number):
                found.append(Lie(number, "column"))
            if cell.dividend != right.dividend:
                found.append(Lie(number, "dividend"))
            if cell.due != due(facts, number, cell, ranks, shares):
                found.append(Lie(number, "due"))
        return tuple(found)

    def is_convictable(self, lie: Lie) -> bool:
        """Tell whether one transaction convicts a lie; otherwise stake must object."""
        return lie.part != "dividend" or all(row.number != lie.number for row in self.rows)

    def _on_registered(self, args: dict[str, int]) -> None:
        self.since[args["number"]] = args["since"]
        self.width = max(self.width, args["number"] + 1)

    def _on_left(self, args: dict[str, int]) -> None:
        del self.since[args["number"]]
        self.bonds.pop(args["number"], None)

    def _on_opened(self, args: dict[str, int]) -> None:
        self.epoch, self.pay, self.rows = args["epoch"], args["pay"], []
        self.attempt += 1

    def _on_revealed(self, args: dict[str, int | tuple[int, ...]]) -> None:
        number, stake, words = args["number"], args["stake"], args["weights"]
        assert isinstance(number, int) and isinstance(stake, int) and not isinstance(words, int)
        self.rows.append(Row(number, stake, tuple(words)))

    def _on_proposed(self, args: dict[str, tuple[int, ...]]) -> None:
        self.posted = tuple(cell_of(word) for word in args["cells"])

    def _on_fell(self, _: object) -> None:
        self.posted = ()
        self.attempt += 1

    def _on_finished(self, _: object) -> None:
        self.closed.append(Closed(self.epoch, self.posted, self.lies()))
        self.bonds = dict(self.settle().bonds)
        self.final, self.posted = self.posted, ()

    def _on_lapsed(self, args: dict[str, int]) -> None:
        self.closed.append(Closed(args["epoch"], (), ()))
