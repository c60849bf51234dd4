"""What other accounts of the training say of a value: how common it is, and how often fraud.

Made of the training's accounts alone. For these themselves the share of fraud is taken over the
others, a tenth at a time, or the model would learn its own labels by heart.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.monitor.account_table import AccountTable

SHARED = ("ERC20_max_val_rec", "max_value_received")
"""Amounts that many victims pay, or that an airdrop gives to all."""

COUNTED = (
    "max_value_received",
    "min_value_received",
    "max_val_sent",
    "min_val_sent",
    "ERC20_max_val_rec",
    "ERC20_min_val_rec",
    "ERC20_total_Ether_received",
    "avg_val_received",
    "total_ether_received",
)
PRIOR, TENTHS = 5, 10
NAMES = (
    *(f"{what} {of}" for of in ("sent token", "received token", "tokens") for what in ("n", "p")),
    *(f"{what} {of}" for of in SHARED for what in ("n", "p")),
    *(f"count of {name}" for name in COUNTED),
)

Counts = dict[Hashable, tuple[int, int]]
"""Of each value: accounts, and fraud accounts."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Counts of values among the training's accounts.

    Parameters
    ----------
    rated :
        For the tokens, their pair and `SHARED`: accounts and fraud accounts by value.
    counted :
        For `COUNTED`: accounts by value.
    share :
        Share of fraud among all.
    """

    rated: tuple[Counts, ...]
    counted: tuple[dict[float, int], ...]
    share: float

    @classmethod
    def fit(cls, table: AccountTable, rows: NDArray[np.intp], seed: int) -> tuple[Encoding, Any]:
        """Count over some rows; give the encoding, and those rows encoded without themselves."""
        fraud = table.fraud[rows]
        tenth = np.random.default_rng(seed).integers(0, TENTHS, len(rows))
        keys = [[key[row] for row in rows] for key in _keys(table)]
        whole = cls(
            tuple(_count(key, fraud) for key in keys),
            tuple(_tally(table.column(name)[rows]) for name in COUNTED),
            float(fraud.mean()),
        )
        encoded = whole.encode(table, rows)
        for place, key in enumerate(keys):
            parts = [_count(_of(key, tenth == t), fraud[tenth == t]) for t in range(TENTHS)]
            for at, (value, t) in enumerate(zip(key, tenth.tolist(), strict=True)):
                (all_, bad), (own, own_bad) = whole.rated[place][value], parts[t][value]
                encoded[at, 2 * place + 1] = whole.rate(all_ - own, bad - own_bad)
        return whole, encoded

    def encode(self, table: AccountTable, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """The columns `NAMES` of accounts that were not in the training."""
        columns: list[list[float]] = []
        for key, counts in zip(_keys(table), self.rated, strict=True):
            found = [counts.get(key[row], (0, 0)) for row in rows]
            columns.append([float(all_) for all_, _ in found])
            columns.append([self.rate(*one) for one in found])
        for name, tally in zip(COUNTED, self.counted, strict=True):
            values = table.column(name)[rows].tolist()
            columns.append([float(tally.get(value, 0)) for value in values])
        return np.array(columns, float).T

    def rate(self, all_: int, bad: int) -> float:
        """Share of fraud, drawn towards that of all as if by five more accounts."""
        return (bad + PRIOR * self.share) / (all_ + PRIOR)


def _keys(table: AccountTable) -> list[list[Hashable]]:
    sent, received = (table.tokens[:, side].tolist() for side in (0, 1))
    shared = [np.round(table.column(name), 6).tolist() for name in SHARED]
    return [sent, received, list(zip(sent, received, strict=True)), *shared]


def _of(key: Sequence[Hashable], chosen: NDArray[np.bool_]) -> list[Hashable]:
    return [key[place] for place in np.flatnonzero(chosen).tolist()]


def _count(key: Sequence[Hashable], fraud: NDArray[np.bool_]) -> Counts:
    found: Counts = {}
    for value, bad in zip(key, fraud.tolist(), strict=True):
        all_, before = found.get(value, (0, 0))
        found[value] = all_ + 1, before + bad
    return found


def _tally(values: NDArray[np.float64]) -> dict[float, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
