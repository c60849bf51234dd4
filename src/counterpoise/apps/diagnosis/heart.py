"""Four hospitals: the UCI Heart Disease data by FLamby's Fed-Heart-Disease protocol.

Rows become declared integers at once: 13 features, oldpeak in tenths, the rest whole numbers.
The data is CC BY 4.0; data/LICENSE names its creators.

References
----------
Janosi et al., UCI Heart Disease (1989), doi 10.24432/C52P4X; du Terrail et al., *FLamby*,
arXiv 2210.04620.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.federation import Feature

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
FEATURES = (
    Feature("age", 0, 0, 120),
    Feature("sex", 0, 0, 1),
    Feature("trestbps", 0, 0, 300),
    Feature("chol", 0, 0, 1000),
    Feature("fbs", 0, 0, 1),
    Feature("thalach", 0, 0, 250),
    Feature("exang", 0, 0, 1),
    Feature("oldpeak", 1, -100, 100),
    Feature("cp_2", 0, 0, 1),
    Feature("cp_3", 0, 0, 1),
    Feature("cp_4", 0, 0, 1),
    Feature("restecg_1", 0, 0, 1),
    Feature("restecg_2", 0, 0, 1),
)

_NUMBERS = (0, 1, 3, 4, 5, 7, 8, 9)
_CHEST_PAIN, _ECG, _DISEASE = 2, 6, 13
_USED = (*range(10), _DISEASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one hospital: raw integer features ``(rows, 13)`` and labels ``(rows,)``, 0 or 1."""

    features: NDArray[np.int32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: NDArray[np.int64]) -> Part:
        """The rows at these indices."""
        return Part(self.features[indices], self.labels[indices])


@dataclass(frozen=True, slots=True)
class Hospital:
    """One hospital's complete rows, split 66 to 34 as FLamby splits them."""

    name: str
    rows: int
    train: Part
    test: Part


@cache
def load_hospitals() -> tuple[Hospital, ...]:
    """The four hospitals, in FLamby's order of centres."""
    return tuple(_hospital(name) for name in HOSPITALS)


def together(parts: list[Part]) -> Part:
    """The rows of several parts, one after the other."""
    return Part(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _hospital(name: str) -> Hospital:
    source = resources.files("counterpoise.apps.diagnosis") / "data" / f"processed.{name}.data"
    lines = _lines(source)
    kept = [cells for cells in lines if "?" not in (cells[column] for column in _USED)]
    features = np.array([_features(cells) for cells in kept], dtype=np.int32)
    if features.shape[1] != len(FEATURES):
        raise InputError(f"{features.shape[1]} features in {name}, {len(FEATURES)} wanted")
    labels = np.array([Decimal(cells[_DISEASE]) > 0 for cells in kept], dtype=np.int64)
    train, test = _split(labels)
    return Hospital(
        name, len(lines), Part(features[train], labels[train]), Part(features[test], labels[test])
    )


def _lines(source: Traversable) -> list[list[str]]:
    lines = source.read_text(encoding="ascii").splitlines()
    return [line.strip().split(",") for line in lines if line.strip()]


def _features(cells: list[str]) -> list[int]:
    """Numbers first, then one-hot chest pain (1 to 4) and ECG (0 to 2), first level dropped."""
    scales = [10**feature.decimals for feature in FEATURES]
    numbers = [
        _whole(Decimal(cells[column]) * scale)
        for column, scale in zip(_NUMBERS, scales, strict=False)
    ]
    pain, ecg = (int(Decimal(cells[column])) for column in (_CHEST_PAIN, _ECG))
    levels = [pain == level for level in (2, 3, 4)] + [ecg == level for level in (1, 2)]
    return numbers + [int(level) for level in levels]


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise InputError(f"{value} is finer than the declared decimals")
    return int(value)


def _split(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """FLamby's split, by the same function with the same arguments."""
    from sklearn.model_selection import train_test_split

    counts = np.bincount(labels, minlength=2)
    train, test = train_test_split(
        np.arange(len(labels)),
        test_size=1 - 0.66,
        train_size=0.66,
        random_state=43,
        shuffle=True,
        stratify=labels if counts.min() > 2 else None,
    )
    return train, test
