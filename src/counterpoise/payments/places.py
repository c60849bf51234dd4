"""What a seller knows beside what is durable: channels as the chain showed them, calls under way.

All of it may be lost at any time: channels are looked at again, and calls that were under way are
found by what was charged for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from counterpoise.chain import Block
from counterpoise.payments.rules import Channel
from counterpoise.payments.terms import Ticket

MOST_SEEN = 65_536
"""Channels whose state on the chain is remembered; the one looked at longest ago goes first."""


@dataclass(slots=True)
class Place:
    """A channel as the chain showed it at a Unix time."""

    channel: Channel = field(default_factory=Channel)
    seen: int = -(1 << 62)


@dataclass(slots=True)
class Held:
    """A call under way: its ticket, until when it holds its place, and its total so far."""

    ticket: Ticket
    until: int
    total: int = 0


class Places:
    """Holds places for calls and remembers looks at the chain; its owner locks.

    Parameters
    ----------
    unanswered :
        Channels whose last charge may be for an answer that never left.
    repeats :
        How often such an answer may be asked for again.
    """

    def __init__(self, unanswered: Iterable[bytes], repeats: int) -> None:
        self._repeats = repeats
        self._seen: dict[bytes, Place] = {}
        self._relied: set[tuple[int, bytes]] = set()
        self._held: dict[bytes, Held] = {}
        self._left = dict.fromkeys(unanswered, repeats)

    def saw(self, channel: bytes, state: Channel, now: int, block: Block | None) -> None:
        """Take note of what stands of a channel on the chain, at the end of a block."""
        if len(self._relied) >= MOST_SEEN:  # nobody watches: trust no look any more
            self._relied.clear()
            self._seen.clear()
        if block is not None:
            self._relied.add((block.number, block.hash))
        self._seen.pop(channel, None)
        self._seen[channel] = Place(state, now)
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]

    def doubt(self, channel: bytes | None) -> None:
        """Forget the look at a channel, or at all."""
        if channel is None:
            self._seen.clear()
        else:
            self._seen.pop(channel, None)

    def relied_on(self) -> frozenset[tuple[int, bytes]]:
        """Give number and hash of each block that a look came from and nobody checked since."""
        return frozenset(self._relied)

    def checked(self, blocks: Iterable[tuple[int, bytes]]) -> None:
        """Take note that these blocks were looked for again, and looks at lost ones doubted."""
        self._relied.difference_update(blocks)

    def place(self, channel: bytes) -> Place:
        """Give the last look at a channel; an empty one, long ago, where there was none."""
        return self._seen.get(channel) or Place()

    def is_held(self, key: bytes, now: int) -> bool:
        """Whether a call is under way that has not used up its time."""
        held = self._held.get(key)
        return held is not None and now < held.until

    def hold(self, ticket: Ticket, until: int) -> Ticket:
        """Give a call its place."""
        self._held[ticket.key] = Held(ticket, until)
        return ticket

    def held(self, ticket: Ticket) -> Held | None:
        """Give a call's place, if it is still its own."""
        held = self._held.get(ticket.key)
        return held if held is not None and held.ticket is ticket else None

    def free(self, ticket: Ticket) -> None:
        """Give a call's place up."""
        if self.held(ticket) is not None:
            del self._held[ticket.key]

    def expect(self, channel: bytes) -> None:
        """Take note of a charge whose answer has not left yet."""
        self._left.setdefault(channel, self._repeats)

    def left(self, channel: bytes) -> None:
        """Take note that the whole answer left: from now on a repeat is another call."""
        self._left.pop(channel, None)

    def is_expected(self, channel: bytes) -> bool:
        """Whether an answer that was charged for may be asked for again."""
        return self._left.get(channel, 0) > 0

    def repeat(self, channel: bytes) -> None:
        """Count a repeat."""
        self._left[channel] -= 1
