"""The verb `monitor`: watch a chain or a file, and deal with the alerts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import InputError
from counterpoise.network import Verbs

if TYPE_CHECKING:
    from counterpoise.monitor.alert_book import AlertBook

FOLDER = click.Path(path_type=Path, file_okay=False)
STATUSES = click.Choice(["open", "acknowledged", "closed", "retracted"])

EXAMPLES = """\b
Examples:
  counterpoise monitor run --source rpc --url http://127.0.0.1:8545 --serve 127.0.0.1:9464
  counterpoise monitor run --source local --state DIR --log operator
  counterpoise monitor replay transfers.csv --decimals 2
  counterpoise monitor alerts --home DIR --status open
  counterpoise monitor close 5f0c12 --home DIR --author ann --false --note "payroll"
"""

VERBS = {
    "run": ("run_cli", "run", "Watch a source until stopped; blocks in, alerts out."),
    "replay": ("run_cli", "replay", "Run a file through the watch, for an investigation."),
    "alerts": ("cli", "alerts", "List alerts, or the cases that they make."),
    "show": ("cli", "show", "Show one alert with its picture."),
    "ack": ("cli", "acknowledge", "Say that somebody looks into an alert."),
    "close": ("cli", "close", "Close an alert, and say whether it was true."),
    "export": ("case_cli", "export", "Write a case as JSON, CSV, SVG and STIX 2.1, and draw it."),
    "screen": ("screen_cli", "screen", "Try a transaction or a signature before it is given."),
    "guardian": ("guardian_cli", "guardian", "Pause, veto, rule: what alerts did on the chain."),
    "resend": ("run_cli", "resend", "Send the webhook's dead letters again."),
    "warm-up": ("cli", "warm_up", "Compile the kernels now instead of at the first block."),
    "bench": ("bench_cli", "bench", "Score a public data set as its paper does."),
    "train": ("bench_cli", "train", "Make the laundering model anew."),
    "drift": ("bench_cli", "drift", "Measure how far the window is from what the model knows."),
}
"""Each verb: its module in this room, its command there, and a line of help."""


@click.group(cls=Verbs, room="counterpoise.monitor", verbs=VERBS, epilog=EXAMPLES)
def monitor() -> None:
    """Find laundering, manipulation and attacks as they happen, and act on them."""


def at_book(command: Any) -> Any:
    """Add the options that say which alert book, and how to answer."""
    for option in (
        click.option("--json", "wants_json", is_flag=True, help="Print JSON."),
        click.option("--state", type=FOLDER, metavar="DIR", help="Network whose watch is meant."),
        click.option("--home", type=FOLDER, metavar="DIR", help="Folder of the watch."),
    ):
        command = option(command)
    return command


def opened_book(home: Path | None, state: Path | None) -> AlertBook:
    """The alert book of a watch; an `InputError` where there is none."""
    from counterpoise.monitor.alert_book import AlertBook
    from counterpoise.monitor.state_folder import BOOK

    if (home is None) == (state is None):
        raise InputError("one watch is wanted", hint="give --home DIR or --state DIR")
    folder = home if home is not None else Path(str(state)) / "monitor"
    if not (folder / BOOK).is_file():
        raise InputError(f"there is no alert book in {folder}", hint="counterpoise monitor run")
    return AlertBook(folder / BOOK)


@click.command()
@click.option("--status", type=STATUSES, help="Only alerts of this standing.")
@click.option("--detector", metavar="NAME", help="Only those of one detector.")
@click.option("--cases", "as_cases", is_flag=True, help="List cases instead.")
@click.option("--limit", default=50, show_default=True, help="Most to list, newest first.")
@at_book
def alerts(
    home: Path | None,
    state: Path | None,
    wants_json: bool,
    status: str | None,
    detector: str | None,
    as_cases: bool,
    limit: int,
) -> None:
    """List the alerts of a watch, newest first.

    Example: counterpoise monitor alerts --home DIR --status open --json
    """
    from counterpoise.monitor import alert_views
    from counterpoise.monitor.alert import Standing

    book = opened_book(home, state)
    try:
        if as_cases:
            record, lines = alert_views.cases_view(book, limit)
        else:
            wanted = None if status is None else Standing(status)
            found = book.alerts(wanted, detector, limit=limit)
            record, lines = alert_views.alerts_view(found, book.counts())
    finally:
        book.close()
    click.echo(json.dumps(record) if wants_json else "\n".join(lines))


@click.command()
@click.argument("alert")
@at_book
def show(alert: str, home: Path | None, state: Path | None, wants_json: bool) -> None:
    """Show everything of the ALERT whose id begins so.

    Example: counterpoise monitor show 5f0c12 --home DIR
    """
    from counterpoise.monitor.alert_views import alert_view

    book = opened_book(home, state)
    try:
        record, lines = alert_view(book.alert(alert), book.case(alert))
    finally:
        book.close()
    click.echo(json.dumps(record) if wants_json else "\n".join(lines))


def _decided(home: Path | None, state: Path | None, wants_json: bool, **decision: Any) -> None:
    import time

    book = opened_book(home, state)
    try:
        alert = book.decide(date=int(time.time()), **decision)
    finally:
        book.close()
    record = {"id": alert.id.hex(), "status": alert.standing.value}
    click.echo(json.dumps(record) if wants_json else f"{record['id'][:10]} is {record['status']}")


@click.command("ack")
@click.argument("alert")
@click.option("--author", required=True, metavar="NAME", help="Who looks into it.")
@click.option("--note", default="", help="What is known so far.")
@at_book
def acknowledge(alert: str, author: str, note: str, **rest: Any) -> None:
    """Say that somebody looks into the ALERT whose id begins so.

    Example: counterpoise monitor ack 5f0c12 --home DIR --author ann
    """
    from counterpoise.monitor.alert import Standing

    _decided(**rest, prefix=alert, standing=Standing.ACKNOWLEDGED, author=author, note=note)


@click.command()
@click.argument("alert")
@click.option("--author", required=True, metavar="NAME", help="Who decides.")
@click.option("--true/--false", "true", default=None, help="Whether it was what it said it was.")
@click.option("--note", default="", help="Why.")
@at_book
def close(alert: str, author: str, true: bool | None, note: str, **rest: Any) -> None:
    """Close the ALERT whose id begins so; what is said of it teaches the next model.

    Example: counterpoise monitor close 5f0c12 --home DIR --author ann --true
    """
    from counterpoise.monitor.alert import Standing

    _decided(**rest, prefix=alert, standing=Standing.CLOSED, author=author, note=note, true=true)


@click.command("warm-up")
def warm_up() -> None:
    """Compile the kernels and keep them, so that the first block does not wait.

    Example: counterpoise monitor warm-up
    """
    import time

    import numpy as np

    from counterpoise.monitor.graph import Graph
    from counterpoise.monitor.wash import Trades, find_wash_trades

    started = time.perf_counter()
    columns = [np.array(c) for c in ([0, 1, 2, 0], [1, 2, 0, 3], [1, 2, 3, 4], [9, 9, 9, 9])]
    graph = Graph()
    mark = graph.mark()
    graph.observe(*columns)
    graph.go_back(mark)
    sides = np.arange(200) % 2
    clock = np.arange(200)
    find_wash_trades(Trades(sides, 1 - sides, np.zeros(200, int), clock, np.full(200, 5)))
    click.echo(f"the kernels are ready after {time.perf_counter() - started:.1f} s")
