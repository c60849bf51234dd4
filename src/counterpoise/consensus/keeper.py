"""Keeps a market's epochs on time: opens, proposes, disputes, finishes, lapses. Anyone may.

A keeper remembers nothing: it reads the chain before every step. So it may be killed, doubled, or
surprised by a reorganisation; a step that another has done is refused, and that is all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from counterpoise.chain import Account
from counterpoise.consensus.client import ConsensusClient
from counterpoise.consensus.ledger import Ledger
from counterpoise.consensus.reader import Reader
from counterpoise.core.errors import ChainError, Reverted, StorageError, Unreachable
from counterpoise.core.units import format_tokens

Say = Callable[[str], None]
POLL_SECONDS = 0.5


def quiet(line: str) -> None:
    """Say nothing."""


class Worker(Protocol):
    """Something that does what is due."""

    def step(self) -> bool:
        """Do it; tell whether anything was."""
        ...


@dataclass
class Keeper:
    """Keeps one market.

    Parameters
    ----------
    account :
        Pays the gas and bonds results.
    rest_seconds :
        From the end of an epoch to the opening of the next.
    courtesy_seconds :
        How long after the reveals it leaves the result to others.
    collect :
        Called with the ledger when an epoch is over, such as to log its evidence.
    """

    client: ConsensusClient
    account: Account
    rest_seconds: int = 0
    courtesy_seconds: int = 0
    say: Say = quiet
    clock: Callable[[], float] = time.time
    start: int = 0
    collect: Callable[[Ledger], object] | None = None

    def __post_init__(self) -> None:
        self._chain = self.client.contract.chain
        self.reader = Reader(self.client, self.start)
        self._collected = 0
        self._over_since = 0
        self._refused = ""

    @property
    def now(self) -> int:
        """Unix seconds: the clock's, or the chain's if that is ahead."""
        return max(self._chain.block("latest").time, int(self.clock()))

    def step(self) -> bool:
        """Do what is due now; tell whether anything was."""
        ledger, now = self.reader.ledger(), self.now
        if not ledger.is_open:
            self._gather(ledger)
            return self._open(ledger, now)
        self._over_since = 0
        if now < ledger.reveals_end:
            return False
        proposal = self.client.proposal()
        if proposal is None:
            return self._propose(ledger, now)
        if now < proposal.ends:
            return challenge(self.client, self.account, ledger, self.say)
        said = f"epoch {ledger.epoch}: finished"
        return self._send(said, lambda: self.client.finish(self.account))

    def _open(self, ledger: Ledger, now: int) -> bool:
        """Open the next epoch, if there is somebody to weigh and something to pay."""
        self._over_since = self._over_since or now
        spare = self.client.purse()[1]
        if now < self._over_since + self.rest_seconds or not ledger.seats or not spare:
            return False
        pay = format_tokens(min(self.client.terms.pay, spare))
        said = f"epoch {ledger.epoch + 1}: opened, pays {pay} tokens"
        return self._send(said, lambda: self.client.open(self.account))

    def _propose(self, ledger: Ledger, now: int) -> bool:
        """Post the result, or let the epoch lapse when it is too late."""
        epoch = ledger.epoch
        if now >= self.client.epoch().propose_end:
            said = f"epoch {epoch}: lapsed without a result"
            return self._send(said, lambda: self.client.lapse(self.account))
        if not ledger.rows or now < ledger.reveals_end + self.courtesy_seconds:
            return False
        said = f"epoch {epoch}: posted the result of {len(ledger.rows)} rows"
        return self._send(said, lambda: self.client.propose(self.account, ledger.settle()))

    def _gather(self, ledger: Ledger) -> None:
        if self.collect is not None and self._collected < len(ledger.closed):
            self.collect(ledger)
            self._collected = len(ledger.closed)

    def _send(self, said: str, action: Callable[[], object]) -> bool:
        try:
            action()
        except Reverted as refused:
            if refused.message != self._refused:
                self._refused = refused.message
                self.say(refused.message)
            return False
        self.say(said)
        return True


def challenge(client: ConsensusClient, account: Account, ledger: Ledger, say: Say) -> bool:
    """Convict what is false in the result that stands, or object to it; tell if it was sent.

    An objection counts only of who revealed; one of who did not is not sent.
    """
    lies = ledger.lies()
    if not lies:
        return False
    convictable = [lie for lie in lies if ledger.is_convictable(lie)]
    number = ledger.number_of(account.address)
    may_object = number is not None and ledger.has_revealed(number)
    try:
        if convictable:
            lie = convictable[0]
            client.convict(account, lie, ledger)
            say(f"epoch {ledger.epoch}: convicted the {lie.part} of member {lie.number}")
            return True
        if may_object and number not in ledger.objectors:
            client.object(account, ledger.attempt)
            say(f"epoch {ledger.epoch}: objected to the dividend of member {lies[0].number}")
            return True
    except Reverted as refused:
        say(refused.message)
    return False


def run(
    workers: Sequence[Worker],
    until: Callable[[], bool],
    say: Say = quiet,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Let workers do what is due until told to stop; what is away is waited for."""
    trouble = ""
    while not until():
        try:
            steps = [worker.step() for worker in workers]
            busy, trouble = any(steps), ""
        except (Unreachable, StorageError, ChainError) as error:
            busy = False
            if error.message != trouble:
                trouble = error.message
                say(f"waiting: {trouble}")
        if not busy:
            pause(POLL_SECONDS)
