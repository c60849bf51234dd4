"""What a market's events say, in order: enough to settle every epoch anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
from counterpoise.core.units import Address

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
    """An epoch that is over: what was posted for it, and what is false in that.

    Parameters
    ----------
    cells, derived :
        As posted, and as they follow from the rows; both empty where it lapsed.
    facts :
        What they follow from.
    commitments :
        By number of the validator; those who did not reveal are in it too.
    accounts :
        Who stood under each number when commitments ended.
    """

    epoch: int
    cells: tuple[Cell, ...]
    lies: tuple[Lie, ...]
    derived: tuple[Cell, ...]
    facts: Facts
    commitments: Mapping[int, bytes]
    accounts: Mapping[int, Address]


@dataclass
class Ledger:
    """A market as its events tell it.

    Parameters
    ----------
    kappa :
        Of the market's terms, Q32.32.

    Attributes
    ----------
    since, accounts, stakes, seats, drawn :
        By number: first epoch in which it counts, who stands under it, base units at stake, seat
        (1 to 64; none without), base units drawn so far.
    is_open, commits_end, reveals_end :
        Of the epoch that is open or was last; Unix seconds.
    rows, commitments, posted, objectors :
        Of the same: what was revealed and committed, the result that stands, who objected to it.
    final, bonds :
        Under the last final result.
    """

    kappa: int = ONE // 2
    epoch: int = 0
    attempt: int = 0
    pay: int = 0
    is_open: bool = False
    commits_end: int = 0
    reveals_end: int = 0
    width: int = 0
    since: dict[int, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    bonds: dict[int, "Shorts"] = field(default_factory=dict)
    final: tuple[Cell, ...] = ()
    posted: tuple[Cell, ...] = ()
    closed: list[Closed] = field(default_factory=list)
    accounts: dict[int, Address] = field(default_factory=dict)
    stakes: dict[int, int] = field(default_factory=dict)
    seats: dict[int, int] = field(default_factory=dict)
    drawn: dict[int, int] = field(default_factory=dict)
    commitments: dict[int, bytes] = field(default_factory=dict)
    objectors: set[int] = field(default_factory=set)

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

    def number_of(self, account: Address) -> int | None:
        """Give the number of an account; None if it has none."""
        found = (number for number, one in self.accounts.items() if one == account)
        return next(found, None)

    def has_revealed(self, number: int) -> bool:
        """Tell whether a row of a number was revealed in the epoch."""
        return any(row.number == number for row in self.rows)

    def is_convictable(self, lie: Lie) -> bool:
        """Tell whether one transaction convicts a lie; otherwise stake must object."""
        return lie.part != "dividend" or not self.has_revealed(lie.number)

    def _on_registered(self, args: dict[str, Any]) -> None:
        self.since[args["number"]] = args["since"]
        self.accounts[args["number"]] = bytes(args["account"])
        self.width = max(self.width, args["number"] + 1)

    def _on_left(self, args: dict[str, Any]) -> None:
        del self.since[args["number"]]
        del self.accounts[args["number"]]
        self.bonds.pop(args["number"], None)

    def _on_staked(self, args: dict[str, Any]) -> None:
        self.stakes[args["number"]] = args["stake"]
        self.seats[args["number"]] = args["seat"]

    def _on_unseated(self, args: dict[str, Any]) -> None:
        self.seats.pop(args["number"], None)

    def _on_unstaked(self, args: dict[str, Any]) -> None:
        self.stakes[args["number"]] -= args["amount"]

    def _on_opened(self, args: dict[str, Any]) -> None:
        self.epoch, self.pay, self.rows = args["epoch"], args["pay"], []
        self.commits_end, self.reveals_end = args["commits_end"], args["reveals_end"]
        self.is_open, self.commitments = True, {}
        self.attempt += 1

    def _on_committed(self, args: dict[str, Any]) -> None:
        self.commitments[args["number"]] = bytes(args["commitment"])

    def _on_revealed(self, args: dict[str, Any]) -> None:
        self.rows.append(Row(args["number"], args["stake"], tuple(args["weights"])))

    def _on_proposed(self, args: dict[str, Any]) -> None:
        self.posted = tuple(cell_of(word) for word in args["cells"])
        self.objectors = set()

    def _on_objected(self, args: dict[str, Any]) -> None:
        self.objectors.add(args["number"])

    def _on_fell(self, _: object) -> None:
        self.posted = ()
        self.attempt += 1

    def _on_finished(self, _: object) -> None:
        derived = self.settle()
        self._close(derived.cells)
        self.bonds = dict(derived.bonds)
        self.final, self.posted = self.posted, ()

    def _on_lapsed(self, _: object) -> None:
        self._close(())

    def _close(self, derived: tuple[Cell, ...]) -> None:
        commitments, accounts = dict(self.commitments), dict(self.accounts)
        lies = self.lies() if derived else ()
        over = Closed(self.epoch, self.posted, lies, derived, self.facts, commitments, accounts)
        self.closed.append(over)
        self.is_open = False

    def _on_claimed(self, args: dict[str, Any]) -> None:
        self.drawn[args["number"]] = self.drawn.get(args["number"], 0) + args["amount"]
