"""Letters: signed statements in a shared mailbox, believed when name and signature agree.

Whoever may write to the shared place may put anything there. So a letter is named after its
sender and its content, ``<address>.<digest>``, and a reader passes over what is too long, is
not what its name says, or was not signed by the address in its name. Nobody can answer for
another, nor take the name of another's letter first; who floods the place can only delay.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.provenance import AddressVerifier, Envelope, check_envelope
from counterpoise.store import Mailbox

MAX_LETTER = 65_535
"""Longest letter, in bytes: what one entry of the log may hold."""

EACH = 4
"""How many letters of one sender count in one topic."""

TRIES = 64
"""How many letters in one sender's name are opened, whoever put them there."""


def topic(job: int, round_id: int, phase: str, attempt: int = 0) -> str:
    """Name the place of one phase's mail.

    Parameters
    ----------
    attempt :
        How many rounds before this one fell: its letters are then of another model.
    """
    again = f"-again-{attempt}" if attempt else ""
    return f"job-{job}/round-{round_id}{again}/{phase}"


def join_topic(job: int) -> str:
    """Name the place of the statements with which members join."""
    return f"job-{job}/join"


def task_topic(job: int) -> str:
    """Name the place of the sponsor's task statement."""
    return f"job-{job}/task"


def letter_name(sender: bytes, letter: bytes) -> str:
    """Name a letter after its sender and its content."""
    return f"{sender.hex()}.{sha256(letter).hex()[:32]}"


def post_letter(mailbox: Mailbox, place: str, sender: bytes, letter: bytes) -> bool:
    """Post a letter; False if the very same is there already."""
    if len(letter) > MAX_LETTER:
        raise InputError(f"a letter of {len(letter)} bytes, at most {MAX_LETTER} are carried")
    return mailbox.post(place, letter_name(sender, letter), letter)


@dataclass
class Letterbox:
    """One topic of a mailbox as one reader sees it; each letter is opened once.

    Parameters
    ----------
    each :
        How many letters of one sender count.
    """

    mailbox: Mailbox
    place: str
    each: int = EACH
    _opened: set[str] = field(default_factory=set, repr=False)
    _tries: dict[str, int] = field(default_factory=dict, repr=False)
    _letters: dict[bytes, list[bytes]] = field(default_factory=dict, repr=False)

    def letters(self, senders: Collection[bytes]) -> dict[bytes, list[bytes]]:
        """Give the authentic letters so far of these senders; who sent none is left out."""
        wanted = {sender.hex(): sender for sender in senders}
        for name in self.mailbox.list(self.place):
            sender = wanted.get(name.partition(".")[0])
            if sender is not None and name not in self._opened:
                self._open(name, sender)
        return {sender: self._letters[sender] for sender in senders if sender in self._letters}

    def _open(self, name: str, sender: bytes) -> None:
        """Take a letter in; one that nobody can believe is passed over for ever."""
        self._opened.add(name)
        tries = self._tries[sender.hex()] = self._tries.get(sender.hex(), 0) + 1
        if tries > TRIES or len(self._letters.get(sender, ())) >= self.each:
            return
        try:
            letter = self.mailbox.read(self.place, name)
            if letter_name(sender, letter) != name:
                return
            check_envelope(Envelope.from_bytes(letter), [AddressVerifier(sender)])
        except (InputError, VerificationError):
            return
        self._letters.setdefault(sender, []).append(letter)
