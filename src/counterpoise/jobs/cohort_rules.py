"""The rules of stakes and cumulative claims, which ``Cohort.vy`` agrees with for every input.

A cohort is a value; each step gives the next one, or `Reverted` with the contract's own reason.
Times, callers and the status of the escrowed job come in as arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NoReturn

from counterpoise.core.claims_tree import claim_leaf, root_of_claim
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, Reverted
from counterpoise.core.units import Address
from counterpoise.jobs.rules import Job, Status

MAX_AMOUNT = 2**96 - 1
"""The largest amount of one stake, one due or one pot, in base units."""


class Stage(IntEnum):
    """Where a cohort stands."""

    GATHERING = 1
    DELIVERED = 2
    PAID = 3


@dataclass(frozen=True, slots=True)
class Member:
    """An account that joined: what it has at stake and what it has drawn, in base units."""

    stake: int
    drawn: int = 0


@dataclass(frozen=True, slots=True)
class Cohort:
    """The members of one job and what is owed to them.

    Parameters
    ----------
    rounds :
        The evaluator of the job: it alone delivers and slashes.
    stake :
        What each member puts up when it joins.
    expires :
        The expiry of the job, Unix time.
    owed :
        What members may still draw.
    spare :
        What goes back to the sponsor.
    """

    rounds: Address
    stake: int
    expires: int
    stage: Stage = Stage.GATHERING
    round_id: int = 0
    root: bytes = bytes(32)
    owed: int = 0
    spare: int = 0
    members: Mapping[Address, Member] = field(default_factory=dict)

    @property
    def held(self) -> int:
        """What the contract must hold for this job: stakes, the spare, and dues once paid."""
        stakes = sum(member.stake for member in self.members.values())
        return stakes + self.spare + (self.owed if self.stage is Stage.PAID else 0)


def leaf(
    chain_id: int, cohort: Address, job: int, round_id: int, account: Address, due: int
) -> bytes:
    """Give the leaf of one claim: keccak, twice, of its six ABI words.

    Parameters
    ----------
    round_id :
        The last round that is counted.
    due :
        The account's total over all rounds, in base units.
    """
    return claim_leaf(_words(chain_id, cohort, job, round_id, account, due))


def join_nonce(chain_id: int, cohort: Address, job: int, dataset: bytes, salt: bytes) -> bytes:
    """Give the EIP-3009 nonce that binds an authorization to one job and one dataset."""
    return keccak(_words(chain_id, cohort, job, dataset, salt))


def _words(*values: int | bytes) -> bytes:
    words = [v.to_bytes(32, "big") if isinstance(v, int) else v.rjust(32, b"\0") for v in values]
    if any(len(word) != 32 for word in words):
        raise InputError("a field of a leaf is longer than 32 bytes")
    return b"".join(words)


def _refuse(call: str, reason: str) -> NoReturn:
    raise Reverted(f"Cohort.{call}", f"cohort: {reason}")


def open_cohort(
    job: Job, this: Address, caller: Address, now: int, *, stake: int, rounds: Address
) -> Cohort:
    """Let members join a funded job."""
    if caller != job.client:
        _refuse("open", "not the sponsor")
    if job.provider != this:
        _refuse("open", "not the provider of the job")
    if job.evaluator != rounds:
        _refuse("open", "not the evaluator of the job")
    if job.status is not Status.FUNDED:
        _refuse("open", "the job is not funded")
    if now >= job.expires:
        _refuse("open", "the job has expired")
    if stake > MAX_AMOUNT:
        _refuse("open", "stake above 2**96")
    return Cohort(rounds, stake, job.expires)


def join(cohort: Cohort, account: Address, now: int) -> Cohort:
    """Add a member with the stake of the cohort."""
    if cohort.stage is not Stage.GATHERING:
        _refuse("join", "too late to join")
    if now >= cohort.expires:
        _refuse("join", "joined after the expiry")
    if account in cohort.members:
        _refuse("join", "already joined")
    return replace(cohort, members={**cohort.members, account: Member(cohort.stake)})


def slash(cohort: Cohort, caller: Address, account: Address, amount: int, now: int) -> Cohort:
    """Take from a stake for a proven fault; it goes to the spare."""
    if caller != cohort.rounds:
        _refuse("slash", "not the rounds contract")
    if cohort.stage is not Stage.GATHERING:
        _refuse("slash", "too late to slash")
    if now >= cohort.expires:
        _refuse("slash", "slashed after the expiry")
    member = cohort.members.get(account, Member(0))
    if amount > member.stake:
        _refuse("slash", "more than the stake")
    if amount == 0:
        _refuse("slash", "nothing to slash")
    members = {**cohort.members, account: replace(member, stake=member.stake - amount)}
    return replace(cohort, members=members, spare=cohort.spare + amount)


def deliver(
    cohort: Cohort, job: Job, caller: Address, *, round_id: int, root: bytes, total: int
) -> Cohort:
    """Fix what is due; `total` is the sum of the leaves under `root`."""
    if caller != cohort.rounds:
        _refuse("deliver", "not the rounds contract")
    if cohort.stage is not Stage.GATHERING:
        _refuse("deliver", "already delivered")
    if total > job.budget:
        _refuse("deliver", "more than the budget")
    return replace(cohort, stage=Stage.DELIVERED, round_id=round_id, root=root, owed=total)


def settle(cohort: Cohort, job: Job) -> Cohort:
    """Open the claims once the escrow was paid."""
    if cohort.stage is not Stage.DELIVERED:
        _refuse("settle", "nothing to settle")
    if job.status is not Status.COMPLETED:
        _refuse("settle", "the job is not paid")
    spare = cohort.spare + job.budget - cohort.owed
    return replace(cohort, stage=Stage.PAID, spare=spare)


def claim(
    cohort: Cohort, account: Address, due: int, claimed_leaf: bytes, proof: Sequence[bytes]
) -> tuple[Cohort, int]:
    """Pay a member what it has not drawn of its due; gives the amount too."""
    if cohort.stage is not Stage.PAID:
        _refuse("claim", "nothing to claim yet")
    if root_of_claim(claimed_leaf, proof) != cohort.root:
        _refuse("claim", "not in the root")
    if account not in cohort.members:
        _refuse("claim", "claim by no member")
    member = cohort.members[account]
    amount = due - member.drawn
    if amount <= 0:
        _refuse("claim", "nothing due")
    if amount > cohort.owed:
        _refuse("claim", "more than is owed")
    members = {**cohort.members, account: replace(member, drawn=due)}
    return replace(cohort, members=members, owed=cohort.owed - amount), amount


def is_over(cohort: Cohort, job: Job, now: int) -> bool:
    """Tell whether stakes and the spare are free to go back."""
    return cohort.stage is Stage.PAID or now >= cohort.expires or job.status > Status.COMPLETED


def withdraw(cohort: Cohort, job: Job, account: Address, now: int) -> tuple[Cohort, int]:
    """Give a stake back; gives the amount too."""
    if not is_over(cohort, job, now):
        _refuse("withdraw", "the job is not over")
    member = cohort.members.get(account, Member(0))
    if member.stake == 0:
        _refuse("withdraw", "no stake")
    members = {**cohort.members, account: replace(member, stake=0)}
    return replace(cohort, members=members), member.stake


def refund(cohort: Cohort, job: Job, now: int) -> tuple[Cohort, int]:
    """Give the sponsor the spare; gives the amount too."""
    if not is_over(cohort, job, now):
        _refuse("refund", "the job is not over")
    if cohort.spare == 0:
        _refuse("refund", "nothing left over")
    return replace(cohort, spare=0), cohort.spare
