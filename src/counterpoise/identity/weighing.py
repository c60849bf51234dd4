"""A summary of ratings that money stands behind: each weighs what was paid for it.

A rating counts only with a receipt: a payment of that client to that agent, made before it and
used once. Money that goes round is not counted as paid, and no client weighs more than a cap.
Reading is gated, not writing: the rules hold over any deployment of the registry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from itertools import chain

from counterpoise.core.errors import InputError
from counterpoise.core.units import TOKEN, Address
from counterpoise.identity.flowback import Flows, Move
from counterpoise.identity.receipts import Paid, Receipts
from counterpoise.identity.reputation_client import ReputationClient
from counterpoise.identity.rules import Entry, cut


class Outcome(Enum):
    """What became of a rating."""

    COUNTED = "counted"
    REVOKED = "revoked"
    NO_RECEIPT = "no receipt"
    SELF_DEALT = "the money went round"


@dataclass(frozen=True, slots=True)
class Terms:
    """How ratings are weighed.

    Parameters
    ----------
    cap :
        Most that one client weighs, in base units of the token.
    hops :
        Within how many transfers money that goes round is looked for.
    """

    cap: int = 100 * TOKEN
    hops: int = 3

    def __post_init__(self) -> None:
        if self.cap < 1 or not 1 <= self.hops <= 8:
            raise InputError(
                f"a cap of {self.cap} and {self.hops} hops; at least 1 base unit and 1 to 8 wanted"
            )


@dataclass(frozen=True, slots=True)
class Weighed:
    """One rating, its receipt, and the part of that payment that did not go round."""

    entry: Entry
    outcome: Outcome
    receipt: Paid | None = None
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Customer:
    """A client with receipts: what it paid for what it rated, what went round, its weight."""

    client: Address
    paid: int
    returned: int
    weight: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Ratings weighed by what was paid.

    Parameters
    ----------
    wad :
        The mean times 10 ** 18, cut towards zero; 0 where nothing counts.
    count, weight :
        How many ratings count, and what they weigh together, in base units.
    customers :
        Clients with receipts, in order of their first rating.
    ratings :
        Every rating that bears the tags, with what became of it.
    """

    wad: int
    count: int
    weight: int
    customers: tuple[Customer, ...]
    ratings: tuple[Weighed, ...]

    @property
    def self_dealers(self) -> tuple[Customer, ...]:
        """Customers some of whose money went round."""
        return tuple(customer for customer in self.customers if customer.returned)


def summarise(
    reputation: ReputationClient,
    receipts: Iterable[Receipts],
    agent: int,
    moves: Iterable[Move],
    *,
    terms: Terms | None = None,
    tags: tuple[str, str] = ("", ""),
) -> Summary:
    """Fetch an agent's ratings and receipts and weigh them.

    Parameters
    ----------
    receipts :
        Sources of receipts; two with one name are an error.
    moves :
        The token's transfers, as `moves_of` gives them.
    """
    paid = list(chain.from_iterable(source.paid(agent) for source in receipts))
    return weigh(reputation.entries(agent), paid, moves, terms=terms, tags=tags)


def weigh(
    entries: Iterable[Entry],
    paid: Sequence[Paid],
    moves: Iterable[Move],
    *,
    terms: Terms | None = None,
    tags: tuple[str, str] = ("", ""),
) -> Summary:
    """Weigh the ratings of one agent by what was paid for them.

    Parameters
    ----------
    entries :
        Its ratings, with their places on the chain.
    paid :
        All payments to it, each under a name of its own.
    moves :
        The token's transfers; payments through escrow are added from `paid`.

    Raises
    ------
    InputError :
        Two receipts have one name.
    """
    terms = terms or Terms()
    if len({one.name for one in paid}) != len(paid):
        raise InputError("two receipts have one name", hint="give each source of receipts once")
    known = list(moves)
    seen = {(move.block, move.log_index) for move in known}
    known += [
        Move(one.block, one.log_index, one.payer, one.payee, one.amount)
        for one in paid
        if (one.block, one.log_index) not in seen
    ]
    matched = _matched(list(entries), paid)
    by_client: dict[Address, list[Paid]] = defaultdict(list)
    for one in paid:
        by_client[one.payer].append(one)
    raters = dict.fromkeys(entry.client for entry, receipt in matched if receipt)
    flows = Flows(known)
    round_trips = {client: flows.returned(by_client[client], terms.hops) for client in raters}
    ratings = _kept(matched, by_client, round_trips, tags)
    return _summary(ratings, by_client, round_trips, terms)


def _matched(entries: list[Entry], paid: Sequence[Paid]) -> list[tuple[Entry, Paid | None]]:
    """Give each rating that stands the first unused payment of its client made before it.

    With it go all others of its series that were made before the rating, as one payment.
    """
    unused: dict[Address, list[Paid]] = defaultdict(list)
    for one in sorted(paid, key=lambda one: (one.block, one.log_index)):
        unused[one.payer].append(one)
    found: list[tuple[Entry, Paid | None]] = []
    for entry in sorted(entries, key=lambda entry: (entry.block, entry.log_index)):
        waiting = unused[entry.client]
        place = (entry.block, entry.log_index)
        usable = [one for one in waiting if (one.block, one.log_index) < place]
        if entry.revoked or not usable:
            found.append((entry, None))
            continue
        series = usable[0].series
        used = [one for one in usable if series and one.series == series] or usable[:1]
        names = {one.name for one in used}
        unused[entry.client] = [one for one in waiting if one.name not in names]
        found.append((entry, replace(used[-1], amount=sum(one.amount for one in used))))
    return found


def _kept(
    matched: Sequence[tuple[Entry, Paid | None]],
    by_client: dict[Address, list[Paid]],
    round_trips: dict[Address, int],
    tags: tuple[str, str],
) -> tuple[Weighed, ...]:
    """Take what went round from each of a client's payments, in proportion, rounded up."""
    found = []
    for entry, receipt in matched:
        if not all(
            not wanted or wanted == own for wanted, own in zip(tags, entry.tags, strict=True)
        ):
            continue
        if entry.revoked or receipt is None:
            outcome = Outcome.REVOKED if entry.revoked else Outcome.NO_RECEIPT
            found.append(Weighed(entry, outcome))
            continue
        total = sum(one.amount for one in by_client[entry.client])
        kept = receipt.amount * (total - round_trips[entry.client]) // max(total, 1)
        outcome = Outcome.COUNTED if kept else Outcome.SELF_DEALT
        found.append(Weighed(entry, outcome, receipt, kept))
    return tuple(found)


def _summary(
    ratings: tuple[Weighed, ...],
    by_client: dict[Address, list[Paid]],
    round_trips: dict[Address, int],
    terms: Terms,
) -> Summary:
    """Give the mean of the clients' means, each weighing what it paid up to the cap."""
    customers: list[Customer] = []
    total = Fraction(0)
    for client, back in round_trips.items():
        mine = [one for one in ratings if one.entry.client == client and one.receipt]
        if not mine:
            continue
        kept = sum(one.kept for one in mine)
        weight = min(kept, terms.cap)
        spent = sum(one.receipt.amount for one in mine if one.receipt)
        customers.append(Customer(client, spent, back, weight))
        if kept:
            total += Fraction(weight * sum(one.kept * one.entry.wad for one in mine), kept)
    weight = sum(customer.weight for customer in customers)
    wad = cut(total.numerator, total.denominator * weight) if weight else 0
    count = sum(one.outcome is Outcome.COUNTED for one in ratings)
    return Summary(wad, count, weight, tuple(customers), ratings)
