"""What calibration shows of one feature, and how finely a byte can read it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.inference.features import Reals
from counterpoise.inference.net import MAX_WEIGHT

MOST_VALUES = 512
TINY = 1e-12


class Whole(NamedTuple):
    """A whole weight with a step that makes it exact; `error` is what rounding bytes still costs.

    `shift` is the mean error, in the logit's own unit of reals.
    """

    error: float
    weight: int
    step: float
    shift: float


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One feature over the calibration rows.

    Parameters
    ----------
    values, counts :
        Different values, ascending and thinned to a few hundred, and how many rows have each.
    unit :
        All values are multiples of it away from the lowest, at most 255 of them; 0 if not.
    """

    name: str
    lowest: float
    highest: float
    values: Reals
    counts: Reals
    unit: float

    @property
    def span(self) -> float:
        """From the lowest to the highest value."""
        return self.highest - self.lowest

    @property
    def finest(self) -> float:
        """The smallest step with which 256 bytes span the feature, a part of its unit if any."""
        if not self.span:
            return 1.0
        if self.unit:
            return self.unit / max(1, math.floor(255 * self.unit / self.span + 1e-9))
        return self.span / 255

    def coarsened(self, most: float, factor: float) -> float:
        """Give a step up to `most`: any part of the unit, else up to `factor` times the finest."""
        if self.unit and self.span:
            parts = max(1, math.ceil(self.unit / most - 1e-9))
            return max(self.unit / parts, self.finest)
        return max(self.finest, min(most, factor * self.finest))

    def whole(self, weight: float, unit: float) -> Whole:
        """Choose a whole weight and the step at which it equals a real one, least in error."""
        reach = abs(weight) * self.span
        if not reach:
            return Whole(0.0, 0, self.finest, 0.0)
        least = max(1, math.ceil(reach / (255 * unit) - 1e-9))
        most = MAX_WEIGHT if self.unit else min(MAX_WEIGHT, max(least, 3 * least // 2))
        candidates = np.arange(min(least, MAX_WEIGHT), most + 1)
        steps = np.maximum(candidates * unit / abs(weight), self.span / 255.49)
        read = np.floor((self.values[:, None] - self.lowest) / steps + 0.5)
        wrong = weight * (read * steps + self.lowest - self.values[:, None])
        shift = np.average(wrong, axis=0, weights=self.counts)
        error = np.average((wrong - shift) ** 2, axis=0, weights=self.counts)
        best = int(error.argmin())
        signed = int(candidates[best]) * (1 if weight > 0 else -1)
        return Whole(float(error[best]), signed, float(steps[best]), float(shift[best]))


def columns_of(
    rows: Reals, names: Sequence[str], ranges: Mapping[str, tuple[float, float]]
) -> list[Column]:
    """Look at each feature of the calibration rows.

    Raises
    ------
    InputError :
        A range is given for a feature that there is not, or does not hold the rows' values.
    """
    unknown = sorted(set(ranges) - set(names))
    if unknown:
        raise InputError(
            f"a range is given for {unknown[0]!r}, which is no feature",
            hint=f"the features are {', '.join(names)}",
        )
    return [_column(rows[:, i], name, ranges.get(name)) for i, name in enumerate(names)]


def _column(values: Reals, name: str, bounds: tuple[float, float] | None) -> Column:
    different, counts = np.unique(values, return_counts=True)
    lowest, highest = bounds or (float(different[0]), float(different[-1]))
    if lowest > different[0] or highest < different[-1]:
        raise InputError(
            f"feature {name!r} goes from {different[0]:g} to {different[-1]:g} in calibration, "
            f"beyond its range {lowest:g} to {highest:g}"
        )
    unit = _unit(np.unique([lowest, *different, highest]))
    if len(different) > MOST_VALUES:
        chosen = np.linspace(0, len(different) - 1, MOST_VALUES).astype(np.intp)
        different, counts = different[chosen], counts[chosen]
    return Column(name, lowest, highest, different, counts.astype(np.float64), unit)


def _unit(values: npt.NDArray[np.float64]) -> float:
    if len(values) < 2:
        return 0.0
    gaps = np.diff(values)
    unit = float(gaps.min())
    times = gaps / unit
    even = np.allclose(times, np.rint(times), rtol=0, atol=1e-6)
    return unit if even and (values[-1] - values[0]) / unit <= 255.4 else 0.0
