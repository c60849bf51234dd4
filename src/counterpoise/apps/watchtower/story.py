"""What happens in a run, as it goes on: what was planted, what was told, what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from counterpoise.monitor import Alert, Case, PauseCase, Screening


@dataclass
class Planted:
    """One attack, or its harmless twin: its transactions, and the alerts that name one of them.

    Parameters
    ----------
    detector :
        The one that is made for it.
    """

    name: str
    detector: str
    transactions: list[bytes] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)


@dataclass
class Story:
    """What happened, as the run goes on.

    Parameters
    ----------
    honest :
        Number of honest transactions.
    begins :
        Number of the first block after the stage was set up.
    alerts, retracted :
        As they were raised and taken back, in order.
    """

    attacks: list[Planted] = field(default_factory=list)
    twins: list[Planted] = field(default_factory=list)
    honest: int = 0
    begins: int = 0
    alerts: list[Alert] = field(default_factory=list)
    retracted: list[Alert] = field(default_factory=list)
    screening: Screening | None = None
    pause: PauseCase | None = None
    lost_before: int = 0
    kept_by_pause: int = 0
    refused_while_paused: int = 0
    false_alarm: PauseCase | None = None
    case: Case | None = None
    files: list[Path] = field(default_factory=list)
