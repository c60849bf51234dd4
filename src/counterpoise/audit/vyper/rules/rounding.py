"""Divisions whose remainder the caller keeps."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.vyper.events import Entry, Event
from counterpoise.audit.vyper.found import LIKELY, Found, at
from counterpoise.audit.vyper.rules.moves import amount_of, terms_of
from counterpoise.audit.vyper.trust import Contract, atoms, chosen, order_of
from counterpoise.audit.vyper.values import Value, strip

__all__ = ["is_rounded_up", "rounding"]


def rounding(contract: Contract) -> Iterator[Found]:
    """What is taken from a caller rounded down, where it chooses exactly what it gets."""
    for entry in contract.changing:
        paid = [one for one in (amount_of(call) for _, call in entry.calls) if one is not None]
        for event, new in entry.writes:
            if not any(key.has_env("msg.sender") for key in event.value.args):
                continue
            for term, sign in terms_of(new):
                if not sign and _is_short(entry, event, term, paid):
                    yield at(
                        "rounding",
                        entry,
                        event,
                        f"what is taken from {event.variable} is rounded down, what is paid for it "
                        "is not: a small amount costs nothing",
                        LIKELY,
                    )


def _is_short(entry: Entry, event: Event, term: Value, paid: list[Value]) -> bool:
    """Whether a debit loses a remainder that the payment keeps, and may come to nothing."""
    if term.op != "bin" or term.tag != "FloorDiv" or is_rounded_up(term):
        return False
    if not any(strip(amount) in term.leaves and chosen(amount) for amount in paid):
        return False
    known = [order_of(*fact) for fact in atoms(entry.known(event))]
    return not any(pair is not None and strip(pair[1]) is term for pair in known)


def is_rounded_up(value: Value) -> bool:
    """``(x + d - 1) // d``: how many parts there are, not a share of something."""
    top, divisor = strip(value.args[0]), value.args[1]
    terms = list(terms_of(top))
    if divisor.number is not None:
        return top.tag == "Add" and any(one.number == divisor.number - 1 for one, _ in terms)
    bare = strip(divisor)
    return any(one is bare and sign for one, sign in terms) and any(
        one.number == 1 and not sign for one, sign in terms
    )
