"""Records of a broker's topic: JSON objects, one transfer each, in the order of one partition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from counterpoise.core.errors import InputError
from counterpoise.monitor.rows import COLUMNS
from counterpoise.monitor.sources.rows import Record

WAIT = 0.2
OLDEST = -2
"""Begin at the oldest message that the broker still has."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the partition."""

    offset: int
    value: bytes


class Broker(Protocol):
    """A topic of one partition, read by one consumer.

    Every call may raise `Unreachable` while the broker is away; the same call is made again.
    """

    topic: str

    def partitions(self) -> int:
        """How many partitions the topic has."""
        ...

    def seek(self, offset: int) -> None:
        """Read from an offset on, or from `OLDEST`."""
        ...

    def read(self, limit: int, seconds: float) -> list[Message]:
        """The next messages; none if none come in time."""
        ...

    def commit(self, offset: int) -> None:
        """Say that messages before an offset were dealt with."""
        ...

    def close(self) -> None:
        """Leave."""
        ...


class TopicRecords:
    """The messages of a topic as records.

    The place to go on is kept with the state of the watch; what the broker is told is for people
    who look at it.

    Parameters
    ----------
    by_block :
        Whether every message names its block, as ``block``.

    Raises
    ------
    InputError :
        The topic has more than one partition: blocks have one order, partitions have none.
    """

    def __init__(self, broker: Broker, *, by_block: bool = False) -> None:
        self._broker = broker
        count = broker.partitions()
        if count != 1:
            raise InputError(
                f"topic {broker.topic!r} has {count} partitions, one is wanted",
                hint="a chain's blocks have one order; write them to a topic of one partition",
            )
        self._header = tuple(what for what in COLUMNS if by_block or what != "block")
        self._names = {name: what for what, names in COLUMNS.items() for name in names}
        self._wanted: int | None = OLDEST

    def header(self) -> Sequence[str]:
        """The fields of a record, by the names that they have here."""
        return self._header

    def skip_to(self, position: int) -> None:
        """Go on at an offset."""
        self._wanted = position

    def read(self, limit: int) -> list[Record] | None:
        """The next messages as records; a topic has no end."""
        if self._wanted is not None:
            self._broker.seek(self._wanted)
        found = self._broker.read(limit, WAIT)
        wanted, self._wanted = self._wanted, None if found else self._wanted
        if wanted is not None and wanted >= 0 and found and found[0].offset > wanted:
            raise InputError(
                f"topic {self._broker.topic!r} begins at offset {found[0].offset}, offset "
                f"{wanted} was to come next",
                hint="the broker let go of messages that were not read: watch from the beginning",
            )
        return [self._record(message) for message in found]

    def acknowledge(self, position: int) -> None:
        """Tell the broker how far it was read."""
        self._broker.commit(position)

    def close(self) -> None:
        """Leave the broker."""
        self._broker.close()

    def _record(self, message: Message) -> Record:
        place = f"offset {message.offset}"
        try:
            found = json.loads(message.value)
        except (ValueError, RecursionError):
            return Record(message.offset, place, "it is no JSON")
        if not isinstance(found, Mapping):
            return Record(message.offset, place, "it is no JSON object")
        fields: dict[str, Any] = {}
        for name, value in found.items():
            what = self._names.get(name.strip().lower())
            if what is not None:
                fields.setdefault(what, value)
        return Record(message.offset, place, [fields.get(what) for what in self._header])
