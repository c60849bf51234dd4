"""Validators weigh, the market pays: Yuma consensus in integers, a contract that pays by it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.consensus.client import (
        ConsensusClient,
        MarketTerms,
        MemberRecord,
        Proposal,
        Standing,
    )
    from counterpoise.consensus.ledger import Closed, Ledger, Lie
    from counterpoise.consensus.rules import Cell, Facts, Row, Settlement, settle
    from counterpoise.consensus.yuma import Epoch, Liquid, Outcome, Terms, run_epoch

_HOMES = {
    "client": ("ConsensusClient", "MarketTerms", "MemberRecord", "Proposal", "Standing"),
    "ledger": ("Closed", "Ledger", "Lie"),
    "rules": ("Cell", "Facts", "Row", "Settlement", "settle"),
    "yuma": ("Epoch", "Liquid", "Outcome", "Terms", "run_epoch"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Cell",
    "Closed",
    "ConsensusClient",
    "Epoch",
    "Facts",
    "Ledger",
    "Lie",
    "Liquid",
    "MarketTerms",
    "MemberRecord",
    "Outcome",
    "Proposal",
    "Row",
    "Settlement",
    "Standing",
    "Terms",
    "run_epoch",
    "settle",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name in _HOME_OF:
        return getattr(import_module(f"counterpoise.consensus.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
