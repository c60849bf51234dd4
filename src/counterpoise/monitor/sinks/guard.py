"""Alerts as pauses: what a bonded reporter does with them while the service runs."""

from __future__ import annotations

from collections.abc import Callable

from counterpoise.core.units import to_checksum
from counterpoise.monitor.book_reads import BookReader
from counterpoise.monitor.responder import Action, Responder

NAME = "guard"


class GuardSink:
    """Pauses what a responder guards. After a crash an alert may come again: it pauses once.

    Parameters
    ----------
    say :
        Told of every pause, and of why there was none.
    """

    def __init__(self, responder: Responder, say: Callable[[str], None]) -> None:
        self._responder, self._say = responder, say

    def deliver(self, book: BookReader) -> None:
        """Act on what is new."""
        told = book.told(NAME)
        at = told[0] if told else 0
        while events := book.events(at, 256):
            for event in events:
                alerts = (event.alert,)
                raised = alerts if event.kind == "raised" else ()
                retracted = alerts if event.kind == "retracted" else ()
                for action in self._responder.act(raised, retracted):
                    self._say(_told(action))
            at = events[-1].sequence
            book.tell(NAME, at)

    def close(self) -> None:
        """Nothing is held: the chain is the network's."""


def _told(action: Action) -> str:
    alert, target = action.alert.id.hex()[:12], to_checksum(action.target)
    if action.case is None or action.reason:
        return f"{target} is not paused for alert {alert}: {action.reason}"
    return f"{target} is paused until {action.case.until} for alert {alert}"
