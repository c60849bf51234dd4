"""Round 0: federated statistics, in integers, and the standardisation they give.

Each participant sends ``[n, sum x_1 .. sum x_d, sum x_1**2 .. sum x_d**2]`` over its raw integer
rows. The sums of all give one mean and one deviation per feature, the same for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.federation.rules.logits import INTEGER_LIMIT, Integers
from counterpoise.federation.rules.task import Feature, TaskRules
from counterpoise.federation.rules.update import AdmissionError

FEATURE_LIMIT = 1 << 15


@dataclass(frozen=True, slots=True)
class Statistics:
    """Sums over all admitted participants: rows, x and x squared, exact."""

    rows: int
    sums: tuple[int, ...]
    squares: tuple[int, ...]

    def deviation(self, column: int) -> int:
        """``isqrt(n * Q - S**2)``: n times the standard deviation, floored."""
        return isqrt(self.rows * self.squares[column] - self.sums[column] ** 2)

    def to_value(self) -> dict[str, Any]:
        """Plain values for canonical JSON; the sums are decimal strings."""
        return {
            "rows": self.rows,
            "sums": [str(value) for value in self.sums],
            "squares": [str(value) for value in self.squares],
        }


def local_statistics(rows: NDArray[np.integer[Any]], task: TaskRules) -> Integers:
    """One participant's vector, ``(1 + 2 * features,)`` int64.

    Raises
    ------
    InputError
        A row has a value outside the declared range, or the sums could leave 62 bits.
    """
    check_range(rows, task)
    wide = rows.astype(np.int64)
    return np.concatenate([[len(wide)], wide.sum(axis=0), (wide**2).sum(axis=0)])


def check_range(rows: NDArray[np.integer[Any]], task: TaskRules) -> None:
    """Refuse rows of another width or with a value outside its feature's declared range."""
    if rows.ndim != 2 or rows.shape[1] != len(task.features) or rows.dtype.kind != "i":
        raise InputError(
            f"rows of shape {rows.shape} {rows.dtype}",
            hint=f"wanted (rows, {len(task.features)}) of signed integers",
        )
    for column, feature in enumerate(task.features):
        values = rows[:, column]
        if len(values) and not feature.minimum <= values.min() <= values.max() <= feature.maximum:
            raise InputError(
                f"{feature.name} ranges from {values.min()} to {values.max()}",
                hint=f"the task declares {feature.minimum} to {feature.maximum}",
            )
        if len(values) * _largest_square(feature) >= INTEGER_LIMIT:
            raise InputError(f"sums of {feature.name} could leave 62 bits")


def admit_statistics(vector: object, task: TaskRules, rows: int) -> Integers:
    """Check one participant's vector against its dataset statement and the declared ranges.

    Parameters
    ----------
    vector :
        What was revealed.
    rows :
        The number of rows of the participant's dataset statement.

    Raises
    ------
    AdmissionError
        ``"dtype"``, ``"shape"``, or ``"statistics"``: another number of rows than stated, or
        sums that no rows within the ranges can have.
    """
    if not isinstance(vector, np.ndarray) or vector.dtype != np.int64:
        raise AdmissionError("dtype", "the statistics are not an int64 vector")
    width = len(task.features)
    if vector.shape != (1 + 2 * width,):
        raise AdmissionError("shape", f"statistics of shape {vector.shape}, not ({1 + 2 * width},)")
    count, *sums = (int(value) for value in vector)
    if count != rows or count < 1:
        raise AdmissionError("statistics", f"{count} rows, the dataset statement says {rows}")
    for feature, total, square in zip(task.features, sums[:width], sums[width:], strict=True):
        if not _possible(count, total, square, feature):
            raise AdmissionError(
                "statistics",
                f"{feature.name}: no {count} rows in its range have sum {total}, squares {square}",
            )
    return vector


def _possible(count: int, total: int, square: int, feature: Feature) -> bool:
    """Range of the mean; Cauchy-Schwarz below; (x - min)(max - x) >= 0 above."""
    low, high = feature.minimum, feature.maximum
    return (
        count * low <= total <= count * high
        and total * total <= count * square
        and square <= (low + high) * total - count * low * high
    )


def _largest_square(feature: Feature) -> int:
    return max(feature.minimum**2, feature.maximum**2)


def combined(vectors: Mapping[bytes, Integers], task: TaskRules) -> Statistics:
    """The exact sum of all admitted vectors; of none, an `InputError`."""
    if not vectors:
        raise InputError("no participant's statistics were admitted")
    totals = [sum(column) for column in zip(*(v.tolist() for v in vectors.values()), strict=True)]
    width = len(task.features)
    return Statistics(totals[0], tuple(totals[1 : 1 + width]), tuple(totals[1 + width :]))


def standardised(
    rows: NDArray[np.integer[Any]], statistics: Statistics, task: TaskRules
) -> NDArray[np.int32]:
    """``floor(((x * n - S) << feature_bits) / isqrt(n * Q - S**2))`` within +-``2**15``.

    A feature that does not vary becomes 0.

    Returns
    -------
    NDArray[np.int32]
        ``(rows, features)`` in units of ``2**-feature_bits``.
    """
    check_range(rows, task)
    found = np.zeros(rows.shape, dtype=np.int32)
    for column, feature in enumerate(task.features):
        deviation = statistics.deviation(column)
        spread = feature.maximum - feature.minimum
        if statistics.rows * spread << task.feature_bits >= INTEGER_LIMIT:
            raise InputError(f"standardising {feature.name} could leave 62 bits")
        if deviation:
            centred = rows[:, column].astype(np.int64) * statistics.rows - statistics.sums[column]
            scaled = (centred << task.feature_bits) // deviation
            found[:, column] = np.clip(scaled, -FEATURE_LIMIT, FEATURE_LIMIT)
    return found
