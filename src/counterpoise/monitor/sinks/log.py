"""Alerts as statements in the evidence log of a network."""

from __future__ import annotations

from counterpoise.monitor.alert import Standing
from counterpoise.monitor.book_reads import BookReader
from counterpoise.monitor.statements import AlertLog

NAME = "log"


class LogSink:
    """States what was raised and what was retracted; what people decided is not evidence.

    The log takes each statement once, so after a crash nothing stands in it twice.
    """

    def __init__(self, log: AlertLog) -> None:
        self._log = log

    def deliver(self, book: BookReader) -> None:
        """State what is new."""
        told = book.told(NAME)
        at = told[0] if told else 0
        while events := book.events(at, 256):
            self._log.state(
                event.alert.standing_as(Standing.RETRACTED if gone else Standing.OPEN)
                for event in events
                if (gone := event.kind == "retracted") or event.kind == "raised"
            )
            at = events[-1].sequence
            book.tell(NAME, at)

    def close(self) -> None:
        """Nothing is held: log and store are the network's."""
