"""Makes blocks of rows: in order of time though rows come late, and the same blocks every time."""

from __future__ import annotations

import hashlib
import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from counterpoise.monitor.blocks import NATIVE, TRANSFER, Block, Entry, Transaction
from counterpoise.monitor.rows import Malformed, Row

LARGEST = 2_000
"""Most rows of one block; more of one moment make several blocks, unless rows name theirs."""

_ZEROS = bytes(12)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a stream of rows was cut into blocks: enough to go on after a block.

    Parameters
    ----------
    position :
        Of the first row to read again: those before are in blocks.
    read :
        Of the first row that had not been read.
    key :
        Of the block, in order of which blocks are made.
    part :
        How many blocks of the key were made; 0 if all.
    """

    number: int
    hash: bytes
    time: int
    position: int
    read: int
    key: int
    part: int


class RowBlocks:
    """Puts rows into blocks once no earlier one can come.

    A block holds the rows of so many seconds, or those that name its number. It can be made when
    a row has come that is more than `lateness` younger; after that a row for it is refused.
    Its hash follows from its rows and those before, so the same rows give the same blocks.

    Parameters
    ----------
    seconds :
        Of one block, where rows name none.
    lateness :
        Seconds, or blocks where rows name theirs, that a row may come after a younger one.
    """

    def __init__(self, *, seconds: int, lateness: int, by_block: bool) -> None:
        self._seconds, self._lateness, self._by_block = seconds, lateness, by_block
        self._waiting: list[tuple[int, int, int, Row]] = []
        self._order: deque[int] = deque()  # positions of rows as they came
        self._made: set[int] = set()
        self._newest, self._next = -1, 0
        self.last = Cut(-1, bytes(32), 0, 0, 0, -1, 0)
        self._skip = 0

    def go_on(self, cut: Cut) -> None:
        """Go on after a block; rows of it and before, which come again, are passed over."""
        self.last, self._skip, self._next = cut, cut.part, cut.position

    def read(self, position: int) -> None:
        """Note that a record was read, whatever is in it; before its row is added."""
        self._next = position + 1

    def add(self, row: Row) -> None:
        """Take a row; `Malformed` if its block was made already."""
        key, last = self._key(row), self.last
        # Judged row by row, not by what was made: so it does not matter how many come at once.
        if key < self._settled() or key < last.key or (key == last.key and not self._skip):
            unit = "blocks" if self._by_block else "seconds"
            raise Malformed(f"it comes more than {self._lateness} {unit} after a younger one")
        heapq.heappush(self._waiting, (key, row.time, row.position, row))
        self._order.append(row.position)
        self._newest = max(
            self._newest, row.time if row.block is None or not self._by_block else row.block
        )

    def ready(self, *, ended: bool = False) -> Iterator[tuple[Block, Cut]]:
        """The blocks that can be made now; all, at the end of the rows."""
        while self._waiting and (ended or self._waiting[0][0] < self._settled()):
            key, rows = self._waiting[0][0], []
            while self._waiting and self._waiting[0][0] == key:
                rows.append(heapq.heappop(self._waiting)[3])
            size = len(rows) if self._by_block else LARGEST
            parts = [rows[at : at + size] for at in range(0, len(rows), size)]
            for part, some in enumerate(parts):
                whole = part == len(parts) - 1
                if whole:
                    self._made.update(row.position for row in rows)
                if part >= self._skip:
                    yield self._block(key, 0 if whole else part + 1, some)
            self._skip = 0

    def _key(self, row: Row) -> int:
        return row.block if self._by_block and row.block is not None else row.time // self._seconds

    def _settled(self) -> int:
        oldest = self._newest - self._lateness
        return oldest if self._by_block else oldest // self._seconds

    def _block(self, key: int, part: int, rows: Sequence[Row]) -> tuple[Block, Cut]:
        last = self.last
        number = key if self._by_block else last.number + 1
        time = max(last.time, *(row.time for row in rows))
        name = hashlib.blake2b(last.hash + number.to_bytes(8, "big"), digest_size=32)
        for row in rows:
            name.update(_bytes_of(row))
        digest = name.digest()
        while self._order and self._order[0] in self._made:
            self._made.discard(self._order.popleft())
        position = self._order[0] if self._order else self._next
        self.last = Cut(number, digest, time, position, self._next, key, part)
        return Block(number, digest, last.hash, time, _transactions(rows, digest)), self.last


def _bytes_of(row: Row) -> bytes:
    numbers = row.time.to_bytes(8, "big") + row.amount.to_bytes(32, "big")
    return b"".join([numbers, row.src, row.dst, row.token, row.hash or b""])


def _transactions(rows: Sequence[Row], block: bytes) -> tuple[Transaction, ...]:
    """Transactions in the order of their first rows; rows of one hash are one transaction."""
    together: dict[bytes, list[Row]] = {}
    for at, row in enumerate(rows):
        name = row.hash or hashlib.blake2b(block + at.to_bytes(4, "big"), digest_size=32).digest()
        together.setdefault(name, []).append(row)
    made, entries = [], 0
    for index, (name, parts) in enumerate(together.items()):
        made.append(_transaction(name, index, parts, entries))
        entries += len(made[-1].entries)
    return tuple(made)


def _transaction(name: bytes, index: int, rows: Sequence[Row], first: int) -> Transaction:
    """A transaction of these rows: the first of the coin is its own, others are events.

    The coin, moved more than once in a transaction, moves as an event of the address zero.
    """
    own = next((row for row in rows if row.token == NATIVE), None)
    others = [row for row in rows if row is not own]
    entries = tuple(
        Entry(
            first + at,
            row.token,
            (TRANSFER, _ZEROS + row.src, _ZEROS + row.dst),
            row.amount.to_bytes(32, "big"),
        )
        for at, row in enumerate(others)
    )
    head = own or rows[0]
    return Transaction(
        hash=name,
        index=index,
        sender=head.src,
        to=own.dst if own else head.token,
        value=own.amount if own else 0,
        given=b"",
        succeeded=True,
        entries=entries,
    )
