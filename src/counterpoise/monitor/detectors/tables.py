"""Tables of bounded size, so that no stream of strangers can fill a detector's memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from counterpoise.monitor.memory import Memory

NOW, LEFT = "now", "left"


class Recent:
    """A table of at most `most` keys, from which those not written for longest leave.

    There are two generations of half the room each. What is written goes to the younger one; when
    that is full, the older one is emptied and both change places. So a key leaves at the earliest
    when `most // 2` others were written after it. Everything stands in tables of the memory, so
    that a reorg takes it back; make a new one for each block.

    Examples
    --------
    >>> recent = Recent(Memory(), "seen", 4)
    >>> for key in (b"a", b"b", b"c", b"d", b"e"):
    ...     recent.put(key, 1)
    >>> recent.get(b"a"), recent.get(b"c"), recent.left
    (None, 1, 2)
    """

    def __init__(self, memory: Memory, name: str, most: int) -> None:
        self._generations = [memory.table(f"{name}, {which}") for which in ("one", "other")]
        self._turn = memory.table(f"{name}, turn")
        self._half = most // 2
        self._face()

    def _face(self) -> None:
        now = self._turn.get(NOW, 0)
        self._young, self._old = self._generations[now], self._generations[1 - now]
        self._find, self._find_old = self._young.finder, self._old.finder

    def get(self, key: Hashable, otherwise: Any = None) -> Any:
        """The value of a key, or `otherwise`."""
        found = self._find(key)
        if found is None:
            found = self._find_old(key)
        return otherwise if found is None else found

    def put(self, key: Hashable, value: Any) -> None:
        """Give a key another value; tuples, numbers and bytes, never None."""
        known = self._find(key)
        if known == value:
            return
        if known is None and len(self._young) >= self._half:
            self._turn_over()
        self._young.put(key, value)

    def keep(self, key: Hashable, value: Any) -> None:
        """Give a key a value if it has none; if it has, note that it was wanted again."""
        if self._find(key) is None:
            known = self._find_old(key)
            self.put(key, value if known is None else known)

    def _turn_over(self) -> None:
        gone = list(self._old)
        for key in gone:
            self._old.drop(key)
        lost = sum(key not in self._young for key in gone)
        self._turn.put(LEFT, self.left + lost)
        self._turn.put(NOW, 1 - self._turn.get(NOW, 0))
        self._face()

    def drop(self, key: Hashable) -> None:
        """Forget a key, if it is there."""
        self._young.drop(key)
        self._old.drop(key)

    @property
    def left(self) -> int:
        """How many keys had to leave for lack of room."""
        return int(self._turn.get(LEFT, 0))

    def __contains__(self, key: Hashable) -> bool:
        return key in self._young or key in self._old

    def __bool__(self) -> bool:
        return len(self._young) + len(self._old) > 0

    def __len__(self) -> int:
        return len(self._young) + sum(key not in self._young for key in self._old)


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
