"""What a transfer looks like, by integer rules: the name of a typology and the figures behind it.

A reading says how a row of features would be told to a person. It convicts nobody: payroll is a
fan-out too, and of all rows that have a reading only a few in a hundred are laundering in the
generator's streams. The model ranks; a reading names what it ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Row = Mapping[str, int]

FEW = 2
"""From so many alike, fresh transfers on it is a pattern; one may be chance."""


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
        lambda row: min(row[f"cluster_{part}"] for part in ("sources", "middles", "sinks")) >= FEW,
        lambda row: (
            f"layers: {row['cluster_sources']} payers, {row['cluster_middles']} accounts between, "
            f"{row['cluster_sinks']} receivers"
        ),
    ),
    Rule(
        "bipartite",
        lambda row: (
            row["cluster_middles"] == 0 and min(row["cluster_sources"], row["cluster_sinks"]) >= FEW
        ),
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
        lambda row: row["chain"] >= 1 and row["fresh"] == 1,
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
