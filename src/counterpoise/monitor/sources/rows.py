"""Blocks from rows: of a CSV or Parquet file, or of a broker's topic."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from counterpoise.core.errors import InputError
from counterpoise.monitor.blocks import Block
from counterpoise.monitor.row_blocks import Cut, RowBlocks
from counterpoise.monitor.rows import Malformed, RowReader
from counterpoise.monitor.source import Exhausted, Place

BATCH = 4_000
SHOWN = 20
"""So many malformed rows are told of by line; all are counted."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read.

    Parameters
    ----------
    position :
        Its number, rising from record to record.
    place :
        For people, as in ``line 17``.
    fields :
        In the order of the header; text that says what is wrong where they could not be read.
    """

    position: int
    place: str
    fields: Sequence[Any] | str


class Records(Protocol):
    """Where records come from."""

    def header(self) -> Sequence[str]:
        """Names of the fields."""
        ...

    def skip_to(self, position: int) -> None:
        """Go on at a record."""
        ...

    def read(self, limit: int) -> list[Record] | None:
        """The next records, none if there are none now, None at the end for ever."""
        ...

    def acknowledge(self, position: int) -> None:
        """Records before this one will not be wanted again."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class RowTerms:
    """How rows are read.

    Parameters
    ----------
    decimals :
        Amounts are written in units of ``10**decimals`` base units.
    seconds :
        Length of a block, where rows name none.
    lateness :
        Seconds (or blocks, where rows name theirs) that a row may come after a younger one.
    """

    decimals: int = 0
    seconds: int = 12
    lateness: int = 0

    def __post_init__(self) -> None:
        if self.seconds < 1 or self.lateness < 0 or not 0 <= self.decimals <= 77:
            raise InputError(f"rows cannot be read with {self}", hint="blocks of at least a second")


class RowSource:
    """Turns records into blocks; a record that is no transfer is named, counted and passed over.

    Parameters
    ----------
    chain_id :
        What stands in the alerts' ids for the chain; rows are of none.
    say :
        Told of the first malformed rows, each by its line.
    """

    def __init__(
        self,
        records: Records,
        terms: RowTerms | None = None,
        *,
        chain_id: int = 0,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        terms = terms or RowTerms()
        self.chain_id, self.head, self._say = chain_id, None, say
        self._records = records
        self._reader = RowReader(records.header(), decimals=terms.decimals)
        self._blocks = RowBlocks(
            seconds=terms.seconds, lateness=terms.lateness, by_block=self._reader.has_blocks
        )
        self._faults: Counter[str] = Counter()
        self._notes: dict[bytes, str] = {}
        self._seen, self._told, self._ended = 0, 0, False

    @property
    def faults(self) -> Mapping[str, int]:
        """Malformed rows, and those that came too late."""
        return dict(self._faults)

    def resume(self, places: Sequence[Place]) -> None:
        """Go on after the newest block."""
        place = places[-1]
        try:
            noted = json.loads(place.note)
            cut = Cut(place.number, place.hash, *(int(noted[name]) for name in NOTED))
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"block {place.number} was not made of rows",
                hint="give each source a folder of its own with --home",
            ) from None
        self._seen = cut.read
        self._blocks.go_on(cut)
        self._records.skip_to(cut.position)

    def poll(self) -> list[Block]:
        """The blocks that the next records complete."""
        if self._ended:
            raise Exhausted
        records = self._records.read(BATCH)
        self._ended = records is None
        for record in records or ():
            self._take(record)
        given = []
        for block, cut in self._blocks.ready(ended=self._ended):
            values = (cut.time, cut.position, cut.read, cut.key, cut.part)
            self._notes[block.hash] = json.dumps(dict(zip(NOTED, values, strict=True)))
            given.append(block)
        return given

    def note(self, block: Block) -> str:
        """Where the records go on after a block."""
        return self._notes.pop(block.hash)

    def acknowledge(self, place: Place) -> None:
        """Let the records before a block's end go."""
        self._records.acknowledge(int(json.loads(place.note)["position"]))

    def close(self) -> None:
        """Let the file or the broker go."""
        self._records.close()

    def _take(self, record: Record) -> None:
        again = record.position < self._seen
        self._blocks.read(record.position)
        try:
            if isinstance(record.fields, str):
                raise Malformed(record.fields)
            row = self._reader.row(record.fields, record.position)
        except Malformed as error:
            if not again:
                self._refuse("malformed rows", record, error)
            return
        try:
            self._blocks.add(row)
        except Malformed as error:
            if not again:
                self._refuse("late rows", record, error)

    def _refuse(self, kind: str, record: Record, error: Malformed) -> None:
        self._faults[kind] += 1
        if self._told < SHOWN:
            self._say(f"{record.place}: {error}; left out")
        elif self._told == SHOWN:
            self._say("more rows are left out; they are counted")
        self._told += 1


NOTED = ("time", "position", "read", "key", "part")
