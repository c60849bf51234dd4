"""What becomes of the offers: one is paid back, one is not, the others lapse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoise.apps.lending.applicants import WHO
from counterpoise.apps.lending.pricing import MONTH, YEAR
from counterpoise.apps.lending.rules import Loan, Status
from counterpoise.core.units import TOKEN
from counterpoise.verification import Level

if TYPE_CHECKING:
    from counterpoise.apps.lending.demo import Lending

TAKEN_AT = Level.OPTIMISTIC
"""Offers of this level are taken; the same applicant's others lapse."""
SPARE = 1_000 * TOKEN


def live(run: Lending) -> None:
    """Go through the loans' lives; what is done is read from the chain."""
    run.say("loans are taken, paid back or not", 0, 1)
    taken = [
        (asking.applicant.name, number)
        for asking, number, loan in run.loans()
        if asking.level == TAKEN_AT and loan.status is not Status.DECLINED
    ]
    for name, number in taken:
        if run.desk.loan(number).status is Status.OFFERED:
            run.desk.accept(run.network.account(name), number)
    for name, number in taken:
        loan = run.desk.loan(number)
        if loan.status is Status.LENT and WHO[name] == "safe":
            pay_back(run, name, number, loan)
    lender, clerk = run.network.account("lender"), run.network.account("clerk")
    for _, number in taken:
        loan = run.desk.loan(number)
        if loan.status is Status.LENT:
            run.network.warp(max(0, loan.until + 1 - run.now))
            run.desk.write_off(lender, number)
    for _, number, loan in run.loans():
        if loan.status is Status.OFFERED:
            run.network.warp(max(0, loan.until + 1 - run.now))
            run.desk.lapse(clerk, number)


def pay_back(run: Lending, name: str, number: int, loan: Loan) -> None:
    """Pay half of the principal after half a year, and all the rest after a year."""
    begun = loan.until - loan.months * MONTH
    for turn, (seconds, amount) in enumerate(
        ((YEAR // 2, loan.principal // 2), (YEAR, 2 * loan.principal))
    ):
        if sum(event.name == "Repaid" for event in run.desk.history(number)) > turn:
            continue
        run.network.warp(max(0, begun + seconds - run.now))
        run.fund(name, run.desk.owed(number) + SPARE)
        run.allow(name, 2 * loan.principal)
        run.desk.repay(run.network.account(name), number, amount)
