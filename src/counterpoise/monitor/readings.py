"""What a transfer looks like, by integer rules: the name of a typology and the figures behind it.

A reading says how a row of features would be told to a person. It convicts nobody: payroll is a
fan-out too. What makes one suspicious is how quiet the accounts are, which `suspicious` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Row = Mapping[str, int]

FEW = 2
"""From so many alike, fresh transfers on it is a pattern; one may be chance."""

QUIET = 64 * 4
"""Accounts that moved less than 16 transfers each within the window, on (geometric) average."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A typology and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One typology: when a row has it, and its figures in words."""

    name: str
    holds: Callable[[Row], bool]
    why: Callable[[Row], str]


RULES = (
    Rule(
        "cycle",
        lambda row: row["cycle"] >= 2,
        lambda row: f"alike, fresh transfers lead back to the payer in {row['cycle'] + 1} hops",
    ),
    Rule(
        "scatter-gather",
        lambda row: row["middlemen"] >= 1,
        lambda row: (
            f"{row['middlemen'] + 1} middlemen pay the receiver alike; one payer stands behind them"
        ),
    ),
    Rule(
        "stack",
        lambda row: row["squares"] >= 1 and row["cluster_middles"] >= 2,
        lambda row: (
            f"layers: {row['cluster_sources']} payers, {row['cluster_middles']} accounts between, "
            f"{row['cluster_sinks']} receivers, crossed {row['squares']} times"
        ),
    ),
    Rule(
        "bipartite",
        lambda row: row["squares"] >= 1,
        lambda row: (
            f"{row['cluster_sources']} payers pay {row['cluster_sinks']} receivers crosswise, alike"
        ),
    ),
    Rule(
        "gather-scatter",
        lambda row: row["fresh_alike_in_src"] >= FEW,
        lambda row: (
            f"the payer gathered {row['fresh_alike_in_src']} alike, fresh transfers and pays on"
        ),
    ),
    Rule(
        "fan-in",
        lambda row: row["fresh_alike_in_dst"] >= FEW,
        lambda row: (
            f"{row['fresh_alike_in_dst'] + 1} alike transfers from accounts new to the receiver"
        ),
    ),
    Rule(
        "fan-out",
        lambda row: row["fresh_alike_out_src"] >= FEW,
        lambda row: (
            f"{row['fresh_alike_out_src'] + 1} alike transfers to accounts new to the payer"
        ),
    ),
    Rule(
        "chain",
        lambda row: row["chain"] >= FEW and row["fresh"] == 1,
        lambda row: f"{row['chain'] + 1} transfers in a row passed on 85 % to 101 % of each",
    ),
    Rule(
        "structuring",
        lambda row: (
            row["paid_before"] >= 4 and row["alike_out_src"] - row["fresh_alike_out_src"] >= 4
        ),
        lambda row: (
            f"the payer split what it pays this receiver: {row['paid_before'] + 1} transfers"
        ),
    ),
)
"""In order of how much they explain; the first that holds names a transfer."""


def readings(row: Row) -> tuple[Reading, ...]:
    """All typologies that a row of features has, the most telling first."""
    return tuple(Reading(rule.name, rule.why(row)) for rule in RULES if rule.holds(row))


def suspicious(row: Row) -> bool:
    """Whether the accounts around are so quiet that the pattern is unlikely to be business."""
    return row["fresh"] == 1 and row["cluster_traffic"] <= QUIET
