"""Rebuilds a desk from its events by the rules alone: every amount, every status, every date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from counterpoise.apps.lending import rules
from counterpoise.apps.lending.desk import DeskClient
from counterpoise.apps.lending.rules import Desk
from counterpoise.chain import Event

Answers = Callable[[int], bytes]
"""Gives the oracle's answer about a loan."""


def rebuild(desk: DeskClient, answers: Answers) -> Desk:
    """Run every event of a desk through the rules.

    Attestations are the contract's own business: an application that the chain took was attested.

    Raises
    ------
    Reverted :
        An event is of a step that the rules refuse.
    """
    people = (desk.contract.call(name) for name in ("lender", "clerk"))
    state = Desk(desk.policy(), *people)
    times: dict[int, int] = {}
    for event in desk.contract.events():
        if event.block_number not in times:
            times[event.block_number] = desk.contract.chain.block(event.block_number).time
        state = STEPS[event.name](state, event, times[event.block_number], answers)
    return state


def _applied(state: Desk, event: Event, now: int, answers: Answers) -> Desk:
    args = event.args
    return rules.apply(
        state,
        args["borrower"],
        now,
        number=args["id"],
        commitment=args["input"],
        amount=args["amount"],
        months=args["months"],
        level=args["level"],
        expires=now,
        is_attested=True,
    )


def _answered(state: Desk, event: Event, now: int, answers: Answers) -> Desk:
    return rules.answer(state, event.args["id"], answers(event.args["id"]), now)


def _repaid(state: Desk, event: Event, now: int, answers: Answers) -> Desk:
    amount = event.args["interest"] + event.args["principal"]
    return rules.repay(state, event.args["id"], amount, now)[0]


def _explained(state: Desk, event: Event, now: int, answers: Answers) -> Desk:
    return rules.explain(state, state.clerk, event.args["id"], event.args["reasons"])


def _accepted(state: Desk, event: Event, now: int, answers: Answers) -> Desk:
    number = event.args["id"]
    return rules.accept(state, state.loans[number].borrower, number, now)


Step = Callable[[Desk, Event, int, Answers], Desk]
STEPS: Mapping[str, Step] = {
    "Deposited": lambda s, e, now, a: rules.deposit(s, s.lender, e.args["amount"]),
    "Withdrawn": lambda s, e, now, a: rules.withdraw(s, s.lender, e.args["amount"]),
    "Applied": _applied,
    "Offered": _answered,
    "Declined": _answered,
    "Explained": _explained,
    "Unanswered": lambda s, e, now, a: rules.unanswered(s, e.args["id"]),
    "Accepted": _accepted,
    "Lapsed": lambda s, e, now, a: rules.lapse(s, e.args["id"], now),
    "Repaid": _repaid,
    "Defaulted": lambda s, e, now, a: rules.write_off(s, s.lender, e.args["id"], now),
}


def differences(found: Desk, wanted: Desk) -> list[tuple[str, Any, Any]]:
    """Compare what the chain holds of a desk with what the rules give, number by number."""
    listed: list[tuple[str, Any, Any]] = [
        (name, getattr(found, name), getattr(wanted, name)) for name in ("free", "held", "lent")
    ]
    for number, loan in wanted.loans.items():
        own = found.loans[number]
        listed += [
            (f"loan {number} / {name}", getattr(own, name), getattr(loan, name))
            for name in ("status", "outstanding", "interest", "until", "risk", "yearly_bps")
        ]
    return listed


def on_chain(desk: DeskClient, wanted: Desk) -> Desk:
    """Fetch a desk's money and the loans of another view of it."""
    free, held, lent = desk.money()
    loans = {number: desk.loan(number) for number in wanted.loans}
    return replace(wanted, free=free, held=held, lent=lent, loans=loans)
