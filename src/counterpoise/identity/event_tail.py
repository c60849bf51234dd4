"""Rows made of events, read once and then continued: what was seen is not fetched again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from counterpoise.chain import Contract, Event
from counterpoise.core.errors import InputError

MARKS = 64
"""How many places are remembered to go back to after a reorganisation."""


class Row(Protocol):
    """What lies in a block."""

    @property
    def block(self) -> int:
        """Number of the block."""
        ...


R = TypeVar("R", bound=Row)


class EventTail(Generic[R]):
    """Rows of the events of one contract, from the first block to the newest.

    Parameters
    ----------
    contract :
        Whose events.
    names :
        Which of them.
    read :
        Makes rows of some new events, which are whole blocks in the order of the chain. It may
        remember what it saw, as long as a row does not depend on events that a reorganisation
        could take back without the row's own.
    """

    def __init__(
        self,
        contract: Contract,
        names: Sequence[str],
        read: Callable[[Sequence[Event]], Iterable[R]],
    ) -> None:
        self._contract, self._read = contract, read
        self._topics = [topic for name in names for topic in contract.interface.topics(name)]
        self._rows: list[R] = []
        self._marks: list[tuple[int, bytes]] = []

    def rows(self) -> Sequence[R]:
        """Fetch what is new, and give every row in the order of the chain."""
        chain = self._contract.chain
        head = chain.block("latest")
        self._step_back()
        first = self._marks[-1][0] + 1 if self._marks else 0
        if first > head.number:
            return self._rows
        logs = chain.logs(first, head.number, [self._contract.address], [self._topics])
        events = [event for log in logs if (event := self._contract.decode(log))]
        if chain.block(head.number).hash != head.hash:
            return self.rows()  # it moved while it was read
        self._rows += self._read(events)
        self._marks = [*self._marks[1 - MARKS :], (head.number, head.hash)]
        return self._rows

    def _step_back(self) -> None:
        """Forget what lies above the newest place that is still on the chain."""
        kept = len(self._marks)
        while kept and not self._is_on_chain(*self._marks[kept - 1]):
            kept -= 1
        if kept == len(self._marks):
            return
        del self._marks[kept:]
        last = self._marks[-1][0] if self._marks else -1
        self._rows = [row for row in self._rows if row.block <= last]

    def _is_on_chain(self, number: int, digest: bytes) -> bool:
        try:
            return self._contract.chain.block(number).hash == digest
        except InputError:
            return False
