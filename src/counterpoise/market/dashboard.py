"""What a seller has sold, earned and still risks: from his vouchers, his gateway, log and chain.

Everything is read beside a gateway that runs: no file is locked, nothing is written.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import Address
from counterpoise.identity import Summary
from counterpoise.jobs import JobsClient
from counterpoise.market.catalogue import Catalogue
from counterpoise.market.finding import Result, resolve
from counterpoise.payments import ChannelsClient, Kept
from counterpoise.provenance import Envelope, LogView, kind_of

PREFIX = "counterpoise_gateway_"
LATELY = 1_000
"""Entries of the log, from its end, whose decisions are counted by model."""
_SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (-?[0-9.e+]+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')

Labels = tuple[tuple[str, str], ...]
PAGES = ("/metrics", "/health", "/.well-known", "/evidence", "/log", "/openapi")
"""Routes of the gateway's own pages, whose readers are no customers."""

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
    """What was earned through channels, in base units.

    Parameters
    ----------
    unclaimed :
        Charged by vouchers that no claim took note of yet: lost if payers withdraw before.
    claimed, settled :
        Claimed on the chain in all, and paid out of that.
    """

    unclaimed: int
    claimed: int
    settled: int
    buyers: tuple[BuyerRow, ...] = ()

    @property
    def earned(self) -> int:
        """All that was charged and can be or was claimed."""
        return self.unclaimed + self.claimed

    @property
    def unsettled(self) -> int:
        """What was earned and not paid out yet."""
        return self.earned - self.settled


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a gateway counted since it was started.

    Parameters
    ----------
    statuses :
        Answers by status of HTTP, its own pages left out.
    services :
        Base units charged, by service.
    refused :
        Payments refused and calls limited, by reason.
    median, slow :
        Milliseconds that 50 and 95 of 100 calls stayed within, as far as the buckets tell.
    """

    statuses: Mapping[int, int] = field(default_factory=dict)
    services: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    repeats: int = 0
    lost: int = 0
    in_flight: int = 0
    waiting: int = 0
    median: float | None = None
    slow: float | None = None


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
    seller: Address, token: Address, kept: Mapping[bytes, Kept], channels: ChannelsClient
) -> Takings:
    """Compare what the vouchers say with what stands on the chain."""
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
    return Takings(unclaimed, earned.claimed, earned.settled, tuple(buyers))


def read_metrics(page: str) -> dict[str, dict[Labels, float]]:
    """Read the text format of Prometheus: by name, then by labels.

    Raises
    ------
    InputError :
        A line is none of the format.
    """
    found: dict[str, dict[Labels, float]] = defaultdict(dict)
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line)
        if sample is None:
            raise InputError(f"{line!r:.80} is no line of metrics", hint="give a gateway's address")
        labels = tuple(sorted(_LABEL.findall(sample[2] or "")))
        found[sample[1]][labels] = float(sample[3])
    return found


def traffic_of(page: str) -> Traffic:
    """Give what a gateway's page of metrics says."""
    metrics = read_metrics(page)

    def total(name: str) -> int:
        return int(sum(metrics.get(PREFIX + name, {}).values()))

    def by(name: str, label: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        for labels, value in metrics.get(PREFIX + name, {}).items():
            counts[dict(labels).get(label, "")] += int(value)
        return counts

    statuses: Counter[int] = Counter()
    for labels, value in metrics.get(f"{PREFIX}calls_total", {}).items():
        told = dict(labels)
        if not told.get("route", "").startswith(PAGES):
            statuses[int(told.get("status", 0))] += int(value)
    refused = by("refusals_total", "reason")
    refused.pop("unpaid", None)
    refused.update({f"limit {name}": n for name, n in by("limited_total", "limit").items()})
    buckets = metrics.get(f"{PREFIX}call_seconds_bucket", {})
    return Traffic(
        dict(sorted(statuses.items())),
        by("charged_base_units_total", "service"),
        refused,
        total("repeats_total"),
        total("lost_total"),
        total("in_flight"),
        total("decisions_waiting"),
        quantile(buckets, 50),
        quantile(buckets, 95),
    )


def quantile(buckets: Mapping[Labels, float], percent: int) -> float | None:
    """Give the milliseconds within which so many of 100 calls were answered: a bucket's bound."""
    bounds: Counter[float] = Counter()
    for labels, count in buckets.items():
        bounds[float(dict(labels)["le"].replace("+Inf", "inf"))] += int(count)
    total = bounds.get(float("inf"), 0)
    for bound in sorted(bounds):
        if total and bounds[bound] * 100 >= percent * total:
            return bound * 1_000
    return None


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
        if standing is None or seller not in (standing.owner, standing.wallet):
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
