"""The life of a loan, which ``LoanDesk.vy`` agrees with for every input.

A desk is a value; each step gives the next desk, or `Reverted` with the contract's own reason.
The oracle, tokens, signatures and the lock are the contract's own business: what they say comes
in as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NoReturn

from counterpoise.apps.lending.pricing import MONTH, Policy, grown_interest, price
from counterpoise.core.errors import Reverted
from counterpoise.core.units import Address

LEVELS = 4
MOST_INTEREST = 2**96 - 1


class Status(IntEnum):
    """Where a loan stands."""

    NONE = 0
    ASKED = 1
    OFFERED = 2
    DECLINED = 3
    LENT = 4
    REPAID = 5
    DEFAULTED = 6
    LAPSED = 7
    UNANSWERED = 8


@dataclass(frozen=True, slots=True)
class Loan:
    """One application and what became of it; `ILoanDesk.Loan` says what each number is."""

    borrower: Address
    status: Status
    level: int
    months: int
    risk: int
    yearly_bps: int
    principal: int
    until: int = 0
    outstanding: int = 0
    interest: int = 0
    since: int = 0
    reasons: bytes = bytes(32)

    def interest_at(self, now: int) -> int:
        """Give the interest due: as kept, and what grew since while the loan runs."""
        if self.status is not Status.LENT:
            return self.interest
        grown = grown_interest(self.outstanding, self.yearly_bps, now - self.since)
        return min(self.interest + grown, MOST_INTEREST)

    def owed_at(self, now: int) -> int:
        """Give what pays the loan back in full."""
        return self.outstanding + self.interest_at(now)


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk's money and its loans.

    Parameters
    ----------
    free, held, lent :
        Base units that can be lent or taken out; that are kept for applications and offers; that
        are owed and not written off.
    used :
        Input commitments that were applied with.
    """

    policy: Policy
    lender: Address
    clerk: Address
    free: int = 0
    held: int = 0
    lent: int = 0
    loans: Mapping[int, Loan] = field(default_factory=dict)
    used: frozenset[bytes] = frozenset()

    def with_loan(
        self, number: int, loan: Loan, *, free: int = 0, held: int = 0, lent: int = 0
    ) -> Desk:
        """Give the desk with a changed loan and moved money."""
        return replace(
            self,
            loans={**self.loans, number: loan},
            free=self.free + free,
            held=self.held + held,
            lent=self.lent + lent,
        )


def refuse(call: str, reason: str) -> NoReturn:
    """Refuse a call for the contract's own reason."""
    raise Reverted(f"LoanDesk.{call}", f"desk: {reason}")


def loan_in(desk: Desk, call: str, number: int, status: Status) -> Loan:
    """Give a loan that is in the status for a call."""
    loan = desk.loans.get(number)
    if loan is None or loan.status is not status:
        refuse(call, "not in the status for this")
    return loan


def deposit(desk: Desk, caller: Address, amount: int) -> Desk:
    """Put money in to be lent."""
    if caller != desk.lender:
        refuse("deposit", "not the lender who deposits")
    return replace(desk, free=desk.free + amount)


def withdraw(desk: Desk, caller: Address, amount: int) -> Desk:
    """Take free money out."""
    if caller != desk.lender:
        refuse("withdraw", "not the lender who withdraws")
    if amount > desk.free:
        refuse("withdraw", "not so much is free to take")
    return replace(desk, free=desk.free - amount)


def apply(
    desk: Desk,
    caller: Address,
    now: int,
    *,
    number: int,
    commitment: bytes,
    amount: int,
    months: int,
    level: int,
    expires: int,
    is_attested: bool,
) -> Desk:
    """Ask for a loan; its amount is kept from now on.

    Parameters
    ----------
    number :
        The number that the oracle gives the request.
    is_attested :
        Whether the attester signed exactly this application of the caller.
    """
    policy, call = desk.policy, "apply"
    if not policy.min_amount <= amount <= policy.max_amount:
        refuse(call, "amount out of bounds")
    if not 0 < months <= policy.max_months:
        refuse(call, "term out of bounds")
    if desk.held + desk.lent + amount > policy.max_exposure:
        refuse(call, "exposure exhausted")
    if amount > desk.free:
        refuse(call, "not so much is free to lend")
    if level >= LEVELS:
        refuse(call, "no such level")
    if now > expires:
        refuse(call, "the attestation expired")
    if commitment in desk.used:
        refuse(call, "the input was used before")
    if not is_attested:
        refuse(call, "not attested")
    loan = Loan(caller, Status.ASKED, level, months, 0, 0, amount)
    asked = desk.with_loan(number, loan, free=-amount, held=amount)
    return replace(asked, used=desk.used | {commitment})


