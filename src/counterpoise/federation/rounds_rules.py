"""The rules of rounds, which ``Rounds.vy`` agrees with for every input.

The word that the chain keeps of a round is one hash; these functions give it from what the
event spells out, so that anyone can check one against the other.
"""

from dataclasses import astuple, dataclass, replace
from typing import NoReturn

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import Address

CLOSING = 3600
"""Seconds before the expiry of the job that every challenge window leaves for finishing."""
PATIENCE = 86_400
"""Usual seconds without a result after which anyone may finish."""
MAX_ROUNDS = 2**16 - 1
MAX_SECONDS = 2**32 - 1
NO_WORD = bytes(32)
NOBODY: Address = bytes(20)

_COMMITMENT, _RESULT = 1, 2


@dataclass(frozen=True, slots=True)
class Result:
    """What one round came to.

    Parameters
    ----------
    updates_root :
        RFC 6962 root over the admitted updates.
    trace_root :
        RFC 6962 root over the trace of the scoring.
    scores_digest :
        Digest of the scores of the round.
    pay_root, pay_total :
        Root and sum of the cumulative claims, over all rounds so far, in base units.
    model_digest :
        Digest of the model after the round.
    evidence :
        Root of the evidence log that holds all of it.
    """

    updates_root: bytes
    trace_root: bytes
    scores_digest: bytes
    pay_root: bytes
    pay_total: int
    model_digest: bytes
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """A posted result with its place: the commitment's word, the time, the total before."""

    commitment: bytes
    time: int
    previous_total: int
    content: Result

    def values(self) -> tuple[bytes, int, int, tuple[bytes | int, ...]]:
        """Give the record as the ABI wants it, a tuple of a tuple."""
        return self.commitment, self.time, self.previous_total, astuple(self.content)


def commitment_word(
    chain_id: int, contract: Address, job: int, round_id: int, root: bytes, time: int
) -> bytes:
    """Give the word of a committed round: what `digest_of_round` answers before the result."""
    return keccak(_words(_COMMITMENT, chain_id, contract, job, round_id, root, time))


def result_word(chain_id: int, contract: Address, job: int, round_id: int, record: Record) -> bytes:
    """Give the word of a round with a result: what `digest_of_round` answers from then on."""
    place = (_RESULT, chain_id, contract, job, round_id)
    before = (record.commitment, record.time, record.previous_total)
    return keccak(_words(*place, *before, *astuple(record.content)))


