"""Tables of bounded size, so that no stream of strangers can fill a detector's memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from counterpoise.monitor.memory import Memory

ENDS, NONE = -1, (0, 0, 0)
"""The key under which the newest and the oldest place stand, and how many keys had to leave."""


class Recent:
    """A table of at most `most` keys; the one that was not written for longest leaves first.

    Everything, the order too, stands in tables of the memory, so that a reorg takes it back. A key
    that is written again moves to the front only from the older half of the order: that keeps a
    write at one change in the journal, and lets a key leave at the earliest when `most // 2` others
    were written after it.

    Examples
    --------
    >>> recent = Recent(Memory(), "seen", 2)
    >>> for key in (b"a", b"b", b"c"):
    ...     recent.put(key, 1)
    >>> recent.get(b"a"), recent.get(b"c"), recent.left
    (None, 1, 1)
    """

    def __init__(self, memory: Memory, name: str, most: int) -> None:
        self._values = memory.table(name)
        self._order = memory.table(f"{name}, by age")
        self._find, self._ends = self._values.finder, self._order.finder
        self._most = most

    def get(self, key: Hashable, otherwise: Any = None) -> Any:
        """The value of a key, or `otherwise`."""
        found = self._find(key)
        return otherwise if found is None else found[0]

    def put(self, key: Hashable, value: Any) -> None:
        """Give a key another value; tuples, numbers and bytes."""
        found = self._find(key)
        newest, oldest, left = self._ends(ENDS) or NONE
        if found is not None:
            if 2 * (newest - found[1]) < self._most:
                if found[0] != value:
                    self._values.put(key, (value, found[1]))
                return
            self._order.drop(found[1])
        self._order.put(newest, key)
        self._values.put(key, (value, newest))
        newest += 1
        while len(self._values) > self._most:
            gone = self._order.get(oldest)
            if gone is not None:
                self._order.drop(oldest)
                self._values.drop(gone)
                left += 1
            oldest += 1
        self._order.put(ENDS, (newest, oldest, left))

    def keep(self, key: Hashable, value: Any) -> None:
        """Give a key a value if it has none; if it has, note that it was wanted again."""
        found = self._find(key)
        if found is None:
            self.put(key, value)
        elif 2 * (self._ends(ENDS)[0] - found[1]) >= self._most:
            self.put(key, found[0])

    def drop(self, key: Hashable) -> None:
        """Forget a key, if it is there."""
        found = self._find(key)
        if found is not None:
            self._order.drop(found[1])
            self._values.drop(key)

    @property
    def left(self) -> int:
        """How many keys had to leave for lack of room."""
        return int(self._order.get(ENDS, NONE)[2])

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)


ACCOUNTS = 1 << 18
FRESH = 7 * 86_400
"""An account is fresh for a week, in seconds of block time, after it was first seen."""


class Acquaintance:
    """Since when each account has been known; one table, which all detectors share.

    A watch that begins in the middle of a chain knows nobody at first. So nobody counts as fresh
    until it has watched for as long as `FRESH`, except where it saw the chain's first block; a
    contract that it saw being created is fresh at once.
    """

    def __init__(self, memory: Memory) -> None:
        self._since = Recent(memory, "accounts, first seen", ACCOUNTS)
        self._start = memory.table("accounts, watch began")

    def begin(self, number: int, time: int) -> None:
        """Note the first block that was watched."""
        if 0 not in self._start:
            self._start.put(0, (number, time))

    def meet(self, account: bytes, time: int, *, created: bool = False) -> None:
        """Note that an account took part in a block of this time, or was created in it."""
        self._since.keep(account, (time, int(created)))

    def is_fresh(self, account: bytes, time: int) -> bool:
        """Whether an account was first seen less than `FRESH` seconds before `time`."""
        number, began = self._start.get(0, (0, time))
        since, created = self._since.get(account, (time, 0))
        if not created and number > 1 and time - began < FRESH:
            return False
        return bool(time - since < FRESH)
