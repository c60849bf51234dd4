"""Who is who: agents, ratings that count with a receipt only, and validations (ERC-8004)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.identity.event_tail import EventTail
    from counterpoise.identity.flowback import Flows, Move, moves_of, read_moves
    from counterpoise.identity.receipts import JobReceipts, Paid, Receipts, paid_to
    from counterpoise.identity.registration import Place, Registration, Service, check_domains
    from counterpoise.identity.registry_client import Agent, IdentityClient, Standing
    from counterpoise.identity.reputation_client import ReputationClient
    from counterpoise.identity.rules import Entry, Mean, plain_mean
    from counterpoise.identity.validation_client import Validation, ValidationClient
    from counterpoise.identity.weighing import (
        Customer,
        Outcome,
        Summary,
        Terms,
        Weighed,
        summarise,
        weigh,
    )

_HOMES = {
    "event_tail": ("EventTail",),
    "flowback": ("Flows", "Move", "moves_of", "read_moves"),
    "receipts": ("JobReceipts", "Paid", "Receipts", "paid_to"),
    "registration": ("Place", "Registration", "Service", "check_domains"),
    "registry_client": ("Agent", "IdentityClient", "Standing"),
    "reputation_client": ("ReputationClient",),
    "rules": ("Entry", "Mean", "plain_mean"),
    "validation_client": ("Validation", "ValidationClient"),
    "weighing": ("Customer", "Outcome", "Summary", "Terms", "Weighed", "summarise", "weigh"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Agent",
    "Customer",
    "Entry",
    "EventTail",
    "Flows",
    "IdentityClient",
    "JobReceipts",
    "Mean",
    "Move",
    "Outcome",
    "Paid",
    "Place",
    "Receipts",
    "Registration",
    "ReputationClient",
    "Service",
    "Standing",
    "Summary",
    "Terms",
    "Validation",
    "ValidationClient",
    "Weighed",
    "check_domains",
    "moves_of",
    "paid_to",
    "plain_mean",
    "read_moves",
    "summarise",
    "weigh",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
