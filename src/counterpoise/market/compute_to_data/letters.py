"""Letters between buyers and an owner's node, and the way of their evidence into the log.

Whoever may write to the shared place may put anything there, so a letter is named after its
sender and its content, and is believed only for its signature. Nobody can take the name of
another's letter first; who floods a topic can delay, as only so many letters are opened.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.units import Address
from counterpoise.network import Network
from counterpoise.provenance import AddressVerifier, Envelope, check_envelope
from counterpoise.store import Mailbox

TRIES = 4_096
"""How many false letters in one sender's name are opened in one topic, each time it is read."""
LOG, TRAINING = "log", "training"


def topic(owner: Address, place: str) -> str:
    """Name the place of one request's letters, by its digest in hex, or `LOG`, or `TRAINING`."""
    return f"data-{owner.hex()}/{place}"


def post(mailbox: Mailbox, place: str, sender: Address, envelope: Envelope) -> None:
    """Post a signed letter; done before, it changes nothing."""
    letter = envelope.to_bytes()
    mailbox.post(place, f"{sender.hex()}.{sha256(letter).hex()[:32]}", letter)


def letters(
    mailbox: Mailbox, place: str, sender: Address | None = None, opened: set[str] | None = None
) -> Iterator[Envelope]:
    """Give the authentic letters of a topic: of one sender, or of each that is named.

    Parameters
    ----------
    opened :
        Names that were opened before and are passed over; those opened now are added.
    """
    seen = set() if opened is None else opened
    false: dict[str, int] = {}
    for name in mailbox.list(place):
        who = name.partition(".")[0]
        if name in seen or (sender is not None and who != sender.hex()):
            continue
        if false.get(who, 0) >= TRIES:
            continue
        seen.add(name)
        envelope = _authentic(mailbox, place, name)
        if envelope is None:
            false[who] = false.get(who, 0) + 1
        else:
            yield envelope


def _authentic(mailbox: Mailbox, place: str, name: str) -> Envelope | None:
    """Open one letter; None where it is not what its name says, or not signed by who it names."""
    who, _, digest = name.partition(".")
    try:
        letter = mailbox.read(place, name)
        if len(who) != 40 or sha256(letter).hex()[:32] != digest:
            return None
        envelope = Envelope.from_bytes(letter)
        check_envelope(envelope, [AddressVerifier(bytes.fromhex(who))])
    except (InputError, VerificationError, ValueError):
        return None
    return envelope


def gather(network: Network, owner: Address, opened: set[str]) -> int:
    """Append an owner's evidence to the log, as far as it is not there; give how much was new.

    Parameters
    ----------
    opened :
        Letters that were gathered before; those gathered now are added once they are in the log.

    Raises
    ------
    Busy :
        Another process writes the log.
    """
    log, seen = network.log, set(opened)
    found = letters(network.mailbox, topic(owner, LOG), opened=seen)
    new = [entry for entry in (one.to_bytes() for one in found) if log.find(entry) is None]
    if new:
        network.store.flush()
        log.append(_in_time(new))
    opened |= seen
    return len(new)


def _in_time(entries: list[bytes]) -> list[bytes]:
    """Put entries in the order in which they were stated."""
    return sorted(entries, key=lambda entry: Envelope.from_bytes(entry).statement.predicate["time"])
