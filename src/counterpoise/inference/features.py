"""How one real feature becomes one byte: evenly, or by a table of cut points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError

Reals: TypeAlias = npt.NDArray[np.float64]
MAX_CUTS = 255


@dataclass(frozen=True, slots=True)
class Even:
    """Even steps: ``floor((x - lowest) / step + 1/2)``, half up, clipped to a byte.

    The three operations are those of IEEE 754 in 64 bits, each rounded to nearest, so that every
    machine makes the same byte.

    Parameters
    ----------
    name :
        Of the feature, for errors.
    lowest, highest :
        The range seen in calibration, both included.
    step :
        What one unit of the byte is worth.
    """

    name: str
    lowest: float
    highest: float
    step: float

    def __post_init__(self) -> None:
        whole = math.isfinite(self.lowest) and math.isfinite(self.highest)
        if not whole or self.lowest > self.highest or not 0 < self.step < math.inf:
            raise InputError(
                f"feature {self.name!r} goes from {self.lowest} to {self.highest} by {self.step}"
            )
        if (self.highest - self.lowest) / self.step >= 255.5:
            raise InputError(
                f"feature {self.name!r} from {self.lowest} to {self.highest} has more than 256 "
                f"steps of {self.step}"
            )

    def bytes_of(self, values: Reals) -> npt.NDArray[np.uint8]:
        """Give the byte of each value; what is beyond the range becomes its end."""
        bounded = np.minimum(np.maximum(values, self.lowest), self.highest)
        steps = np.floor((bounded - self.lowest) / self.step + 0.5)
        return np.asarray(np.minimum(steps, 255.0).astype(np.uint8))

    def outside(self, values: Reals) -> npt.NDArray[np.bool_]:
        """Tell which values calibration has not seen the like of."""
        return np.asarray((values < self.lowest) | (values > self.highest))

    def as_record(self) -> dict[str, Any]:
        """Give it as JSON holds it; reals as their shortest decimals."""
        reals = {"highest": repr(self.highest), "lowest": repr(self.lowest)}
        return {"kind": "even", "name": self.name, "step": repr(self.step)} | reals


@dataclass(frozen=True, slots=True)
class Cuts:
    """A table of cut points: the byte is how many of them a value is above.

    A tree that asks ``x <= cut[i]`` asks ``p <= i`` of the byte: its decisions stay what they are
    for every real number, so there is no range to leave.

    Parameters
    ----------
    points :
        Ascending, at most 255.
    single :
        Values are first rounded to IEEE 754 binary32, as the model's own library does.
    """

    name: str
    points: tuple[float, ...]
    single: bool = False

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip(self.points, self.points[1:], strict=False))
        if len(self.points) > MAX_CUTS or not ascending or not all(map(math.isfinite, self.points)):
            raise InputError(
                f"feature {self.name!r} has {len(self.points)} cuts; at most {MAX_CUTS}, "
                "finite and ascending, wanted"
            )

    def bytes_of(self, values: Reals) -> npt.NDArray[np.uint8]:
        """Give the byte of each value."""
        seen = values.astype(np.float32).astype(np.float64) if self.single else values
        return np.searchsorted(np.array(self.points), seen, side="left").astype(np.uint8)

    def outside(self, values: Reals) -> npt.NDArray[np.bool_]:
        """Tell which values are out of range: none is."""
        return np.zeros(len(values), dtype=np.bool_)

    def as_record(self) -> dict[str, Any]:
        """Give it as JSON holds it; reals as their shortest decimals."""
        points = [repr(point) for point in self.points]
        return {"kind": "cuts", "name": self.name, "points": points, "single": self.single}


Feature: TypeAlias = Even | Cuts


def feature_of(record: Any) -> Feature:
    """Read a feature from its record; anything malformed is an `InputError`."""
    try:
        if record["kind"] == "even":
            reals = (float(record[key]) for key in ("lowest", "highest", "step"))
            found: Feature = Even(record["name"], *reals)
        else:
            points = tuple(float(point) for point in record["points"])
            found = Cuts(record["name"], points, record["single"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"no feature of a quantiser: {error}") from error
    if found.as_record() != record:
        raise InputError(f"feature {found.name!r} of the quantiser is not canonical")
    return found
