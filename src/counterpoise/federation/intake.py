"""The desk where commitments and reveals are taken in, or refused by name.

The coordinator and every verifier call the same functions on the same envelopes, so that who
was refused, and why, is a fact that anyone can re-derive.

Codes here: ``identity`` signed by nobody in the roster or falsely; ``stale`` of another job,
round or base; ``duplicate`` two different ones from one participant; ``mismatch`` a reveal that
its commitment does not cover; ``absent`` nothing was committed;
``missing`` committed, not revealed; ``late`` it came after the phase closed.
Codes about the update itself are those of `rules.admit`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from counterpoise.chain import recover
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.federation.evidence import (
    commitment_digest,
    commitment_leaf,
    read_signed,
    signer_of,
)
from counterpoise.federation.rules import CODES
from counterpoise.federation.terms import Terms
from counterpoise.provenance import Envelope, Statement


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """Who was refused in a round, with the code of the reason and a sentence."""

    participant: bytes
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A checked commitment or reveal of one participant.

    Parameters
    ----------
    digest :
        The commitment's digest, or the SHA-256 of the revealed update's blob.
    salt :
        The reveal's salt; empty in a commitment.
    envelope :
        The bytes as they arrived: a log entry.
    """

    participant: bytes
    digest: bytes
    salt: bytes
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Intake:
    """What a phase took in, by address ascending, and whom it refused.

    `logged` holds every well-signed envelope, duplicates too: with them in the log, anyone
    comes to the same refusals.
    """

    letters: tuple[Letter, ...]
    refused: tuple[Refusal, ...]
    logged: tuple[bytes, ...]


class StaleError(VerificationError):
    """A well-signed letter of another job, round or base."""


def take_commitments(
    terms: Terms, round_id: int, base: bytes, roster: Iterable[bytes], letters: Iterable[bytes]
) -> Intake:
    """Check the commitments of a round.

    Parameters
    ----------
    base :
        Digest of the model that this round starts from.
    roster :
        Addresses of those who joined.
    letters :
        Envelopes as they arrived, in any order.
    """

    def read(envelope: Envelope, participant: bytes) -> Letter:
        statement = read_signed(envelope, "commitment", participant)
        _check_place(statement, terms, round_id, base)
        digest = bytes.fromhex(statement.predicate["digest"])
        leaf = commitment_leaf(terms, round_id, participant, digest)
        if recover(leaf, _hex(statement, "signature", 65)) != participant:
            raise VerificationError("the EIP-712 signature is another's")
        return Letter(participant, digest, b"", envelope.to_bytes())

    return _take(set(roster), letters, read, nothing="absent")


def take_reveals(
    terms: Terms,
    round_id: int,
    base: bytes,
    commitments: Mapping[bytes, bytes],
    letters: Iterable[bytes],
) -> Intake:
    """Check the reveals of a round against its commitments.

    Parameters
    ----------
    commitments :
        Commitment digest of each participant that committed.
    """

    def read(envelope: Envelope, participant: bytes) -> Letter:
        statement = read_signed(envelope, "update", participant)
        _check_place(statement, terms, round_id, base)
        update = bytes.fromhex(statement.predicate["update"])
        salt = _hex(statement, "salt", 16)
        return Letter(participant, update, salt, envelope.to_bytes())

    return _take(set(commitments), letters, read, nothing="missing")


def split_mismatches(
    terms: Terms, round_id: int, commitments: Mapping[bytes, bytes], reveals: Sequence[Letter]
) -> tuple[list[Letter], list[Refusal]]:
    """Divide reveals into those that their commitments cover and refusals of the others."""
    covered, refused = [], []
    for letter in reveals:
        found = commitment_digest(terms, round_id, letter.participant, letter.digest, letter.salt)
        if found == commitments[letter.participant]:
            covered.append(letter)
        else:
            detail = "the revealed update is not the one committed to"
            refused.append(Refusal(letter.participant, "mismatch", detail))
    return covered, refused


def as_late(refused: Sequence[Refusal], latecomers: Iterable[bytes]) -> list[Refusal]:
    """Turn ``missing`` into ``late`` for those whose letter came after the phase closed."""
    late = set()
    for data in latecomers:
        try:
            late.add(signer_of(Envelope.from_bytes(data)))
        except CounterpoiseError:
            continue
    return [
        replace(r, code="late", detail="it came after the phase closed")
        if r.code == "missing" and r.participant in late
        else r
        for r in refused
    ]


def _take(
    expected: set[bytes],
    letters: Iterable[bytes],
    read: Callable[[Envelope, bytes], Letter],
    *,
    nothing: str,
) -> Intake:
    taken: dict[bytes, Letter] = {}
    logged: list[bytes] = []
    refused: dict[bytes, Refusal] = {}
    for data in sorted(set(letters)):
        try:
            envelope = Envelope.from_bytes(data)
            participant = signer_of(envelope)
        except CounterpoiseError:
            continue  # nobody's letter
        if participant not in expected:
            refused[participant] = Refusal(participant, "identity", "not in the roster")
            continue
        try:
            letter = read(envelope, participant)
        except CounterpoiseError as error:
            code = "stale" if isinstance(error, StaleError) else "identity"
            refused.setdefault(participant, Refusal(participant, code, str(error)))
            continue
        if participant in taken:
            refused[participant] = Refusal(participant, "duplicate", "two different letters")
        taken[participant] = letter
        logged.append(data)
    for participant in expected - set(taken) - set(refused):
        refused[participant] = Refusal(participant, nothing, CODES[nothing])
    for participant, refusal in list(refused.items()):
        if refusal.code == "duplicate":
            del taken[participant]
        elif participant in taken:
            del refused[participant]  # a forged letter in its name harms nobody
    ordered = tuple(taken[participant] for participant in sorted(taken))
    return Intake(ordered, tuple(sorted(refused.values())), tuple(logged))


def _check_place(statement: Statement, terms: Terms, round_id: int, base: bytes) -> None:
    found = (statement.predicate["job"], statement.predicate["round"])
    if found != (terms.job, round_id):
        raise StaleError(f"it is of job {found[0]}, round {found[1]}")
    if statement.predicate.get("base") != base.hex():
        raise StaleError("it starts from another base")


def _hex(statement: Statement, field: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(statement.predicate[field])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the statement's {field!r} is missing or is not hex") from error
    if len(value) != size:
        raise InputError(f"the statement's {field!r} has {len(value)} bytes, not {size}")
    return value
