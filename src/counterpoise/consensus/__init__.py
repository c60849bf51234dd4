"""Validators weigh, the market pays: Yuma consensus in integers, a contract that pays by it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.consensus.asking import Ask, InProcess, Reply, is_sealed, seal
    from counterpoise.consensus.checks import Case, Reserve
    from counterpoise.consensus.client import (
        ConsensusClient,
        MarketTerms,
        MemberRecord,
        Proposal,
        Standing,
    )
    from counterpoise.consensus.evidence import Evidence, NetworkEvidence
    from counterpoise.consensus.examiner import Sources
    from counterpoise.consensus.http_ask import HttpAsk
    from counterpoise.consensus.keeper import Keeper, Worker, challenge, run
    from counterpoise.consensus.ledger import Closed, Ledger, Lie
    from counterpoise.consensus.markets import Known, found_market, known_markets, open_market
    from counterpoise.consensus.rules import Cell, Facts, Row, Settlement, settle
    from counterpoise.consensus.scoring import Kind, Rule, Score
    from counterpoise.consensus.sheet import Exchange, Sheet, read_sheet
    from counterpoise.consensus.validator import Policy, Validator
    from counterpoise.consensus.verify import verify_consensus
    from counterpoise.consensus.yuma import Epoch, Liquid, Outcome, Terms, run_epoch

_HOMES = {
    "asking": ("Ask", "InProcess", "Reply", "is_sealed", "seal"),
    "checks": ("Case", "Reserve"),
    "client": ("ConsensusClient", "MarketTerms", "MemberRecord", "Proposal", "Standing"),
    "evidence": ("Evidence", "NetworkEvidence"),
    "examiner": ("Sources",),
    "keeper": ("Keeper", "Worker", "challenge", "run"),
    "ledger": ("Closed", "Ledger", "Lie"),
    "http_ask": ("HttpAsk",),
    "markets": ("Known", "found_market", "known_markets", "open_market"),
    "rules": ("Cell", "Facts", "Row", "Settlement", "settle"),
    "scoring": ("Kind", "Rule", "Score"),
    "sheet": ("Exchange", "Sheet", "read_sheet"),
    "verify": ("verify_consensus",),
    "validator": ("Policy", "Validator"),
    "yuma": ("Epoch", "Liquid", "Outcome", "Terms", "run_epoch"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Ask",
    "Case",
    "Cell",
    "Closed",
    "ConsensusClient",
    "Epoch",
    "Evidence",
    "Exchange",
    "Facts",
    "HttpAsk",
    "InProcess",
    "Keeper",
    "Kind",
    "Known",
    "Ledger",
    "Lie",
    "Liquid",
    "MarketTerms",
    "MemberRecord",
    "NetworkEvidence",
    "Outcome",
    "Policy",
    "Proposal",
    "Reply",
    "Reserve",
    "Row",
    "Rule",
    "Score",
    "Settlement",
    "Sheet",
    "Sources",
    "Standing",
    "Terms",
    "Validator",
    "Worker",
    "challenge",
    "found_market",
    "is_sealed",
    "known_markets",
    "open_market",
    "read_sheet",
    "run",
    "run_epoch",
    "seal",
    "settle",
    "verify_consensus",
]


def __getattr__(name: str) -> Any:
    """Load what a name needs only when it is asked for."""
    if name in _HOME_OF:
        return getattr(import_module(f"counterpoise.consensus.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
