"""Shows what a run came to on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from counterpoise.core.units import PPM, format_tokens

Record = Mapping[str, Any]
WAD = 10**18


def show(record: Record, report_path: Path | None = None) -> None:
    """Print what a run came to."""
    console = Console(highlight=False)
    console.print()
    console.print(purchases(record))
    console.print(scores(record))
    console.print(earnings(record))
    _words(console, record)
    _verdict(console, record, report_path)


def purchases(record: Record) -> Table:
    """Who bought of whom, why there, and what came true."""
    table = Table(title="Who bought, and what came true", title_justify="left")
    for column in ("buyer", "seller", "why there"):
        table.add_column(column, no_wrap=True)
    for column in ("answers", "true", "tokens"):
        table.add_column(column, justify="right")
    for one in record["purchases"]:
        share = f"{100 * one['right'] // one['calls']} %"
        paid = format_tokens(int(one["paid"]))
        table.add_row(one["buyer"], one["seller"], one["why"], str(one["calls"]), share, paid)
    return table


def scores(record: Record) -> Table:
    """What validators and customers say of each seller."""
    table = Table(title="What validators found, what customers say", title_justify="left")
    table.add_column("seller", no_wrap=True)
    for column in ("skill", "honesty", "share of each epoch", "rating"):
        table.add_column(column, justify="right")
    for place, one in enumerate(record["sellers"]):
        found, rating = one["scores"], one["rating"]
        shares = " · ".join(_percent(epoch["shares"][place]) for epoch in record["epochs"])
        mean = int(rating["mean_wad"]) / WAD
        told = f"{mean:.0f} (of 100)" if rating["counted"] else "none"
        parts = (found["skill"], found["agreement"])
        table.add_row(one["name"], *map(_percent, parts), shares, told)
    return table


def earnings(record: Record) -> Table:
    """Who earned what, and by what."""
    table = Table(title="Who earned what, in tokens", title_justify="left")
    table.add_column("who", no_wrap=True)
    for column in ("calls", "epochs", "oracle", "bonds", "in all"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("why")
    for one in record["sellers"]:
        table.add_row(*_earned(one["name"], one), _why(one))
    for name in ("vera", "viktor"):
        table.add_row(*_earned(name, record["others"][name]), "weighs the sellers")
    return table


def _earned(name: str, one: Record) -> tuple[str, ...]:
    amounts = [int(one["earned"][part]) for part in ("calls", "emissions", "oracle", "bonds")]
    return (name, *map(_short, (*amounts, int(one["in_all"]))))


def _why(one: Record) -> str:
    told = {"honest": "runs its model", "lazy": "from memory", "lying": "turned"}
    bought = one["false_answers"]
    return f"{bought} answers {told[one['character']]}" if bought else told[one["character"]]


def _words(console: Console, record: Record) -> None:
    asked, agent = record["contract"], record["agent"]
    went_round = sum(one["rating"]["went_round"] for one in record["sellers"])
    console.print(
        f"{went_round} rating does not count: the money it was paid with came from the seller"
    )
    found = ", ".join(f"{one['seller']} ({one['rating'] / 1000:.0f})" for one in agent["found"])
    console.print(f"the agent asked for sellers rated 65 or more and found {found};")
    console.print(f"  it stopped at the end of its budget of {agent['budget']} token")
    told, lie = ("disease" if asked[name] else "no disease" for name in ("told", "lie"))
    console.print(
        f"the contract was told {told!r} by {asked['answered_by']}; {asked['liar']} had said\n"
        f"  {lie!r} first, and was convicted in one transaction"
    )


def _verdict(console: Console, record: Record, report_path: Path | None) -> None:
    found, seconds = record["verify"], record["seconds"]
    console.print()
    if found["false"]:
        console.print(f"[bold red]FALSE[/]: {found['false'][0]}")
    else:
        console.print(
            f"verify: {found['numbers']:,} numbers re-derived; none false "
            f"({seconds['verify']:.1f} s; the run took {seconds['run']:.1f} s)"
        )
    console.print(f"state:  {record['state']}", soft_wrap=True)
    if report_path is not None:
        console.print(f"report: {report_path}", soft_wrap=True)
    console.print("\nTry next:")
    place = f"--state {record['state']}"
    for words in (
        f"verify {place}",
        f"market search heart disease {place}",
        f"consensus status {place}",
        f"market show 2/heart-disease {place}",
    ):
        console.print(f"  .venv/bin/counterpoise {words}", soft_wrap=True)


def _percent(ppm: int) -> str:
    return f"{100 * ppm // PPM} %"


def _short(amount: int) -> str:
    """Write an amount with two decimals, cut."""
    sign = "-" if amount < 0 else ""
    cents = abs(amount) * 100 // WAD
    return f"{sign}{cents // 100}.{cents % 100:02d}"
