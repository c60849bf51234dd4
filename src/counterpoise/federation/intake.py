"""The desk where commitments and reveals are taken in, or refused by name.

The coordinator and every verifier call the same functions on the same envelopes, so that who
was refused, and why, is a fact that anyone can re-derive.

Codes here: ``identity`` signed by nobody in the roster or falsely; ``stale`` of another job,
round or base; ``duplicate`` two different ones from one participant; ``mismatch`` a reveal that
its commitment does not cover; ``absent`` nothing was committed; ``missing`` committed, and no
reveal came or its update is not in the store; ``late`` it came after the phase closed; ``size``
more bytes than are read; ``weight`` a false number of rows; ``keys`` a malformed statement. Codes
about the update itself are those of `rules.admit`.

Letters that do not count are not logged, so of `DESK` codes the log only shows that nothing
came; all other codes follow from it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from counterpoise.chain import recover
from counterpoise.core.digest import sha256
from counterpoise.core.errors import CounterpoiseError, InputError, VerificationError
from counterpoise.federation.evidence import (
    commitment_digest,
    commitment_leaf,
    read_signed,
    signer_of,
)
from counterpoise.federation.rules import CODES, AdmissionError
from counterpoise.federation.terms import Terms
from counterpoise.provenance import Envelope, Statement

MAX_LETTER = 32_768
"""Longest letter that is taken in, in bytes; a log entry holds it."""
READABLE = 1 << 20
"""Longest letter that is opened, to name who sent it."""

SILENT = frozenset({"absent", "missing"})
"""Codes that follow from a letter that is not in the log."""
DESK = SILENT | {"identity", "stale", "late", "size", "time-out", "weight", "keys"}
"""Codes by which the desk may call that: why a letter did not count is its word."""

Fetch = Callable[[bytes], bytes]


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


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the letters of one round are taken in.

    Parameters
    ----------
    base :
        Digest of the model that the round starts from.
    roster :
        Addresses of those who joined.
    """

    terms: Terms
    round_id: int
    base: bytes
    roster: frozenset[bytes]

    def commitments(self, letters: Iterable[bytes]) -> Intake:
        """Check the commitments of the round, envelopes in any order."""

        def read(envelope: Envelope, participant: bytes) -> Letter:
            statement = self._statement(envelope, "commitment", participant)
            digest = bytes.fromhex(statement.predicate["digest"])
            leaf = commitment_leaf(self.terms, self.round_id, participant, digest)
            if recover(leaf, _hex(statement, "signature", 65)) != participant:
                raise VerificationError("the EIP-712 signature is another's")
            return Letter(participant, digest, b"", envelope.to_bytes())

        return self._take(self.roster, letters, read, nothing="absent")

    def reveals(
        self,
        commitments: Mapping[bytes, bytes],
        letters: Iterable[bytes],
        *,
        fetch: Fetch | None = None,
    ) -> Intake:
        """Check the reveals of the round, envelopes in any order.

        Parameters
        ----------
        commitments :
            Commitment digest of each member that committed; others' reveals are passed over.
        fetch :
            Gives an update by its digest or raises an `AdmissionError`; with it a reveal counts
            only if its update is there. None for who reads the log, which holds no others.
        """

        def read(envelope: Envelope, participant: bytes) -> Letter:
            statement = self._statement(envelope, "update", participant)
            update = bytes.fromhex(statement.predicate["update"])
            salt = _hex(statement, "salt", 16)
            if fetch is not None:
                fetch(update)
            return Letter(participant, update, salt, envelope.to_bytes())

        return self._take(frozenset(commitments), letters, read, nothing="missing")

    def leaves(self, commitments: Intake) -> list[bytes]:
        """Give the leaves of the tree whose root is posted for the round."""
        return [
            commitment_leaf(self.terms, self.round_id, letter.participant, letter.digest)
            for letter in commitments.letters
        ]

    def mismatches(self, commitments: Mapping[bytes, bytes], reveals: Intake) -> list[Refusal]:
        """Refuse each reveal that its commitment does not cover."""
        detail = "the revealed update is not the one committed to"
        return [
            Refusal(x.participant, "mismatch", detail)
            for x in reveals.letters
            if commitments[x.participant]
            != commitment_digest(self.terms, self.round_id, x.participant, x.digest, x.salt)
        ]

    def _statement(self, envelope: Envelope, kind: str, participant: bytes) -> Statement:
        try:
            statement = read_signed(envelope, kind, participant)
        except InputError as error:
            raise AdmissionError(_fault_of(envelope), error.message) from error
        found = (statement.predicate["job"], statement.predicate["round"])
        if found != (self.terms.job, self.round_id):
            raise AdmissionError("stale", f"it is of job {found[0]}, round {found[1]}")
        if statement.predicate.get("base") != self.base.hex():
            raise AdmissionError("stale", "it starts from another base")
        return statement

    def _take(
        self,
        expected: frozenset[bytes],
        letters: Iterable[bytes],
        read: Callable[[Envelope, bytes], Letter],
        *,
        nothing: str,
    ) -> Intake:
        """Sort letters into those that count, one of a member, and refusals by name.

        A forged letter in somebody's name harms nobody of whom a good one came.
        """
        taken: dict[bytes, list[Letter]] = {}
        refused: dict[bytes, Refusal] = {}
        for envelope, participant in opened_letters(letters):
            try:
                if participant not in self.roster:
                    raise AdmissionError("identity", "not in the roster")
                if participant not in expected:
                    continue
                _add(taken.setdefault(participant, []), read(envelope, participant))
            except CounterpoiseError as error:
                code = "keys" if isinstance(error, InputError) else "identity"
                code = error.code if isinstance(error, AdmissionError) else code
                refused.setdefault(participant, Refusal(participant, code, error.message))
        for participant in expected:
            count = len(taken.get(participant, ()))
            if count == 1:
                refused.pop(participant, None)
            elif count:
                refused[participant] = Refusal(participant, "duplicate", "two different letters")
            else:
                refused.setdefault(participant, Refusal(participant, nothing, CODES[nothing]))
        single = [taken[p][0] for p in sorted(taken) if len(taken[p]) == 1]
        logged = sorted(letter.envelope for own in taken.values() for letter in own)
        return Intake(tuple(single), tuple(sorted(refused.values())), tuple(logged))


