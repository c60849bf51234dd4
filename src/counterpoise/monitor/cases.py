"""Which alerts belong to one case: those of one scheme, and those that share a suspect.

Two alerts belong together if they share a key and lie no more than `WINDOW` apart; a case is what
hangs together so. Cases are a function of the alerts that stand, whatever came and went before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from counterpoise.core.digest import keccak
from counterpoise.monitor.alert import Alert, Entity, Severity, Standing

WINDOW = 5 * 86_400
"""Seconds of block time."""

BYSTANDERS = frozenset({"victim", "pool", "token", "market", "lender", "contract"})
"""Roles of entities that many schemes have in common."""


@dataclass(frozen=True, slots=True)
class Member:
    """An alert as far as grouping goes."""

    id: bytes
    number: int
    time: int
    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, alert: Alert) -> Member:
        """What counts of an alert."""
        return cls(alert.id, alert.block_number, alert.time, keys_of(alert))

    @property
    def rank(self) -> tuple[int, bytes]:
        """A case bears the name of its lowest member."""
        return self.number, self.id


@dataclass(frozen=True, slots=True)
class Case:
    """Alerts that belong together, oldest first.

    Parameters
    ----------
    id :
        That of the oldest alert that stands.
    """

    id: bytes
    alerts: tuple[Alert, ...]

    @property
    def standing(self) -> Standing:
        """Open while one alert is, then acknowledged while one is, then closed."""
        found = {alert.standing for alert in self.alerts}
        order = (Standing.OPEN, Standing.ACKNOWLEDGED, Standing.CLOSED)
        return next((one for one in order if one in found), Standing.RETRACTED)

    @property
    def severity(self) -> Severity:
        """That of the gravest alert."""
        return max(alert.finding.severity for alert in self.alerts)

    @property
    def first(self) -> int:
        """Time of the oldest block."""
        return min(alert.time for alert in self.alerts)

    @property
    def last(self) -> int:
        """Time of the newest block."""
        return max(alert.time for alert in self.alerts)

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Everyone who takes part, each part once, in order of appearance."""
        found = (entity for alert in self.alerts for entity in alert.finding.entities)
        return tuple(dict.fromkeys(found))


def keys_of(alert: Alert) -> tuple[bytes, ...]:
    """What an alert may have in common with others: its scheme, and its suspects' addresses."""
    finding = alert.finding
    keys = {e.address for e in finding.entities if e.role not in BYSTANDERS and any(e.address)}
    if finding.scheme:
        keys.add(keccak(f"{finding.detector}/{finding.scheme}".encode()))
    return tuple(sorted(keys))


def grouped(members: Iterable[Member]) -> Mapping[bytes, bytes]:
    """The name of the case of each alert."""
    known = {member.id: member for member in members}
    leads = {id_: id_ for id_ in known}

    def lead(id_: bytes) -> bytes:
        while leads[id_] != id_:
            leads[id_] = leads[leads[id_]]
            id_ = leads[id_]
        return id_

    sharing: dict[bytes, list[Member]] = defaultdict(list)
    for member in known.values():
        for key in member.keys:
            sharing[key].append(member)
    for together in sharing.values():
        together.sort(key=lambda member: member.time)
        for one, other in pairwise(together):
            if other.time - one.time <= WINDOW:
                first, second = (known[lead(member.id)] for member in (one, other))
                low, high = sorted((first, second), key=lambda member: member.rank)
                leads[high.id] = low.id
    return {id_: lead(id_) for id_ in known}
