"""Value that goes out, contracts that are told, and the end of the contract."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Call, Entry, Event
from counterpoise.audit.vyper.found import LIKELY, MAYBE, SURE, Found, at
from counterpoise.audit.vyper.rules.moves import (
    amount_of,
    is_lowered,
    is_open_by_design,
    is_proven,
    receiver_of,
)
from counterpoise.audit.vyper.trust import Contract, chosen
from counterpoise.audit.vyper.values import Value

__all__ = ["payouts"]

STANDARD = ("transfer", "transferFrom", "approve", "permit", "balanceOf")
"""Methods that other rules look at."""


def payouts(contract: Contract) -> Iterator[Found]:
    """Every rule about calls that need a guard."""
    for entry in contract.changing:
        for event, call in entry.calls:
            if not contract.is_guarded(entry, event):
                yield from _payout(entry, event, call)
                yield from _ordered(entry, event, call)
        yield from _destruction(contract, entry)


def _payout(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    if call.method == "transferFrom" and len(call.args) == 3:
        yield from _pulled(entry, event, call)
        return
    receiver = receiver_of(call)
    if receiver is None or not (chosen(receiver) or receiver.has_env("msg.sender")):
        return
    lowered = [
        write
        for write, new in entry.writes
        if is_lowered(write.value, new)
        and any(_shares(key, receiver) or key.has_env("msg.sender") for key in write.value.args)
    ]
    amount = amount_of(call)
    owed = (
        amount is not None
        and not chosen(amount)
        and any(
            leaf.op == "load" and any(_shares(key, receiver) for key in leaf.args)
            for leaf in amount.leaves
        )
        and any(write.variable in {x.tag for x in amount.leaves} for write, _ in entry.writes)
    )
    if lowered or owed or is_proven(entry, event, [receiver]) or _is_through(entry, call):
        return
    sure = bool(chosen(receiver)) and amount is not None
    yield at(
        "unprotected-transfer",
        entry,
        event,
        "value goes to an address of the caller's choice, with no check and no debit",
        LIKELY if sure else MAYBE,
    )


def _is_through(entry: Entry, call: Call) -> bool:
    """Whether only what came in with this very call goes out again."""
    amount = amount_of(call)
    if amount is None:
        return False
    if amount.leaves and all(leaf.is_env("msg.value") for leaf in amount.leaves):
        return True
    pulled = [other for _, other in entry.calls if other.method == "transferFrom"]
    return any(
        len(other.args) == 3 and other.args[0].has_env("msg.sender") and other.args[2] is amount
        for other in pulled
    )


def _shares(one: Value, other: Value) -> bool:
    return bool(chosen(one) & chosen(other)) or (
        one.has_env("msg.sender") and other.has_env("msg.sender")
    )


def _pulled(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    """Tokens of an account that the caller names are taken by this contract's allowance."""
    owner = call.args[0]
    if not chosen(owner) or owner.has_env("msg.sender") or is_proven(entry, event, [owner]):
        return
    yield at(
        "unprotected-transfer",
        entry,
        event,
        "takes tokens of whomever the caller names, who approved this contract for something else",
        LIKELY,
    )


def _ordered(entry: Entry, event: Event, call: Call) -> Iterator[Found]:
    """Another contract, which listens to this one, is told whom and how much by anyone."""
    if call.kind != "extcall" or chosen(call.target) or call.method in STANDARD:
        return
    if any(arg.has_env("msg.sender") for arg in call.args):
        return
    accounts = [arg for arg in call.args if chosen(arg) and arg.kind == "address"]
    amounts = [arg for arg in call.args if chosen(arg) and arg.kind.startswith("uint")]
    if not accounts or not amounts or is_open_by_design(entry, event):
        return
    if is_proven(entry, event, accounts):
        return
    yield at(
        "unprotected-call",
        entry,
        event,
        f"anyone has {call.method} called with an account and an amount of its choice",
        MAYBE,
    )


def _destruction(contract: Contract, entry: Entry) -> Iterator[Found]:
    for event, call in entry.calls:
        if call.kind == "selfdestruct":
            guarded = contract.is_guarded(entry, event)
            who = "a trusted account" if guarded else "anyone"
            yield at(
                "selfdestruct",
                entry,
                event,
                f"{who} can destroy the contract and take its ether",
                SURE,
                severity=Severity.MEDIUM if guarded else None,
            )
