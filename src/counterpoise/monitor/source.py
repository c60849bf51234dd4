"""Where blocks come from, whatever the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from counterpoise.monitor.blocks import Block


@dataclass(frozen=True, slots=True)
class Place:
    """A block that was dealt with.

    Parameters
    ----------
    note :
        What the source wanted to be remembered with it, such as an offset in a file.
    """

    number: int
    hash: bytes
    note: str = ""


class Source(Protocol):
    """Where blocks come from.

    A source gives the blocks of what it holds to be the best chain, each after its parent. Where
    the chain reorganised, it gives the new branch from the fork on: parents tell the watch.
    """

    chain_id: int

    @property
    def head(self) -> int | None:
        """Number of the newest block that it knows of, None if it cannot tell."""
        ...

    @property
    def faults(self) -> Mapping[str, int]:
        """What it had to leave out, counted by kind."""
        ...

    def resume(self, places: Sequence[Place]) -> None:
        """Go on after the newest of these blocks that is still on the chain; oldest first.

        Called once, before the first `poll`; never with no blocks.
        """
        ...

    def poll(self) -> list[Block]:
        """The next blocks, at most a few dozen; none if there are none yet.

        Raises
        ------
        Exhausted :
            There will never be another.
        Unreachable :
            The source does not answer now; nothing is lost, poll again.
        """
        ...

    def note(self, block: Block) -> str:
        """What `resume` will need to go on after a block that `poll` gave; may be empty."""
        ...

    def acknowledge(self, place: Place) -> None:
        """Note that a block and all before it were dealt with, durably."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Exhausted(Exception):
    """A source that ends has ended, such as a file."""
