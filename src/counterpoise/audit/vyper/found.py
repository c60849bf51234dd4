"""What a rule finds, before it becomes a finding of the report."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoise.audit.findings import Severity
from counterpoise.audit.vyper.events import Entry, Event, Place

__all__ = ["SURE", "Found", "LIKELY", "MAYBE", "RARELY"]

SURE, LIKELY, MAYBE, RARELY = 900_000, 700_000, 450_000, 200_000
"""Confidence in ppm where the rule's conditions are the flaw itself, or signs of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One rule, at one place, in one entry.

    Parameters
    ----------
    rule :
        Id in the catalogue.
    entry :
        The function through which it is reached.
    place :
        Where it is.
    message :
        What is wrong there; names variables, never the entry.
    severity :
        Where it is not the rule's own.
    confidence :
        In ppm.
    steps :
        Further places of the path, in order, with what happens there.
    frames :
        Calls on the way from the entry to the place.
    """

    rule: str
    entry: Entry
    place: Place
    message: str
    confidence: int
    severity: Severity | None = None
    steps: tuple[tuple[Place, str], ...] = ()
    frames: tuple[Place, ...] = ()


def at(
    rule: str,
    entry: Entry,
    event: Event,
    message: str,
    confidence: int,
    *,
    severity: Severity | None = None,
    steps: tuple[tuple[Place, str], ...] = (),
) -> Found:
    """A finding at the place of an event."""
    return Found(
        rule, entry, event.place, message, confidence, severity, steps, frames=event.frames
    )