def answer(desk: Desk, number: int, words: bytes, now: int) -> Desk:
    """Price or decline an application; as the oracle delivers it, or as `settle` fetches it."""
    loan = loan_in(desk, "on_answer", number, Status.ASKED)
    terms = price(words, desk.policy)
    if not terms.is_offer:
        declined = replace(loan, status=Status.DECLINED, risk=terms.risk)
        return desk.with_loan(number, declined, held=-loan.principal, free=loan.principal)
    until = now + desk.policy.offer_seconds
    offered = replace(
        loan, status=Status.OFFERED, risk=terms.risk, yearly_bps=terms.yearly_bps, until=until
    )
    return desk.with_loan(number, offered)


def unanswered(desk: Desk, number: int) -> Desk:
    """End an application that the oracle refunded."""
    loan = loan_in(desk, "settle", number, Status.ASKED)
    ended = replace(loan, status=Status.UNANSWERED)
    return desk.with_loan(number, ended, held=-loan.principal, free=loan.principal)


def explain(desk: Desk, caller: Address, number: int, reasons: bytes) -> Desk:
    """Publish the digest of the reasons of a decline."""
    if caller != desk.clerk:
        refuse("explain", "not the clerk")
    loan = loan_in(desk, "explain", number, Status.DECLINED)
    if any(loan.reasons):
        refuse("explain", "already explained")
    if not any(reasons):
        refuse("explain", "no reasons")
    return desk.with_loan(number, replace(loan, reasons=reasons))


def accept(desk: Desk, caller: Address, number: int, now: int) -> Desk:
    """Take an offer; the principal goes to the borrower."""
    loan = loan_in(desk, "accept", number, Status.OFFERED)
    if caller != loan.borrower:
        refuse("accept", "not the borrower")
    if now > loan.until:
        refuse("accept", "the offer is over")
    amount, until = loan.principal, now + loan.months * MONTH
    lent = replace(loan, status=Status.LENT, until=until, outstanding=amount, since=now)
    return desk.with_loan(number, lent, held=-amount, lent=amount)


def lapse(desk: Desk, number: int, now: int) -> Desk:
    """Free the money kept for an offer whose window is over."""
    loan = loan_in(desk, "lapse", number, Status.OFFERED)
    if now <= loan.until:
        refuse("lapse", "the offer stands")
    ended = replace(loan, status=Status.LAPSED)
    return desk.with_loan(number, ended, held=-loan.principal, free=loan.principal)


def repay(desk: Desk, number: int, amount: int, now: int) -> tuple[Desk, int]:
    """Pay interest first, then principal; gives the desk and what was taken."""
    loan = desk.loans.get(number)
    if loan is None or loan.status not in (Status.LENT, Status.DEFAULTED):
        refuse("repay", "nothing is owed")
    if amount == 0:
        refuse("repay", "a payment of nothing")
    interest = loan.interest_at(now)
    to_interest = min(amount, interest)
    to_principal = min(amount - to_interest, loan.outstanding)
    left, taken = loan.outstanding - to_principal, to_interest + to_principal
    paid = replace(
        loan,
        status=loan.status if left else Status.REPAID,
        outstanding=left,
        interest=interest - to_interest,
        since=now,
    )
    off = to_principal if loan.status is Status.LENT else 0
    return desk.with_loan(number, paid, free=taken, lent=-off), taken


def write_off(desk: Desk, caller: Address, number: int, now: int) -> Desk:
    """Declare a late loan in default: its interest stops, what is paid later is welcome."""
    if caller != desk.lender:
        refuse("write_off", "not the lender who writes off")
    loan = loan_in(desk, "write_off", number, Status.LENT)
    if now <= loan.until:
        refuse("write_off", "the term is not over")
    lost = replace(loan, status=Status.DEFAULTED, interest=loan.interest_at(now), since=now)
    return desk.with_loan(number, lost, lent=-loan.outstanding)
