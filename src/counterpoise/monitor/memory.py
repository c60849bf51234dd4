"""What detectors remember between blocks, so that any number of blocks can be taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from counterpoise.core.errors import InputError

_ABSENT = object()


class Change(NamedTuple):
    """What a key held before it was written."""

    table: str
    key: Hashable
    before: object


class Table:
    """A dictionary whose every change can be undone. Values are never changed in place."""

    def __init__(self, name: str, journal: deque[Change]) -> None:
        self.name = name
        self._values: dict[Hashable, Any] = {}
        self._journal = journal

    def get(self, key: Hashable, otherwise: Any = None) -> Any:
        """The value of a key, or `otherwise`."""
        return self._values.get(key, otherwise)

    @property
    def finder(self) -> Callable[[Hashable], Any]:
        """What gives the value of a key, or None, in the least time."""
        return self._values.get

    def put(self, key: Hashable, value: Any) -> None:
        """Give a key another value; tuples, numbers and bytes, nothing that can change."""
        self._journal.append(Change(self.name, key, self._values.get(key, _ABSENT)))
        self._values[key] = value

    def drop(self, key: Hashable) -> None:
        """Forget a key, if it is there."""
        if key in self._values:
            self._journal.append(Change(self.name, key, self._values.pop(key)))

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._values)

    def restore(self, change: Change) -> None:
        """Undo one change."""
        if change.before is _ABSENT:
            self._values.pop(change.key, None)
        else:
            self._values[change.key] = change.before


class Memory:
    """All tables of all detectors, with one journal.

    Examples
    --------
    >>> memory = Memory()
    >>> seen = memory.table("seen")
    >>> mark = memory.mark()
    >>> seen.put(b"alice", 1)
    >>> memory.go_back(mark)
    >>> b"alice" in seen
    False
    """

    def __init__(self) -> None:
        self._journal: deque[Change] = deque()
        self._tables: dict[str, Table] = {}
        self._dropped = 0

    def table(self, name: str) -> Table:
        """The table of one name, empty at first."""
        if name not in self._tables:
            self._tables[name] = Table(name, self._journal)
        return self._tables[name]

    def mark(self) -> int:
        """Where the journal stands, to go back to."""
        return self._dropped + len(self._journal)

    def go_back(self, mark: int) -> None:
        """Undo everything since a mark."""
        if not self._dropped <= mark <= self.mark():
            raise InputError(
                f"the memory no longer knows change {mark}, its oldest is {self._dropped}",
                hint="rebuild it from a snapshot or from the source",
            )
        while self.mark() > mark:
            change = self._journal.pop()
            self._tables[change.table].restore(change)

    def forget(self, mark: int) -> None:
        """Promise never to go back beyond a mark."""
        while self._dropped < mark and self._journal:
            self._journal.popleft()
            self._dropped += 1

    def summary(self) -> dict[str, dict[Hashable, Any]]:
        """All tables that hold anything; equal memories are equal."""
        return {name: dict(t._values) for name, t in self._tables.items() if len(t)}

    def journal(self) -> tuple[list[list[Any]], int]:
        """What can be taken back, oldest first, and how much no longer can.

        Each change is ``[table, key, what it held]``, the last left out where it held nothing.
        """
        changes = [
            [change.table, change.key, *([] if change.before is _ABSENT else [change.before])]
            for change in self._journal
        ]
        return changes, self._dropped

    @classmethod
    def of(
        cls,
        tables: dict[str, dict[Hashable, Any]],
        journal: Sequence[Sequence[Any]] = (),
        dropped: int = 0,
    ) -> Memory:
        """A memory with these tables, and a journal as `journal` gave it."""
        memory = cls()
        for name, values in tables.items():
            memory.table(name)._values.update(values)
        for table, key, *before in journal:
            memory.table(table)
            memory._journal.append(Change(table, key, before[0] if before else _ABSENT))
        memory._dropped = dropped
        return memory
