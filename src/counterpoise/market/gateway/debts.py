"""What each channel owes and has not been claimed: a seller's risk, and when to claim."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from counterpoise.payments import Response


class Debts:
    """Base units charged and not claimed, by channel.

    Parameters
    ----------
    most :
        What one channel may owe; None for no limit.
    wake :
        Called when a channel came to owe half of that: it should be claimed now.
    """

    def __init__(self, most: int | None, wake: Callable[[], None] = lambda: None) -> None:
        self._most, self.wake = most, wake
        self._owed: dict[bytes, int] = {}
        self._due: set[bytes] = set()
        self._lock = threading.Lock()
        self.total = 0

    def note(self, channel: bytes, response: Response) -> None:
        """Take note of a charge as the payer is told of it."""
        state = response.extra["channelState"]
        owed = int(state["chargedCumulativeAmount"]) - int(state["totalClaimed"])
        with self._lock:
            self.total += owed - self._owed.get(channel, 0)
            self._owed[channel] = owed
            is_due = self._most is not None and 2 * owed > self._most and channel not in self._due
            if is_due:
                self._due.add(channel)
        if is_due:
            self.wake()

    def is_over(self, channel: bytes, price: int) -> bool:
        """Whether a channel may not owe so much more before a claim."""
        return self._most is not None and self._owed.get(channel, 0) + price > self._most

    def due(self) -> frozenset[bytes]:
        """Give the channels that should be claimed now."""
        with self._lock:
            return frozenset(self._due)

    def claimed(self, channels: Collection[bytes]) -> None:
        """Take note that these channels owe nothing any more."""
        with self._lock:
            for channel in channels:
                self.total -= self._owed.pop(channel, 0)
                self._due.discard(channel)
