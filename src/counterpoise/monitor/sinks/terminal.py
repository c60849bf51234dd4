"""Alerts on the terminal: the first of a case with its picture, the others on one line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from counterpoise.monitor.alert import Alert, Severity
from counterpoise.monitor.book_reads import BookReader, Event
from counterpoise.monitor.names import shown
from counterpoise.monitor.picture import draw_edges

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {
    Severity.INFO: "dim",
    Severity.LOW: "cyan",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "red",
    Severity.CRITICAL: "bold red",
}
NAME = "terminal"


class Terminal:
    """Writes events to a console.

    What names and reasons hold was chosen by strangers: control characters are shown as such.

    Parameters
    ----------
    lines :
        How many lines a picture may have.
    """

    def __init__(self, console: Console, *, lines: int = 8) -> None:
        self._console, self._lines = console, lines

    def deliver(self, book: BookReader) -> None:
        """Show what is new; a run begins with what no run has shown."""
        told = book.told(NAME)
        at = told[0] if told else 0
        while events := book.events(at, 64):
            for event in events:
                self._show(event)
            at = events[-1].sequence
            book.tell(NAME, at)

    def close(self) -> None:
        """Nothing is held."""

    def _show(self, event: Event) -> None:
        alert = event.alert
        style = COLOURS[alert.finding.severity] if event.kind == "raised" else "dim"
        self._console.print(headline(event), style=style, markup=False, highlight=False)
        if event.kind != "raised" or not event.opens:
            return
        for line in (*alert.finding.reasons[:5], *_parties(alert)):
            self._console.print(f"    {plain(line)}", markup=False, highlight=False)
        if alert.finding.edges:
            for line in draw_edges(alert, 96)[: self._lines]:
                self._console.print(
                    f"    {plain(line)}", style="dim", markup=False, highlight=False
                )


def headline(event: Event) -> str:
    """One line of an event."""
    alert, finding = event.alert, event.alert.finding
    when = datetime.fromtimestamp(alert.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    what = finding.severity.name.lower() if event.kind == "raised" else alert.standing.value
    case = "new case" if event.opens else f"case {event.case.hex()[:10]}"
    return (
        f"{alert.id.hex()[:10]}  {when}  block {alert.block_number}  {what:<8} "
        f"{plain(finding.detector)}  {finding.confidence / 10_000:.0f} %  {case}"
    )


def plain(text: str) -> str:
    """Text without what could move the cursor or hide a line."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _parties(alert: Alert) -> list[str]:
    found = []
    for entity in alert.finding.entities[:6]:
        label = f" ({entity.label}, list of {entity.listed})" if entity.label else ""
        found.append(f"{entity.role}: {shown(entity.address)}{label}")
    more = len(alert.finding.entities) - len(found)
    return [*found, f"and {more} more"] if more > 0 else found
