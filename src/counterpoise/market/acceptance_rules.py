"""The rules of acceptance, which ``Acceptance.vy`` agrees with for every input.

A case is a value; each step is a function from a case to the next, or `Reverted` with the very
reason of the contract. The escrow and the tokens are the contract's own business.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from enum import IntEnum
from typing import NoReturn

from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted
from counterpoise.core.units import PPM, Address
from counterpoise.verification import Status

ACCEPT_WORK = b"ACCEPT_WORK".ljust(32, b"\0")
BOND_PPM = 100_000
"""Share of the budget that the bond is, where the client names no terms."""
LEAST_SECONDS, MOST_SECONDS = 600, 2**32 - 1
"""Bounds of each window."""


class Stage(IntEnum):
    """Where a case stands; who is to move next."""

    NONE = 0
    AGREED = 1
    DELIVERED = 2
    OBJECTED = 3
    DEFENDED = 4
    CONCLUDED = 5


class Outcome(IntEnum):
    """What ended a case."""

    ACCEPTED = 1
    SILENCE = 2
    CONCEDED = 3
    NOTHING_DELIVERED = 4
    UNDEFENDED = 5
    RULED = 6
    NO_RULING = 7


@dataclass(frozen=True, slots=True)
class AcceptanceTerms:
    """What a client and a provider agree on, should they disagree.

    Parameters
    ----------
    arbiter :
        An evaluator contract, such as ``Quorum``.
    bond :
        What an objection costs, and a defence; base units. The loser's pays.
    window, defence, arbitration :
        Seconds in which the client may object, the provider defend, an answer be proposed.
    patience :
        Seconds after that until a case ends without a ruling.
    """

    arbiter: Address
    bond: int
    window: int
    defence: int
    arbitration: int
    patience: int

    @property
    def seconds(self) -> int:
        """All windows together: how long before its expiry a job must be delivered."""
        return self.window + self.defence + self.arbitration + self.patience

    def params(self) -> bytes:
        """Give what ``fund`` brings to the contract: the ABI's encoding of the terms."""
        words = (int.from_bytes(self.arbiter, "big"), *astuple(self)[1:])
        return b"".join(word.to_bytes(32, "big") for word in words)


@dataclass(frozen=True, slots=True)
class Case:
    """One job's acceptance.

    Parameters
    ----------
    since :
        When the stage was reached, Unix seconds.
    latest :
        The last second in which work is taken.
    deliverable :
        Digest of the work; zeros before there is any.
    """

    terms: AcceptanceTerms
    stage: Stage
    since: int
    latest: int
    deliverable: bytes = bytes(32)

    @property
    def ends(self) -> int | None:
        """From when anyone may conclude without an arbiter's word; None where all is over."""
        match self.stage:
            case Stage.AGREED:
                return self.latest + 1
            case Stage.DELIVERED:
                return self.since + self.terms.window
            case Stage.OBJECTED:
                return self.since + self.terms.defence
            case Stage.DEFENDED:
                return self.deadline + self.terms.patience + 1
        return None

    @property
    def deadline(self) -> int:
        """The last second in which an answer may be proposed to the arbiter of a defence."""
        return self.since + self.terms.arbitration


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an arbiter says: its status, its answer, and who did the work."""

    status: Status = Status.NONE
    answer: bytes = b""
    providers: tuple[Address, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether it finds that the work is what was agreed."""
        return len(self.answer) >= 2 and self.answer[-2:] != bytes(2)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a case ends: what ended it, and whether the work is to be paid."""

    outcome: Outcome
    is_paid: bool


def _refuse(call: str, reason: str) -> NoReturn:
    raise Reverted(f"Acceptance.{call}", f"acceptance: {reason}")


def usual(terms: AcceptanceTerms, budget: int) -> AcceptanceTerms:
    """Give what holds for a job whose client brings no terms."""
    return replace(terms, bond=max(terms.bond, budget * BOND_PPM // PPM))


def agree(terms: AcceptanceTerms, least: int, budget: int, now: int, expires: int) -> Case:
    """Fix the terms of a job as it is funded."""
    if terms.bond > max(budget, least):
        _refuse("fund", "bond above the budget")
    if terms.bond < least:
        _refuse("fund", "bond below the least")
    spans = (terms.window, terms.defence, terms.arbitration, terms.patience)
    if not all(LEAST_SECONDS <= span <= MOST_SECONDS for span in spans):
        _refuse("fund", "window out of range")
    if now + terms.seconds >= expires:
        _refuse("fund", "the job expires too soon")
    return Case(terms, Stage.AGREED, now, expires - terms.seconds)


def deliver(case: Case, now: int, deliverable: bytes) -> Case:
    """Take note of what the provider submits."""
    if now > case.latest:
        _refuse("submit", "too late to be judged before the expiry")
    return replace(case, stage=Stage.DELIVERED, since=now, deliverable=deliverable)


def accept(case: Case, is_client: bool) -> Ending:
    """End a case by the client's word."""
    if case.stage not in (Stage.DELIVERED, Stage.OBJECTED):
        _refuse("accept", "nothing to accept")
    if not is_client:
        _refuse("accept", "not the client to accept")
    return Ending(Outcome.ACCEPTED, True)


