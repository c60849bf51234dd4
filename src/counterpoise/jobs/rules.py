"""The rules of the job escrow, which ``Jobs.vy`` agrees with for every input.

A job is a value; each step is a function from a job to the next, or `Reverted` with the very
reason of the contract. Tokens, hooks and the lock are the contract's own business.

References
----------
ERC-8183, Agentic Commerce (draft of 2026-02-25).
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NoReturn

from counterpoise.core.errors import Reverted
from counterpoise.core.units import Address

GRACE = 3600
"""Seconds after the expiry in which only the evaluator may end a submitted job."""
MAX_BUDGET = 2**96 - 1
MAX_EXPIRY = 2**40 - 1
NOBODY: Address = bytes(20)


class Status(IntEnum):
    """Where a job stands; the last three are final."""

    OPEN = 0
    FUNDED = 1
    SUBMITTED = 2
    COMPLETED = 3
    REJECTED = 4
    EXPIRED = 5

    @property
    def holds_escrow(self) -> bool:
        """Whether the contract holds the budget of a job in this status."""
        return self in (Status.FUNDED, Status.SUBMITTED)


@dataclass(frozen=True, slots=True)
class Job:
    """One escrowed job.

    Parameters
    ----------
    client, provider, evaluator :
        Who pays, who works (`NOBODY` while not chosen), who decides.
    hook :
        The contract called around each step, or `NOBODY`.
    budget :
        The price, in base units of the token.
    expires :
        Unix time from which the client can be refunded.
    """

    client: Address
    provider: Address
    evaluator: Address
    hook: Address
    budget: int
    expires: int
    status: Status = Status.OPEN


def _refuse(call: str, reason: str) -> NoReturn:
    raise Reverted(f"Jobs.{call}", f"jobs: {reason}")


def _check_parties(call: str, client: Address, provider: Address, evaluator: Address) -> None:
    if provider == client:
        _refuse(call, "the provider is the client")
    if provider == evaluator:
        _refuse(call, "the provider is the evaluator")


def _check_status(call: str, job: Job, wanted: Status) -> None:
    if job.status is not wanted:
        _refuse(call, "not in the status for this")


def create(
    caller: Address, now: int, *, provider: Address, evaluator: Address, expires: int, hook: Address
) -> Job:
    """Open a job; the caller is its client."""
    if evaluator == NOBODY:
        _refuse("createJob", "evaluator is zero")
    if expires <= now:
        _refuse("createJob", "expiry is not in the future")
    if expires > MAX_EXPIRY:
        _refuse("createJob", "expiry above 2**40")
    _check_parties("createJob", caller, provider, evaluator)
    return Job(caller, provider, evaluator, hook, 0, expires)


def set_provider(job: Job, caller: Address, provider: Address) -> Job:
    """Name the provider of a job that was opened without one."""
    _check_status("setProvider", job, Status.OPEN)
    if caller != job.client:
        _refuse("setProvider", "not the client")
    if job.provider != NOBODY:
        _refuse("setProvider", "provider already set")
    if provider == NOBODY:
        _refuse("setProvider", "provider is zero")
    _check_parties("setProvider", job.client, provider, job.evaluator)
    return replace(job, provider=provider)


def set_budget(job: Job, caller: Address, amount: int) -> Job:
    """Set or change the price of an open job."""
    _check_status("setBudget", job, Status.OPEN)
    if caller not in (job.client, job.provider):
        _refuse("setBudget", "not the client or the provider")
    if amount > MAX_BUDGET:
        _refuse("setBudget", "budget above 2**96")
    return replace(job, budget=amount)


def fund(job: Job, caller: Address, now: int, expected: int) -> Job:
    """Move the budget into escrow."""
    _check_status("fund", job, Status.OPEN)
    if caller != job.client:
        _refuse("fund", "not the client")
    if now >= job.expires:
        _refuse("fund", "expired")
    if job.provider == NOBODY:
        _refuse("fund", "no provider yet")
    if job.budget != expected:
        _refuse("fund", "budget is not the expected one")
    if job.budget == 0:
        _refuse("fund", "budget is zero")
    return replace(job, status=Status.FUNDED)


def submit(job: Job, caller: Address, now: int) -> Job:
    """Say that the work is done."""
    _check_status("submit", job, Status.FUNDED)
    if now >= job.expires:
        _refuse("submit", "expired")
    if caller != job.provider:
        _refuse("submit", "not the provider")
    return replace(job, status=Status.SUBMITTED)


def complete(job: Job, caller: Address) -> Job:
    """Accept submitted work; the budget goes to the provider."""
    _check_status("complete", job, Status.SUBMITTED)
    if caller != job.evaluator:
        _refuse("complete", "not the evaluator")
    return replace(job, status=Status.COMPLETED)


def reject(job: Job, caller: Address) -> Job:
    """End a job without payment; what is in escrow goes back to the client."""
    if job.status > Status.SUBMITTED:
        _refuse("reject", "already ended")
    if job.status is Status.OPEN and caller != job.client:
        _refuse("reject", "not the client")
    if job.status is not Status.OPEN and caller != job.evaluator:
        _refuse("reject", "not the evaluator")
    return replace(job, status=Status.REJECTED)


def claim_refund(job: Job, now: int) -> Job:
    """Give the escrow of an expired job back to the client; submitted work has an hour's grace."""
    if not job.status.holds_escrow:
        _refuse("claimRefund", "nothing in escrow")
    if now < job.expires + (GRACE if job.status is Status.SUBMITTED else 0):
        _refuse("claimRefund", "not yet expired")
    return replace(job, status=Status.EXPIRED)
