"""The Statlog German Credit data: 1,000 applicants, 300 of whom did not pay back.

Rows are split by a hash of their number, within each class: 600 to train, 150 to validate, 250 to
test. The data is CC BY 4.0; data/LICENSE names its creator.

References
----------
Hofmann, Statlog (German Credit Data), 1994, doi 10.24432/C5NC77. On mistakes in the labels of some
of its levels: Grömping, *South German Credit Data: Correcting a Widely Used Data Set*, 2019.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.lending.attributes import FEATURES, features_of
from counterpoise.core.digest import sha256
from counterpoise.core.errors import InputError

SPLIT_SEED = b"german credit split 1"
PARTS = {"train": 60, "validation": 15, "test": 25}
"""Hundredths of each class."""
COST_OF_BAD = 5
"""The data's own cost matrix: to accept who does not pay costs five times a good one refused."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some applicants.

    Parameters
    ----------
    numbers :
        Their rows in the file, from 0, shape (n,).
    features :
        Shape (n, 46), whole numbers as float64, in the order of `FEATURES`.
    bad :
        Whether each did not pay back, shape (n,), 0 or 1.
    values :
        The cells of each row, by column, protected ones too.
    """

    numbers: NDArray[np.int64]
    features: NDArray[np.float64]
    bad: NDArray[np.int64]
    values: tuple[dict[str, str], ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def chosen(self, places: NDArray[np.int64]) -> Part:
        """Give the applicants at these places."""
        values = tuple(self.values[place] for place in places)
        return Part(self.numbers[places], self.features[places], self.bad[places], values)


@cache
def load_credit() -> Part:
    """Load all 1,000 applicants, in the order of the file."""
    source = resources.files("counterpoise.apps.lending") / "data" / "germancredit.csv"
    rows = list(csv.DictReader(source.read_text(encoding="utf-8").splitlines()))
    outcomes = [row["creditability"] for row in rows]
    if not set(outcomes) <= {"good", "bad"} or len(rows) != 1000:
        raise InputError(
            "germancredit.csv is not the data set it was", hint="reinstall the package"
        )
    features = np.array([features_of(row) for row in rows], dtype=np.float64)
    if features.shape[1] != len(FEATURES):
        raise InputError(f"{features.shape[1]} features, {len(FEATURES)} wanted")
    bad = np.array([outcome == "bad" for outcome in outcomes], dtype=np.int64)
    return Part(np.arange(len(rows)), features, bad, tuple(rows))


@cache
def split() -> dict[str, Part]:
    """Give the parts ``train``, ``validation`` and ``test``; no row is in two."""
    credit = load_credit()
    chosen: dict[str, list[int]] = {name: [] for name in PARTS}
    for label in (0, 1):
        rows = [int(row) for row in np.flatnonzero(credit.bad == label)]
        rows.sort(key=lambda row: sha256(SPLIT_SEED + row.to_bytes(4, "big")))
        start = 0
        for name, hundredths in PARTS.items():
            end = start + len(rows) * hundredths // 100
            chosen[name] += rows[start:end]
            start = end
    return {name: credit.chosen(np.array(sorted(rows))) for name, rows in chosen.items()}
