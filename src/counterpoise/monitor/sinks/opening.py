"""Sinks that act on a network: its log, and its guardian."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from counterpoise.core.errors import InputError
from counterpoise.core.units import parse_address
from counterpoise.jobs import TokenClient
from counterpoise.monitor.guardian_client import GuardianClient
from counterpoise.monitor.responder import Responder
from counterpoise.monitor.sinks.guard import GuardSink
from counterpoise.monitor.sinks.log import LogSink
from counterpoise.monitor.statements import AlertLog, WatchTerms
from counterpoise.network import Network

if TYPE_CHECKING:
    from counterpoise.monitor.detector import Detector
    from counterpoise.monitor.service import Sink


class Acting(Protocol):
    """What the command line says of the log and of what is guarded: `opening.Wanted`."""

    @property
    def start(self) -> int:
        """First block of a new watch."""
        ...

    @property
    def log_as(self) -> str | None:
        """Who states alerts."""
        ...

    @property
    def guards(self) -> tuple[str, ...]:
        """Which contracts are guarded."""
        ...

    @property
    def report_as(self) -> str:
        """Who reports."""
        ...


def acting_sinks(
    wanted: Acting,
    network: Network | None,
    chain_id: int,
    detectors: Sequence[Detector],
    scales: Mapping[bytes, int],
    priced: Mapping[str, Any],
    say: Callable[[str], None],
) -> list[Sink]:
    """The sinks for the log and for what is guarded, as far as they are wanted.

    Parameters
    ----------
    priced :
        Coins, quotes and budgets, as the watch has them.
    """
    if network is None:
        what = "alerts go into the log" if wanted.log_as else "pauses go through the guardian"
        raise InputError(f"{what} of a network", hint="give --state DIR")
    found: list[Sink] = []
    if wanted.log_as is not None:
        terms = WatchTerms.of(chain_id, wanted.start, detectors, scales, **priced)
        account = network.account(wanted.log_as)
        found.append(LogSink(AlertLog(network.log, network.store, account, terms)))
    if wanted.guards:
        found.append(guard_sink(network, wanted.report_as, wanted.guards, say))
    return found


def guard_sink(
    network: Network, name: str, targets: Sequence[str], say: Callable[[str], None]
) -> GuardSink:
    """Pauses contracts through a network's guardian, bonds being those of this account."""
    token = TokenClient(network.contract("CreditToken"))
    guardian = GuardianClient(network.contract("Guardian"), token)
    guarded = [parse_address(word) for word in targets]
    return GuardSink(Responder(guardian, network.account(name), guarded), say)
