"""How messages travel between the coordinator and the participants.

A message is a signed envelope as bytes. What arrives is never trusted: it is parsed and
checked at the coordinator's desk (`intake`), whoever carried it.
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from counterpoise.core.errors import StorageError, Unreachable
from counterpoise.federation.mail import Letterbox, post_letter, topic
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

    A participant that raises or gives nothing is absent from that phase; the round goes on. A
    full disk or a silent node is no participant's fault: here all share them, so the round stops.
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
            except (StorageError, Unreachable):
                raise
            except Exception:  # noqa: BLE001, S112 - a participant's fault must not end the round
                continue
            if isinstance(answer, bytes):
                yield answer

    return ask


@dataclass
class MailCourier:
    """Carries letters through a shared mailbox, between processes.

    Parameters
    ----------
    mailbox :
        The shared mailbox.
    job :
        Id of the job; topics are ``job-7/round-3/commit``.
    coordinator :
        Whose openings and closings are posted.
    members :
        Addresses of those who joined; others' letters are passed over. A phase ends early
        once all of them, or for reveals all who committed, have answered.
    commit_seconds, reveal_seconds :
        How long each phase stays open.
    clock, pause :
        Gives seconds; lets time pass. Real time by default.
    attempt :
        Counts how often a round was begun anew, since one before it fell.
    """

    mailbox: Mailbox
    job: int
    coordinator: bytes
    members: Collection[bytes]
    commit_seconds: int
    reveal_seconds: int
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    attempt: Callable[[int], int] = lambda round_id: 0
    _boxes: dict[str, Letterbox] = field(default_factory=dict, repr=False)
    _given: set[bytes] = field(default_factory=set, repr=False)

    def commitments(self, round_id: int, opening: bytes) -> Sequence[bytes]:
        """Post the opening and wait for commitments."""
        self._post(round_id, "open", opening)
        return self._collect(self._topic(round_id, "commit"), self.members, self.commit_seconds)

    def reveals(self, round_id: int, closing: bytes) -> Sequence[bytes]:
        """Post the closing of commitments and wait for reveals."""
        self._post(round_id, "closed", closing)
        committed = self._letters(self._topic(round_id, "commit"))
        found = self._collect(self._topic(round_id, "reveal"), committed, self.reveal_seconds)
        self._given.update(found)
        return found

    def latecomers(self, round_id: int) -> Sequence[bytes]:
        """Give the reveals that came after the phase was closed."""
        letters = self._letters(self._topic(round_id, "reveal"))
        return [one for found in letters.values() for one in found if one not in self._given]

    def _post(self, round_id: int, phase: str, letter: bytes) -> None:
        post_letter(self.mailbox, self._topic(round_id, phase), self.coordinator, letter)

    def _topic(self, round_id: int, phase: str) -> str:
        return topic(self.job, round_id, phase, self.attempt(round_id))

    def _collect(self, place: str, awaited: Collection[bytes], seconds: int) -> Sequence[bytes]:
        deadline = self.clock() + seconds
        while not set(awaited) <= set(found := self._letters(place)):
            if self.clock() >= deadline:
                break
            self.pause(ARRIVAL_POLL_SECONDS)
        return [letter for sender in sorted(found) for letter in found[sender]]

    def _letters(self, place: str) -> dict[bytes, list[bytes]]:
        """Give the authentic letters of members, at most two of each: two prove a duplicate."""
        box = self._boxes.setdefault(place, Letterbox(self.mailbox, place, each=2))
        return box.letters(self.members)
