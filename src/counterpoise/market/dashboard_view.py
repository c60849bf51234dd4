"""The dashboard on a terminal, and as a record for machines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from counterpoise.core.units import format_tokens, to_checksum
from counterpoise.identity import Summary
from counterpoise.market.dashboard import Board, ListingRow, Takings
from counterpoise.market.traffic import Traffic

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MOST_ROWS = 12


def board_record(board: Board) -> dict[str, Any]:
    """Write a board for machines: amounts in base units, as texts."""
    return {
        "seller": to_checksum(board.seller),
        "time": board.now,
        **_takings_record(board.takings),
        "traffic": None if board.traffic is None else _traffic_record(board.traffic),
        "decisions": board.decisions,
        "listings": [_listing_record(row) for row in board.listings],
        "reputation": [_rating_record(agent, one) for agent, one in board.reputations.items()],
        "jobs": [
            {
                "job": one.number,
                "status": one.status,
                "budget": str(one.budget),
                "expires": one.expires,
            }
            for one in board.jobs
        ],
    }


def board_view(board: Board) -> RenderableType:
    """Draw a board."""
    from rich.console import Group
    from rich.text import Text

    clock = datetime.fromtimestamp(board.now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    head = Text(f"{to_checksum(board.seller)}  {clock}", style="bold")
    parts: list[RenderableType] = [head, _money(board.takings)]
    if board.traffic is not None:
        parts.append(_traffic(board.traffic, board.decisions))
    if board.listings:
        parts.append(_listings(board))
    if board.takings.buyers:
        parts.append(_buyers(board.takings, board.now))
    if board.jobs:
        jobs = _table("open jobs", "job", "status", "budget", "until")
        for one in board.jobs:
            row = (str(one.number), one.status, format_tokens(one.budget), _moment(one.expires))
            jobs.add_row(*row)
        parts.append(jobs)
    return Group(*parts)


def _money(takings: Takings) -> RenderableType:
    columns = ("earned", "settled", "claimed", "unclaimed", "exact", "by jobs")
    table = _table("earned, in tokens", *columns)
    claimed = takings.claimed - takings.settled
    amounts = (takings.earned, takings.settled, claimed, takings.unclaimed)
    table.add_row(*map(format_tokens, (*amounts, takings.exact, takings.jobs)))
    return table


def _traffic(traffic: Traffic, decisions: int | None) -> RenderableType:
    table = _table("gateway, since it was started", "what", "count")
    for status, count in traffic.statuses.items():
        table.add_row(f"answers {status}", str(count))
    for service, amount in traffic.services.items():
        table.add_row(f"tokens charged by {service}", format_tokens(amount))
    for reason, count in sorted(traffic.refused.items(), key=lambda item: -item[1])[:MOST_ROWS]:
        table.add_row(f"refused: {reason}", str(count))
    for name, count in (("repeats", traffic.repeats), ("buyers gone", traffic.lost)):
        if count:
            table.add_row(name, str(count))
    table.add_row("worked on now", str(traffic.in_flight))
    if traffic.median is not None and traffic.slow is not None:
        table.add_row("ms, half of the calls within", f"{traffic.median:g}")
        table.add_row("ms, 95 of 100 within", f"{traffic.slow:g}")
    if decisions is not None:
        waiting = f", {traffic.waiting} waiting" if traffic.waiting else ""
        table.add_row("decisions in the log", f"{decisions}{waiting}")
    return table


def _listings(board: Board) -> RenderableType:
    table = _table("listings", "listing", "price", "answers lately", "rating", "good until")
    for row in board.listings[:MOST_ROWS]:
        listing = row.result.found.listing
        summary = board.reputations.get(listing.agent)
        rating = (
            "none counts"
            if summary is None or not summary.count
            else (f"{summary.wad / 10**18:.1f} by {summary.count}")
        )
        answers = "-" if row.answers is None else str(row.answers)
        name = f"{listing.agent}/{listing.name}"
        table.add_row(name, str(listing.price), answers, rating, _moment(listing.until))
    return table


def _buyers(takings: Takings, now: int) -> RenderableType:
    table = _table(
        "buyers, in tokens", "payer", "channels", "charged", "unclaimed", "left", "leaving"
    )
    for one in takings.buyers[:MOST_ROWS]:
        leaving = ""
        if one.ready is not None:
            due = "now" if one.ready <= now else f"in {one.ready - now} s"
            leaving = f"{format_tokens(one.leaving)} {due}"
        left = format_tokens(max(0, one.balance - one.charged))
        amounts = (format_tokens(one.charged), format_tokens(one.unclaimed), left)
        table.add_row(to_checksum(one.payer), str(one.channels), *amounts, leaving)
    more = len(takings.buyers) - MOST_ROWS
    if more > 0:
        table.add_row(f"and {more} more", "", "", "", "", "")
    return table


def _table(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(min(seconds, 253_402_300_799), UTC).strftime("%Y-%m-%d %H:%M")


def _traffic_record(traffic: Traffic) -> dict[str, Any]:
    return {
        "statuses": {str(status): count for status, count in traffic.statuses.items()},
        "charged": {name: str(amount) for name, amount in traffic.services.items()},
        "refused": dict(traffic.refused),
        "repeats": traffic.repeats,
        "lost": traffic.lost,
        "in flight": traffic.in_flight,
        "decisions waiting": traffic.waiting,
        "median ms": traffic.median,
        "95 of 100 ms": traffic.slow,
    }


def _takings_record(takings: Takings) -> dict[str, Any]:
    return {
        "earned": str(takings.earned),
        "unsettled": str(takings.unsettled),
        "unclaimed": str(takings.unclaimed),
        "claimed": str(takings.claimed),
        "settled": str(takings.settled),
        "exact": str(takings.exact),
        "jobs paid": str(takings.jobs),
        "buyers": [
            {
                "payer": to_checksum(one.payer),
                "channels": one.channels,
                "charged": str(one.charged),
                "unclaimed": str(one.unclaimed),
                "balance": str(one.balance),
                "leaving": str(one.leaving),
                "ready": one.ready,
            }
            for one in takings.buyers
        ],
    }


def _listing_record(row: ListingRow) -> dict[str, Any]:
    listing = row.result.found.listing
    return {
        "listing": f"{listing.agent}/{listing.name}",
        "price": str(listing.price),
        "digest": row.result.found.digest.hex(),
        "answers": row.answers,
    }


def _rating_record(agent: int, summary: Summary) -> dict[str, Any]:
    return {
        "agent": agent,
        "mean": f"{summary.wad / 10**18:.2f}" if summary.count else None,
        "counted": summary.count,
        "given": len(summary.ratings),
        "weight": str(summary.weight),
    }