def _words(*values: int | bytes) -> bytes:
    words = [v.to_bytes(32, "big") if isinstance(v, int) else v.rjust(32, b"\0") for v in values]
    if any(len(word) != 32 for word in words):
        raise InputError("a field of a round's word is longer than 32 bytes")
    return b"".join(words)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the sponsor fixed when the rounds of a job were opened.

    Parameters
    ----------
    chain_id, contract, job :
        Where the job is; every word names them.
    coordinator :
        Who alone may commit and post results.
    judge :
        The contract that may roll results back and slash; `NOBODY` for none.
    rounds :
        How many are planned.
    challenge_seconds :
        How long each result can be disputed.
    patience_seconds :
        How long after a result without the next one anyone may finish.
    expires, budget :
        Of the escrowed job.
    """

    chain_id: int
    contract: Address
    job: int
    coordinator: Address
    judge: Address
    rounds: int
    challenge_seconds: int
    patience_seconds: int
    expires: int
    budget: int


@dataclass(frozen=True, slots=True)
class Course:
    """How far a job has come.

    Parameters
    ----------
    time :
        When the last result was posted (or the fallen one had been), or the job was opened.
    commitment :
        The word of the round in progress; empty before its commitment.
    records :
        The standing results, first round first.
    """

    time: int
    commitment: bytes = b""
    records: tuple[Record, ...] = ()
    finished: bool = False

    @property
    def last(self) -> int:
        """The last round with a standing result; 0 for none."""
        return len(self.records)

    @property
    def total(self) -> int:
        """What members are due so far, in base units."""
        return self.records[-1].content.pay_total if self.records else 0


def digest_of_round(plan: Plan, course: Course, round_id: int) -> bytes:
    """Give the word that the chain keeps of a round, `NO_WORD` if none stands."""
    if 1 <= round_id <= course.last:
        record = course.records[round_id - 1]
        return result_word(plan.chain_id, plan.contract, plan.job, round_id, record)
    return (course.commitment or NO_WORD) if round_id == course.last + 1 else NO_WORD


def open_rounds(plan: Plan, now: int) -> Course:
    """Check what a sponsor wants to fix, and begin."""
    if plan.coordinator == NOBODY:
        _refuse("open", "no coordinator")
    if not 0 < plan.rounds <= MAX_ROUNDS:
        _refuse("open", "number of rounds out of range")
    if not 0 < plan.challenge_seconds <= MAX_SECONDS:
        _refuse("open", "challenge window out of range")
    if not 0 < plan.patience_seconds <= MAX_SECONDS:
        _refuse("open", "patience out of range")
    if now + plan.challenge_seconds + CLOSING > plan.expires:
        _refuse("open", "expiry too near to open")
    return Course(now)


def commit(
    plan: Plan, course: Course, caller: Address, now: int, round_id: int, root: bytes
) -> Course:
    """Begin the next round."""
    _check_turn("commit", plan, course, caller)
    if round_id != course.last + 1:
        _refuse("commit", "not the next round to commit")
    if round_id > plan.rounds:
        _refuse("commit", "no more rounds planned")
    if course.commitment:
        _refuse("commit", "already committed")
    _check_window("commit", plan, now)
    word = commitment_word(plan.chain_id, plan.contract, plan.job, round_id, root, now)
    return replace(course, commitment=word)


def result(
    plan: Plan, course: Course, caller: Address, now: int, round_id: int, content: Result
) -> Course:
    """Post what a committed round came to."""
    _check_turn("result", plan, course, caller)
    if round_id != course.last + 1:
        _refuse("result", "not the round in progress")
    if not course.commitment:
        _refuse("result", "not committed")
    _check_window("result", plan, now)
    if content.pay_total > plan.budget:
        _refuse("result", "the total due exceeds the budget")
    record = Record(course.commitment, now, course.total, content)
    return Course(now, b"", (*course.records, record))


def rollback(
    plan: Plan, course: Course, caller: Address, now: int, round_id: int, fallen: Record
) -> Course:
    """Throw out a convicted round and every later one."""
    if caller != plan.judge or caller == NOBODY:
        _refuse("rollback", "not the judge")
    if course.finished:
        _refuse("rollback", "already finished")
    if not 0 < round_id <= course.last:
        _refuse("rollback", "no such result to roll back")
    if fallen != course.records[round_id - 1]:
        _refuse("rollback", "not the record that fell")
    if now >= fallen.time + plan.challenge_seconds:
        _refuse("rollback", "the window has closed")
    return Course(fallen.time, b"", course.records[: round_id - 1])


def finish(plan: Plan, course: Course, now: int, round_id: int, record: Record) -> Course:
    """Let the job be paid by its last result."""
    if course.finished:
        _refuse("finish", "already finished")
    if not 0 < round_id == course.last:
        _refuse("finish", "not the last result")
    if record != course.records[-1]:
        _refuse("finish", "not the record of the last result")
    if now < record.time + plan.challenge_seconds:
        _refuse("finish", "the window is open")
    early = now < course.time + plan.patience_seconds and now + CLOSING < plan.expires
    if course.last < plan.rounds and early:
        _refuse("finish", "more rounds are due")
    return replace(course, finished=True)


def _check_turn(call: str, plan: Plan, course: Course, caller: Address) -> None:
    if caller != plan.coordinator:
        _refuse(call, "not the coordinator")
    if course.finished:
        _refuse(call, "already finished")


def _check_window(call: str, plan: Plan, now: int) -> None:
    if now + plan.challenge_seconds + CLOSING > plan.expires:
        _refuse(call, "expiry too near")


def _refuse(call: str, reason: str) -> NoReturn:
    raise Reverted(f"Rounds.{call}", f"rounds: {reason}")