def concede(case: Case, is_provider: bool) -> Ending:
    """End a case by the provider's word."""
    if case.stage not in (Stage.AGREED, Stage.DELIVERED, Stage.OBJECTED):
        _refuse("concede", "nothing to concede")
    if not is_provider:
        _refuse("concede", "not the provider to concede")
    return Ending(Outcome.CONCEDED, False)


def object_to(case: Case, is_client: bool, now: int) -> Case:
    """Say that the work is not what was agreed; costs a bond."""
    if case.stage is not Stage.DELIVERED:
        _refuse("object", "nothing to object to")
    if not is_client:
        _refuse("object", "not the client to object")
    if now >= case.since + case.terms.window:
        _refuse("object", "the window is over")
    return replace(case, stage=Stage.OBJECTED, since=now)


def defend(case: Case, is_provider: bool, now: int) -> Case:
    """Say that it is; costs a bond as high."""
    if case.stage is not Stage.OBJECTED:
        _refuse("defend", "nothing to defend")
    if not is_provider:
        _refuse("defend", "not the provider to defend")
    if now >= case.since + case.terms.defence:
        _refuse("defend", "the time to defend is over")
    return replace(case, stage=Stage.DEFENDED, since=now)


def conclude(case: Case, now: int, ruling: Ruling) -> Ending:
    """End a case whose time has come, or that the arbiter has decided."""
    waiting = {
        Stage.AGREED: ("work may still be submitted", Outcome.NOTHING_DELIVERED),
        Stage.DELIVERED: ("the client may still object", Outcome.SILENCE),
        Stage.OBJECTED: ("the provider may still defend", Outcome.UNDEFENDED),
    }
    if case.stage in waiting:
        reason, outcome = waiting[case.stage]
        if case.ends is None or now < case.ends:
            _refuse("conclude", reason)
        return Ending(outcome, outcome is Outcome.SILENCE)
    if case.stage is not Stage.DEFENDED:
        _refuse("conclude", "nothing to conclude")
    silent = ruling.status is Status.NONE and now > case.deadline
    if now > case.deadline + case.terms.patience or silent or ruling.status is Status.FAILED:
        return Ending(Outcome.NO_RULING, False)
    if ruling.status is not Status.FINAL:
        _refuse("conclude", "the arbiter has not ruled")
    return Ending(Outcome.RULED, ruling.is_good)


def question_input(
    escrow: Address, job: int, client: Address, provider: Address, deliverable: bytes
) -> bytes:
    """Give the input of the question that a defended case is: it names parties and work."""
    words = [escrow.rjust(32, b"\0"), job.to_bytes(32, "big")]
    words += [party.rjust(32, b"\0") for party in (client, provider)]
    return keccak(b"".join(words) + deliverable)
