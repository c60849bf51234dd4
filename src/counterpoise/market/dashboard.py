"""What a seller has sold, earned and still risks: from his vouchers, his gateway, log and chain.

Everything is read beside a gateway that runs: no file is locked, nothing is written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import Address
from counterpoise.identity import Paid, Summary
from counterpoise.jobs import JobsClient
from counterpoise.market.catalogue import Catalogue
from counterpoise.market.finding import Result, resolve
from counterpoise.market.traffic import Traffic
from counterpoise.payments import ChannelsClient, Kept
from counterpoise.provenance import Envelope, LogView, kind_of

LATELY = 1_000
"""Entries of the log, from its end, whose decisions are counted by model."""

OPEN_JOBS = ("OPEN", "FUNDED", "SUBMITTED")


@dataclass(frozen=True, slots=True)
class BuyerRow:
    """One buyer's channels; amounts in base units.

    Parameters
    ----------
    charged, unclaimed :
        Charged in channels that still stand, and the part that was not claimed.
    balance :
        What was deposited and not given back.
    leaving, ready :
        What is announced to be withdrawn, and the Unix time from which it can be; None for none.
    """

    payer: Address
    channels: int
    charged: int
    unclaimed: int
    balance: int
    leaving: int = 0
    ready: int | None = None


@dataclass(frozen=True, slots=True)
class Takings:
    """What was earned, in base units.

    Parameters
    ----------
    unclaimed :
        Charged by vouchers that no claim took note of yet: lost if payers withdraw before.
    claimed, settled :
        Claimed on the chain in all, and paid out of that.
    exact, jobs :
        Paid call by call, and out of escrow for finished jobs.
    """

    unclaimed: int
    claimed: int
    settled: int
    buyers: tuple[BuyerRow, ...] = ()
    exact: int = 0
    jobs: int = 0

    @property
    def earned(self) -> int:
        """All that was paid, was claimed, or can be claimed."""
        return self.unclaimed + self.claimed + self.exact + self.jobs

    @property
    def unsettled(self) -> int:
        """What was earned through channels and not paid out yet."""
        return self.unclaimed + self.claimed - self.settled


@dataclass(frozen=True, slots=True)
class ListingRow:
    """One listing of the seller's, with how often its model answered lately."""

    result: Result
    answers: int | None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in escrow that the seller works on."""

    number: int
    status: str
    budget: int
    expires: int


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the dashboard shows; a part that cannot be read is None."""

    seller: Address
    now: int
    takings: Takings
    traffic: Traffic | None = None
    decisions: int | None = None
    listings: tuple[ListingRow, ...] = ()
    reputations: Mapping[int, Summary] = field(default_factory=dict)
    jobs: tuple[JobRow, ...] = ()


def takings_of(
    seller: Address,
    token: Address,
    kept: Mapping[bytes, Kept],
    channels: ChannelsClient,
    exact: Iterable[Paid] = (),
    jobs: Iterable[Paid] = (),
) -> Takings:
    """Compare what the vouchers say with what stands on the chain.

    Parameters
    ----------
    exact, jobs :
        Payments to anyone, of which the seller's are summed.
    """
    rows: dict[Address, list[tuple[Kept, int, int, int, int | None]]] = defaultdict(list)
    for one in kept.values():
        if (one.config.receiver, one.config.token) != (seller, token):
            continue
        state = channels.channel(one.config)
        unclaimed = max(0, one.charged - state.claimed)
        ready = state.since + one.config.withdraw_delay if state.pending else None
        rows[one.config.payer].append((one, unclaimed, state.balance, state.pending, ready))
    buyers = [
        BuyerRow(
            payer,
            len(mine),
            sum(row[0].charged for row in mine),
            sum(row[1] for row in mine),
            sum(row[2] for row in mine),
            sum(row[3] for row in mine),
            min((row[4] for row in mine if row[4] is not None), default=None),
        )
        for payer, mine in rows.items()
    ]
    buyers.sort(key=lambda buyer: (-buyer.charged, buyer.payer))
    earned = channels.earned(seller, token)
    unclaimed = sum(buyer.unclaimed for buyer in buyers)
    return Takings(
        unclaimed,
        earned.claimed,
        earned.settled,
        tuple(buyers),
        sum(one.amount for one in exact if one.payee == seller),
        sum(one.amount for one in jobs if one.payee == seller),
    )


def answers_by_model(log: LogView, last: int = LATELY) -> Counter[bytes]:
    """Count the decisions at a log's end by the digest of the model that answered."""
    counts: Counter[bytes] = Counter()
    for entry in log.entries(max(0, log.size - last)):
        try:
            statement = Envelope.from_bytes(entry).statement
        except InputError:
            continue
        if kind_of(statement) == "decision":
            counts[bytes.fromhex(str(statement.predicate["model"]))] += 1
    return counts


def listings_of(
    catalogue: Catalogue, seller: Address, answers: Mapping[bytes, int] | None, now: int
) -> list[ListingRow]:
    """Give the listings of the agents that a seller owns or is paid for."""
    rows = []
    for agent in catalogue.agents():
        standing = catalogue.standing(agent)
        if standing is None or seller not in standing.keys:
            continue
        for name in catalogue.names(agent):
            try:
                result = resolve(catalogue, f"{agent}/{name}", now)
            except CounterpoiseError:
                continue
            model = result.found.listing.model
            known = answers is not None and model is not None
            rows.append(ListingRow(result, answers.get(model, 0) if known else None))  # type: ignore[union-attr, arg-type]
    return rows


def jobs_of(jobs: JobsClient, sellers: Iterable[Address]) -> list[JobRow]:
    """Give the jobs in escrow that these accounts work on and that are not over."""
    wanted = set(sellers)
    events = [*jobs.contract.events("JobCreated"), *jobs.contract.events("ProviderSet")]
    numbers = sorted({int(e.args["jobId"]) for e in events if e.args["provider"] in wanted})
    found = [(number, jobs.job(number)) for number in numbers]
    return [
        JobRow(number, job.status.name.lower(), job.budget, job.expires)
        for number, job in found
        if job.status.name in OPEN_JOBS and job.provider in wanted
    ]


def seller_in(kept: Mapping[bytes, Kept], also: Sequence[Address] = ()) -> Address:
    """Give the one receiver of all vouchers, or else the first address that is known otherwise.

    Raises
    ------
    InputError :
        Nobody is known, or the vouchers are of several sellers.
    """
    receivers = {one.config.receiver for one in kept.values()}
    if len(receivers) > 1:
        raise InputError(f"the vouchers are of {len(receivers)} sellers")
    for found in (*receivers, *also):
        return found
    raise InputError(
        "it is not known whose dashboard is meant",
        hint="give --home DIR with vouchers, --agent N, or the seller's key",
    )
