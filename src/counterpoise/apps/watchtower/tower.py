"""The tower: watches the chain block by block, writes alerts down, states them, and acts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from counterpoise.chain import Account
from counterpoise.monitor import (
    DETECTORS,
    NATIVE,
    Action,
    Alert,
    AlertBook,
    AlertLog,
    ChainSource,
    Contacts,
    Policy,
    Responder,
    Watch,
    WatchTerms,
    make_detectors,
)
from counterpoise.network import Network

UNIT = 10**15
"""Base units, of the coin as of a token, that are one unit of the graph."""


@dataclass
class Seen:
    """What one look came to."""

    raised: tuple[Alert, ...] = ()
    retracted: tuple[Alert, ...] = ()
    actions: list[Action] = field(default_factory=list)
    blocks: int = 0
    seconds: float = 0.0


class Tower:
    """One watch on a chain, from its first block on.

    Parameters
    ----------
    folder :
        Where the alert book is.
    account :
        Who states the alerts.
    tokens :
        That are worth about as much as a coin.
    """

    def __init__(
        self, network: Network, folder: Path, account: Account, tokens: Iterable[bytes]
    ) -> None:
        self.network, self.chain_id = network, network.chain.chain_id()
        scales = {NATIVE: UNIT, **dict.fromkeys(tokens, UNIT)}
        detectors = make_detectors(list(DETECTORS))
        self.terms = WatchTerms.of(self.chain_id, 0, detectors, scales)
        self.watch = Watch(self.chain_id, detectors, scales)
        self.source = ChainSource(network.chain)
        self.contacts = Contacts()
        folder.mkdir(parents=True, exist_ok=True)
        self.book = AlertBook(folder / "alerts.sqlite")
        self.log = AlertLog(network.log, network.store, account, self.terms)
        self.responder: Responder | None = None
        self.times: list[float] = []

    def guard(self, responder: Responder) -> None:
        """Let a reporter act on what is seen from now on."""
        self.responder = responder

    def look(self) -> Seen:
        """Take every new block in: alerts into the book and the log, pauses onto the chain."""
        seen = Seen()
        while blocks := self.source.poll():
            for block in blocks:
                started = time.perf_counter()
                outcome = self.watch.accept(block)
                self.book.record(block, outcome.raised, outcome.retracted)
                self.log.state([*outcome.raised, *outcome.retracted])
                seen.seconds += time.perf_counter() - started
                seen.blocks += 1
                seen.raised += outcome.raised
                seen.retracted += outcome.retracted
                self.contacts.observe(block)
                if self.responder is not None and (outcome.raised or outcome.retracted):
                    seen.actions += self.responder.respond(outcome)
        self.times.append(seen.seconds / max(1, seen.blocks))
        return seen

    def close(self) -> None:
        """Let go of the book."""
        self.book.close()


def policy() -> Policy:
    """When the reporter of the story pauses: re-entrancy that it is sure of."""
    return Policy(detectors=frozenset({"reentrancy"}))