def reveal_leaves(reveals: Intake) -> list[bytes]:
    """Give the leaves of the tree over the revealed updates."""
    return [sha256(letter.participant + letter.digest) for letter in reveals.letters]


def opened_letters(letters: Iterable[bytes]) -> Iterator[tuple[Envelope, bytes]]:
    """Give each letter that can be read with the address it names, unverified, in one order."""
    for data in sorted(set(letters)):
        if len(data) > READABLE:
            continue  # nobody's letter
        try:
            envelope = Envelope.from_bytes(data)
            yield envelope, signer_of(envelope)
        except CounterpoiseError:
            continue


def _add(own: list[Letter], letter: Letter) -> None:
    """Keep the first two different letters of a member: two prove a duplicate."""
    if len(letter.envelope) > MAX_LETTER:
        raise AdmissionError("size", f"{len(letter.envelope)} bytes, at most {MAX_LETTER} are read")
    contents = {(kept.digest, kept.salt) for kept in own}
    if (letter.digest, letter.salt) not in contents and len(own) < 2:
        own.append(letter)


def _fault_of(envelope: Envelope) -> str:
    """Give the code of a statement that its sender signed and that is malformed."""
    try:
        return "weight" if "rows" in envelope.statement.predicate else "keys"
    except InputError:
        return "keys"


def _hex(statement: Statement, field: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(statement.predicate[field])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the statement's {field!r} is missing or is not hex") from error
    if len(value) != size:
        raise InputError(f"the statement's {field!r} has {len(value)} bytes, not {size}")
    return value
