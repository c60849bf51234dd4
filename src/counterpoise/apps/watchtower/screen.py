"""Shows a run on the terminal: alerts as they come, then what they were worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table
from rich.text import Text

from counterpoise.apps.telling import Say
from counterpoise.core.units import TOKEN, format_tokens
from counterpoise.monitor import Alert, Severity

COLOURS = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "dim",
    Severity.INFO: "dim",
}


@contextmanager
def live(*, quiet: bool) -> Iterator[tuple[Say, Callable[[Alert], None]]]:
    """Show the stage that is played, and each alert above it; nothing where `quiet`."""
    if quiet:
        yield (lambda stage, done, total: None), (lambda alert: None)
        return
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), Elapsed())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None)

        def say(stage: str, done: int, total: int) -> None:
            bars.update(task, description=stage)

        def show(alert: Alert) -> None:
            bars.console.print(line_of(alert), soft_wrap=False, overflow="ellipsis", no_wrap=True)

        yield say, show


def line_of(alert: Alert) -> Text:
    """An alert in one line."""
    finding = alert.finding
    words = (
        f"block {alert.block_number:>4} {finding.severity.name.lower():8} {finding.detector:12} "
    )
    return Text(words, COLOURS[finding.severity]) + Text(finding.reasons[0], "default")


def show(record: Mapping[str, Any], report_path: Path | None = None) -> None:
    """Print what a run came to."""
    console = Console(highlight=False)
    console.print()
    console.print(_attacks(record))
    _quiet(console, record)
    _response(console, record)
    _case(console, record)
    _verdict(console, record, report_path)


def _attacks(record: Mapping[str, Any]) -> Table:
    table = Table(title="What was planted, and what was seen of it", title_justify="left")
    for column in ("attack", "detector", "block", "alert in", "severity"):
        table.add_column(column, no_wrap=True)
    table.add_column("also told by")
    for row in record["attacks"]:
        others = ", ".join(name for name in row["alerts"] if name != row["detector"])
        place, severity = (str(row["block"]), row["severity"]) if row["found"] else ("missed", "")
        cells = (row["name"], row["detector"], str(row["first_block"]), place, severity, others)
        table.add_row(*cells)
    return table


def _quiet(console: Console, record: Mapping[str, Any]) -> None:
    told = [row for row in record["twins"] if row["alerts"]]
    names = ", ".join(row["resembles"] for row in record["twins"])
    said = ", ".join(f"{row['resembles']} by {', '.join(row['alerts'])}" for row in told)
    words = f"told: {said}" if told else "none was told"
    console.print(f"harmless twins of {names}: {words}", soft_wrap=True)
    other = record["other_alerts"]
    life, before = (_counted(other[key]) for key in ("honest_life", "setting_up"))
    console.print(
        f"alerts about nothing planted: {life} in {record['honest_transactions']} honest "
        f"transactions, {other['honest_life_high']} of them high or worse; {before} while the "
        "stage was set up",
        soft_wrap=True,
    )
    ms = record["milliseconds_per_block"]
    gone = ", ".join(record["retracted"]) or "none"
    console.print(
        f"{record['blocks']} blocks, {ms['median']} ms each (most {ms['most']} ms); "
        f"retracted by a reorganisation: {gone}",
        soft_wrap=True,
    )


def _response(console: Console, record: Mapping[str, Any]) -> None:
    screening, pause, alarm = record["screening"], record["pause"], record["false_alarm"]
    if screening:
        signs = "; ".join(dict.fromkeys(one["sign"] for one in screening["signs"]))
        score, decision = screening["score"], screening["decision"]
        words = f"{decision}, {score} points ({signs})"
        console.print(f"a wallet's screen of the robbery beforehand: {words}", soft_wrap=True)
    if pause["number"] is None:
        console.print("no pause: no alert was sure enough")
    else:
        lost, left = (_coins(pause[key]) for key in ("lost_before", "still_there"))
        console.print(
            f"the guardian paused the bank for {pause['seconds'] // 60} min: {lost} coins were "
            f"lost before, {left} are still there, {pause['robberies_refused']} robbery refused; "
            f"ruled {pause['ruling']}, bond {_coins(pause['bond'])} back with "
            f"{_coins(pause['bounty'])} bounty",
            soft_wrap=True,
        )
    if alarm["number"] is not None:
        console.print(
            f"a false alarm: vetoed after {alarm['seconds']} s, ruled {alarm['ruling']}, its bond "
            f"of {_coins(alarm['bond'])} went to the bank",
            soft_wrap=True,
        )


def _case(console: Console, record: Mapping[str, Any]) -> None:
    case = record["case"]
    if case["id"] is None:
        return
    console.print(f"case {case['id'][:12]} ({case['severity']}, {case['alerts']} alerts):")
    for line in case["picture"]:
        console.print("  " + line, markup=False, no_wrap=True)
    folder = Path(record["state"]) / "cases"
    console.print(f"exported to {folder}: {', '.join(case['files'])}", soft_wrap=True)


def _verdict(console: Console, record: Mapping[str, Any], report_path: Path | None) -> None:
    verify, seconds = record["verify"], record["seconds"]
    false = verify["false"]
    words = "none false" if not false else f"FALSE: {false[0]}"
    console.print(
        f"verified: {verify['statements']} alert statements, {verify['numbers']:,} numbers "
        f"derived again, {words} ({seconds['verify']:.1f} s; the run {seconds['run']:.1f} s)",
        soft_wrap=True,
    )
    console.print(f"state: {record['state']}", soft_wrap=True)
    console.print(f"next:  counterpoise verify --state {record['state']}", soft_wrap=True)
    if report_path is not None:
        console.print(f"report: {report_path}", soft_wrap=True)


def _counted(alerts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in alerts.items()) or "none"


def _coins(amount: str) -> str:
    whole = int(amount)
    return str(whole // TOKEN) if whole % TOKEN == 0 else format_tokens(whole)
