"""How messages travel between the coordinator and the participants.

A message is a signed envelope as bytes. What arrives is never trusted: it is parsed and
checked at the coordinator's desk (`intake`), whoever carried it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from counterpoise.core.errors import CounterpoiseError
from counterpoise.store import Mailbox

ARRIVAL_POLL_SECONDS = 0.05


class Correspondent(Protocol):
    """A participant as the coordinator sees it."""

    @property
    def address(self) -> bytes:
        """Its account's address."""
        ...

    def commitment(self, opening: bytes) -> bytes:
        """Answer an opening with a commitment envelope."""
        ...

    def reveal(self, closing: bytes) -> bytes:
        """Answer the closing of commitments with an update envelope."""
        ...


class Courier(Protocol):
    """Carries openings and closings out, commitments and reveals back."""

    def commitments(self, round_id: int, opening: bytes) -> Sequence[bytes]:
        """Announce a round and give the commitment envelopes that came in time."""
        ...

    def reveals(self, round_id: int, closing: bytes) -> Sequence[bytes]:
        """Announce that commitments are closed and give the reveals that came in time."""
        ...

    def latecomers(self, round_id: int) -> Sequence[bytes]:
        """Give the reveals that have come since `reveals` returned."""
        ...


@dataclass
class DirectCourier:
    """Calls participants that live in this process, one after another.

    A participant that raises or gives nothing is absent from that phase; the round goes on.
    """

    participants: Sequence[Correspondent]

    def commitments(self, round_id: int, opening: bytes) -> Sequence[bytes]:
        """Ask each participant for its commitment."""
        return list(_answers(p.commitment for p in self.participants)(opening))

    def reveals(self, round_id: int, closing: bytes) -> Sequence[bytes]:
        """Ask each participant for its reveal."""
        return list(_answers(p.reveal for p in self.participants)(closing))

    def latecomers(self, round_id: int) -> Sequence[bytes]:
        """Give none: every participant was asked and has answered or not."""
        return []


def _answers(calls: Iterable[Callable[[bytes], bytes]]) -> Callable[[bytes], Iterable[bytes]]:
    def ask(message: bytes) -> Iterable[bytes]:
        for call in calls:
            try:
                answer = call(message)
            except Exception:  # noqa: BLE001, S112 - a participant's fault must not end the round
                continue
            if isinstance(answer, bytes):
                yield answer

    return ask


@dataclass
class MailCourier:
    """Carries messages through a shared mailbox, between processes.

    Parameters
    ----------
    mailbox :
        The shared mailbox.
    job :
        Id of the job; topics are ``job-7/round-3/commit``.
    expected :
        How many participants joined; waiting ends early once so many have answered.
    commit_seconds, reveal_seconds :
        How long each phase stays open.
    clock, pause :
        Gives seconds; lets time pass. Real time by default.
    """

    mailbox: Mailbox
    job: int
    expected: int
    commit_seconds: int
    reveal_seconds: int
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _seen: dict[str, set[str]] | None = None

    def commitments(self, round_id: int, opening: bytes) -> Sequence[bytes]:
        """Post the opening and wait for commitments."""
        self.mailbox.post(topic(self.job, round_id, "open"), "coordinator", opening)
        return self._collect(topic(self.job, round_id, "commit"), self.commit_seconds)

    def reveals(self, round_id: int, closing: bytes) -> Sequence[bytes]:
        """Post the closing of commitments and wait for reveals."""
        self.mailbox.post(topic(self.job, round_id, "closed"), "coordinator", closing)
        return self._collect(topic(self.job, round_id, "reveal"), self.reveal_seconds)

    def latecomers(self, round_id: int) -> Sequence[bytes]:
        """Give the reveals that came after the phase was closed."""
        name = topic(self.job, round_id, "reveal")
        return self._read(name, set(self.mailbox.list(name)) - self._known(name))

    def _collect(self, name: str, seconds: int) -> Sequence[bytes]:
        deadline = self.clock() + seconds
        while len(names := self.mailbox.list(name)) < self.expected:
            if self.clock() >= deadline:
                break
            self.pause(ARRIVAL_POLL_SECONDS)
        return self._read(name, set(names))

    def _read(self, name: str, letters: set[str]) -> Sequence[bytes]:
        self._known(name).update(letters)
        found = []
        for letter in sorted(letters):
            try:
                found.append(self.mailbox.read(name, letter))
            except CounterpoiseError:
                continue  # too large or torn: its sender is absent
        return found

    def _known(self, name: str) -> set[str]:
        if self._seen is None:
            self._seen = {}
        return self._seen.setdefault(name, set())


def topic(job: int, round_id: int, phase: str) -> str:
    """Name the place of one phase's mail."""
    return f"job-{job}/round-{round_id}/{phase}"
