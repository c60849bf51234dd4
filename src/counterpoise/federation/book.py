"""What the evidence log says about one job, read in one pass.

The log is the coordinator's only journal: each phase of a round is appended as one group
that ends with a closing, so that after a crash the book tells exactly how far the round came.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.errors import CounterpoiseError
from counterpoise.provenance import Envelope, Statement, check_fields, kind_of

COMMITTED = "committed"
REVEALED = "revealed"
FALLEN = "fallen"
"""The phases that a closing ends; the last says that a round's result fell on the chain."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry: its index, its bytes and the statement inside (signature unchecked)."""

    index: int
    data: bytes
    statement: Statement

    @property
    def fields(self) -> dict[str, Any]:
        """The statement's predicate."""
        return dict(self.statement.predicate)


@dataclass
class RoundPages:
    """The entries of one round, in the order of the log.

    `repeated` holds closings and results after the first of each: an honest coordinator
    states each once. `attempt` counts how often the round was opened anew because one before it
    fell.
    """

    commitments: list[Entry] = field(default_factory=list)
    updates: list[Entry] = field(default_factory=list)
    contributions: list[Entry] = field(default_factory=list)
    committed: Entry | None = None
    revealed: Entry | None = None
    result: Entry | None = None
    repeated: list[Entry] = field(default_factory=list)
    attempt: int = 0


@dataclass
class Book:
    """All entries of one job."""

    job: int
    task: Entry | None = None
    models: list[Entry] = field(default_factory=list)
    datasets: list[Entry] = field(default_factory=list)
    consents: list[Entry] = field(default_factory=list)
    joins: list[Entry] = field(default_factory=list)
    evaluations: list[Entry] = field(default_factory=list)
    rounds: dict[int, RoundPages] = field(default_factory=dict)
    fallen: list[Entry] = field(default_factory=list)
    size: int = 0

    @classmethod
    def read(cls, entries: Iterable[bytes], job: int) -> "Book":
        """Read a log's entries from the first; those of other jobs and kinds are passed over."""
        book = cls(job)
        book.extend(entries)
        return book

    def extend(self, entries: Iterable[bytes]) -> None:
        """Go on with the entries that follow the last one read; malformed ones say nothing."""
        for data in entries:
            try:
                statement = Envelope.from_bytes(data).statement
                check_fields(statement)
            except CounterpoiseError:
                statement = None
            if statement is not None:
                self._place(Entry(self.size, data, statement))
            self.size += 1

    @property
    def model(self) -> Entry | None:
        """The statement of the delivered model, if there is one."""
        return self.models[0] if self.models else None

    def round(self, round_id: int) -> RoundPages:
        """Give the pages of one round, empty if it has not begun."""
        return self.rounds.setdefault(round_id, RoundPages())

    def refusals(self, round_id: int, participant: str) -> list[str]:
        """Give the codes with which a round's statement refuses one participant.

        Parameters
        ----------
        participant :
            Checksum address.
        """
        result = self.round(round_id).result
        stated = result.fields["refused"] if result else []
        return [item["code"] for item in stated if item["participant"] == participant]

    def _place(self, entry: Entry) -> None:
        kind = kind_of(entry.statement)
        job = entry.statement.predicate.get("job")
        if kind in ("dataset", "consent"):
            (self.datasets if kind == "dataset" else self.consents).append(entry)
        elif job != self.job:
            return
        elif kind == "task":
            self.task = self.task or entry
        elif kind == "join":
            self.joins.append(entry)
        elif kind == "model":
            self.models.append(entry)
        elif kind == "evaluation":
            self.evaluations.append(entry)
        elif kind in ("commitment", "update", "closing", "round", "contribution"):
            self._place_in_round(kind, entry)

    def _place_in_round(self, kind: str, entry: Entry) -> None:
        pages, phase = self.round(entry.fields["round"]), entry.fields.get("phase")
        if phase == FALLEN:
            self._fall(entry)
            return
        if kind == "commitment":
            pages.commitments.append(entry)
        elif kind == "update":
            pages.updates.append(entry)
        elif kind == "contribution":
            pages.contributions.append(entry)
        elif kind == "round":
            pages.repeated += [entry] if pages.result else []
            pages.result = pages.result or entry
        elif phase == COMMITTED:
            pages.repeated += [entry] if pages.committed else []
            pages.committed = pages.committed or entry
        elif phase == REVEALED:
            pages.repeated += [entry] if pages.revealed else []
            pages.revealed = pages.revealed or entry

    def _fall(self, entry: Entry) -> None:
        """Turn back to the results before a fallen round.

        Its letters stand, and it is computed again; rounds after it begin anew, from another model.
        """
        number = entry.fields["round"]
        self.fallen.append(entry)
        pages = self.round(number)
        pages.result, pages.contributions, pages.repeated = None, [], []
        for later in [n for n in self.rounds if n > number]:
            self.rounds[later] = RoundPages(attempt=self.rounds[later].attempt + 1)
