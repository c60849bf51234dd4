"""The verbs that watch: ``counterpoise monitor run``, ``replay`` and ``resend``."""

from __future__ import annotations

import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from counterpoise.monitor.opening import Wanted
    from counterpoise.monitor.service import Service

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
SOURCES = click.Choice(["local", "rpc", "csv", "parquet", "kafka"])

RUN_EXAMPLES = """\b
Examples:
  counterpoise monitor run --source rpc --url http://127.0.0.1:8545
  counterpoise monitor run --source local --state DIR --log operator --jsonl alerts.jsonl
  counterpoise monitor run --source kafka --url HOST:9092 --topic transfers --chain-id 1

Stopped or killed at any point, the same command goes on where it was.
"""

REPLAY_EXAMPLES = """\b
Examples:
  counterpoise monitor replay transfers.csv
  counterpoise monitor replay bank.csv --decimals 2 --lateness 3600 --scale Euro=1
  counterpoise monitor replay day.parquet --home case-7 --json

Columns: time, from, to, amount; if there: token, hash, block.
"""


def watching(command: Any) -> Any:
    """Add the options that all watching verbs have."""
    for option in (
        click.option("--json", "wants_json", is_flag=True, help="Print one JSON object."),
        click.option("--quiet", is_flag=True, help="Show no alerts on the terminal."),
        click.option("--seconds", type=float, help="Stop after so long."),
        click.option("--jsonl", type=FILE, help="Append every event to this file."),
        click.option("--serve", metavar="HOST:PORT", help="Serve /events, /metrics and /alerts."),
        click.option("--quote", "quotes", multiple=True, help="Token that prices are in."),
        click.option("--coin", "coins", multiple=True, help="Token worth one wei a unit."),
        click.option("--scale", "scales", multiple=True, metavar="TOKEN=UNITS",
                     help="Base units for one unit of the graph."),
        click.option("--budget", "budgets", multiple=True, metavar="NAME=PER_HOUR",
                     help="Only the best so many of a detector."),
        click.option("--labels", multiple=True, metavar="FILE[@DATE]", help="Screening list."),
        click.option("--detect", multiple=True, metavar="NAME", help="Detector; else all."),
        click.option("--chain-id", default=0, help="Stands in the ids of alerts on rows."),
        click.option("--lateness", default=0, help="Seconds that a row may come late."),
        click.option("--block-seconds", "seconds_a_block", default=12, show_default=True,
                     help="Rows of so long make a block."),
        click.option("--decimals", default=0, help="Decimals of amounts in rows."),
        click.option("--home", type=FOLDER, metavar="DIR", help="Folder of the watch."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(epilog=RUN_EXAMPLES)
@click.option("--source", type=SOURCES, required=True, help="Where blocks come from.")
@click.option("--url", help="Node, or broker as HOST:PORT.")
@click.option("--file", type=FILE, help="CSV or Parquet file.")
@click.option("--topic", help="Topic of the broker.")
@click.option("--by-block", is_flag=True, help="Messages of the topic name their block.")
@click.option("--state", type=FOLDER, metavar="DIR", help="Network: its chain, and its log.")
@click.option("--start", default=0, help="First block of a new watch.")
@click.option("--confirmations", default=0, help="Blocks that must lie above one.")
@click.option("--webhook", metavar="URL", help="Post every event there, signed.")
@click.option("--webhook-secret-env", "secret_env", default="COUNTERPOISE_WEBHOOK_SECRET",
              show_default=True, help="Variable with the key of the signature.")  # fmt: skip
@click.option("--log", "log_as", metavar="NAME", help="State alerts in the log as this account.")
@click.option(
    "--guard",
    "guards",
    multiple=True,
    metavar="ADDRESS",
    help="Pause this contract if it is attacked.",
)
@click.option("--reporter", "report_as", metavar="NAME", default="reporter", show_default=True,
              help="Account that stands for pauses with its bond.")  # fmt: skip
@watching
def run(**options: Any) -> None:
    """Watch a source until stopped: blocks in, alerts out, each once.

    Example: counterpoise monitor run --source rpc --url http://127.0.0.1:8545
    """
    _watch(**options)


@click.command(epilog=REPLAY_EXAMPLES)
@click.argument("file", type=FILE)
@watching
def replay(file: Path, home: Path | None, **options: Any) -> None:
    """Run the transfers of FILE through a watch; without --home nothing is kept.

    Example: counterpoise monitor replay transfers.csv --decimals 2
    """
    source = "parquet" if file.suffix.lower() in (".parquet", ".pq") else "csv"
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as scratch:
        _watch(source=source, file=file, home=home or Path(scratch), **options)


@click.command()
@click.option("--webhook", metavar="URL", required=True, help="As it was given to run.")
@click.option("--webhook-secret-env", "secret_env", default="COUNTERPOISE_WEBHOOK_SECRET",
              show_default=True, help="Variable with the key of the signature.")  # fmt: skip
@click.option("--home", type=FOLDER, required=True, metavar="DIR", help="Folder of the watch.")
def resend(webhook: str, secret_env: str, home: Path) -> None:
    """Send the events again that a webhook did not take.

    Example: counterpoise monitor resend --webhook https://example.org/alerts --home DIR
    """
    from counterpoise.monitor.opening import Wanted, webhook_of
    from counterpoise.monitor.state_folder import BOOK

    wanted = Wanted("rpc", webhook=webhook, secret_env=secret_env)
    hook = webhook_of(wanted, home / BOOK, lambda line: None)
    sent, left = hook.resend()
    click.echo(f"{sent} dead letters went out, {left} stay")


def _watch(
    *,
    wants_json: bool,
    quiet: bool,
    seconds: float | None,
    decimals: int,
    seconds_a_block: int,
    lateness: int,
    **options: Any,
) -> None:
    from rich.console import Console

    from counterpoise.monitor.opening import Wanted, opened
    from counterpoise.monitor.sinks.terminal import Terminal

    rows = {"decimals": decimals, "seconds": seconds_a_block, "lateness": lateness}
    wanted = Wanted(rows=rows, **options)
    screen, notes = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True, highlight=False)

    def say(line: str) -> None:
        notes.print(line, markup=False)

    sinks = [] if quiet or wants_json else [Terminal(screen)]
    with opened(wanted, sinks=sinks, say=say) as service, _until(seconds) as stop:
        _announce(wanted, service, say)
        service.run(stop)
        record = summary(service)
    click.echo(json.dumps(record) if wants_json else told(record))


def _announce(wanted: Wanted, service: Service, say: Callable[[str], None]) -> None:
    tip = service.watch.tip
    where = f"after block {tip.number}" if tip else "from the beginning"
    names = ", ".join(detector.name for detector in service.watch.detectors)
    say(f"watching {wanted.source} {where} for {names}; state in {service.folder.folder}")


def summary(service: Service) -> dict[str, Any]:
    """What a run did, as plain values."""
    metrics, counts = service.metrics, service.book.counts()
    return {
        "blocks": metrics.blocks,
        "transactions": metrics.transactions,
        "raised": metrics.raised,
        "retracted": metrics.retracted,
        "open": sum(count for (_, status), count in counts.items() if status == "open"),
        "cases": len(service.book.cases()),
        "unknown_tokens": metrics.unknown,
        "idle": metrics.idle,
        "cut_searches": asdict(metrics.cuts),
        "faults": dict(metrics.faults),
        "seconds": round(metrics.seconds, 3),
        "newest_block": metrics.number,
    }


def told(record: dict[str, Any]) -> str:
    """The same in two lines."""
    cuts = record["cut_searches"]
    cut = cuts["lists"] + cuts["cycles"] + cuts["clusters"]
    faults = ", ".join(f"{count} {kind}" for kind, count in record["faults"].items() if count)
    return (
        f"{record['transactions']} transactions in {record['blocks']} blocks, "
        f"{record['seconds']:.1f} s: {record['raised']} alerts raised, {record['retracted']} "
        f"retracted; {record['open']} stand open in {record['cases']} cases\n"
        f"not looked at: {record['unknown_tokens']} transfers of tokens without a scale, "
        f"{record['idle']} of nothing or to oneself; left out: {faults or 'nothing'}; "
        f"{cut} searches cut by a limit, of {cuts['transfers']} transfers"
    )


@contextmanager
def _until(seconds: float | None) -> Iterator[Callable[[], bool]]:
    """Say when to stop: after so long, or at the first signal; a second one ends at once."""
    stopped: list[int] = []
    end = None if seconds is None else time.monotonic() + seconds

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield lambda: bool(stopped) or (end is not None and time.monotonic() > end)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
