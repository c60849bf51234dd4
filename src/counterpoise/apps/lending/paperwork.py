"""What the clerk does once loans are decided: reasons to the declined, statements to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoise.apps.lending.applicants import Asking
from counterpoise.apps.lending.reasons import Case, reasons_record
from counterpoise.apps.lending.rules import Status
from counterpoise.apps.lending.statements import Decided, stated_loans
from counterpoise.core.digest import sha256

if TYPE_CHECKING:
    from counterpoise.apps.lending.demo import Lending

REASONS = "reasons.cbor"
"""The file in an applicant's folder in which the reasons are delivered."""


def explain(run: Lending) -> None:
    """Give each declined applicant the reasons, and their digest to the chain."""
    run.say("declined applicants are told why", 0, 1)
    for asking, number, loan in run.loans():
        if loan.status is not Status.DECLINED:
            continue
        reasons = derived_reasons(run, asking, number)
        (asking.place / REASONS).write_bytes(reasons)
        if not any(loan.reasons):
            run.desk.explain(run.network.account("clerk"), number, sha256(reasons))


def derived_reasons(run: Lending, asking: Asking, number: int) -> bytes:
    """Derive the record of a decline's reasons from what the applicant told."""
    case = Case(run.desk.address, number, asking.salt, asking.data, run.answer(number))
    return reasons_record(run.card.net, case, run.card.reference)


def record(run: Lending) -> None:
    """State every decision in the log, and anchor it."""
    run.say("decisions are stated and the log is anchored", 0, 1)
    clerk, log = run.network.account("clerk"), run.network.log
    known = stated_loans(log.entries(), run.desk.address, clerk.address)
    stated = {statement.predicate["request"] for statement in known}
    decisions = [decided(run, asking, number) for asking, number, _ in run.loans()]
    new = [one.sign(clerk).to_bytes() for one in decisions if one.name not in stated]
    if new:
        log.append(new)
    run.network.anchor_log()
    run.network.store.flush()


def decided(run: Lending, asking: Asking, number: int) -> Decided:
    """Gather what is to be stated of a decision."""
    history = {event.name: event for event in run.desk.history(number)}
    block, declined = run.network.chain.block, "Declined" in history
    end = history["Declined"] if declined else history["Offered"]
    return Decided(
        run.desk.address,
        number,
        run.card.net.id,
        asking.commitment,
        run.desk.loan(number),
        run.answer(number),
        sha256(derived_reasons(run, asking, number)) if declined else b"",
        sha256(run.card.reference) if declined else b"",
        block(history["Applied"].block_number).time,
        block(end.block_number).time,
    )
