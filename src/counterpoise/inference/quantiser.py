"""From real features to the bytes a model runs on, written down so that anyone can repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.inference.features import Even, Feature, Reals, feature_of
from counterpoise.inference.trace import Bytes


@dataclass(frozen=True, slots=True)
class Quantiser:
    """One rule a feature; part of a model's card.

    Parameters
    ----------
    features :
        In the order of the columns.

    Examples
    --------
    >>> quantiser = Quantiser((Even("age", 20.0, 80.0, 0.25), Even("smokes", 0.0, 1.0, 1 / 255)))
    >>> quantiser.bytes_of([[20.1, 1], [80, 0]]).tolist()
    [[0, 255], [240, 0]]
    >>> quantiser.bytes_of([[81, 0]], clip=True).tolist(), quantiser.outside([[81, 0]]).tolist()
    ([[240, 0]], [[True, False]])
    """

    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(feature.name for feature in self.features)

    def bytes_of(self, rows: npt.ArrayLike, *, clip: bool = False) -> Bytes:
        """Give the bytes of rows of real features, (n, features) to (n, features) uint8.

        Parameters
        ----------
        clip :
            Take what is beyond the calibrated range as the range's end; `outside` tells which
            values that concerns.

        Raises
        ------
        InputError :
            A value is not finite, or, unless `clip`, outside calibration: the first is named.
        """
        reals = self._checked(rows)
        if not clip:
            self._refuse_outside(reals)
        columns = [f.bytes_of(reals[:, i]) for i, f in enumerate(self.features)]
        return np.stack(columns, axis=1)

    def outside(self, rows: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which values are outside calibration: (n, features)."""
        reals = self._checked(rows)
        return np.stack([f.outside(reals[:, i]) for i, f in enumerate(self.features)], axis=1)

    def as_record(self) -> list[dict[str, Any]]:
        """Give the features as JSON holds them."""
        return [feature.as_record() for feature in self.features]

    @classmethod
    def from_record(cls, record: object) -> Quantiser:
        """Read what `as_record` gave; anything else is an `InputError`."""
        if not isinstance(record, list) or not record:
            raise InputError("a quantiser lists one feature or more")
        return cls(tuple(feature_of(one) for one in record))

    def _checked(self, rows: npt.ArrayLike) -> Reals:
        reals = real_rows(rows, self.names)
        if reals.shape[1] != len(self.features):
            raise InputError(f"rows of {reals.shape[1]} features, {len(self.features)} wanted")
        return reals

    def _refuse_outside(self, reals: Reals) -> None:
        for column, feature in enumerate(self.features):
            where = np.flatnonzero(feature.outside(reals[:, column]))
            if len(where) and isinstance(feature, Even):
                raise InputError(
                    f"feature {feature.name!r} is {reals[where[0], column]:g} in row {where[0]}, "
                    f"outside calibration: {feature.lowest:g} to {feature.highest:g}",
                    hint="calibrate with rows or ranges that cover it, or allow clipping",
                )


def real_rows(rows: npt.ArrayLike, names: Sequence[str] = ()) -> Reals:
    """Give rows as float64 of shape (n, features).

    Raises
    ------
    InputError :
        They are no numbers or of another shape, or one is not finite.
    """
    try:
        reals = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the rows are not numbers: {error}", hint="expand categories into columns of 0 and 1"
        ) from error
    if reals.ndim != 2 or not reals.shape[1]:
        raise InputError(f"rows of shape {reals.shape}, (n, features) wanted")
    wrong = np.argwhere(~np.isfinite(reals))
    if len(wrong):
        row, column = (int(place) for place in wrong[0])
        name = repr(names[column]) if column < len(names) else column
        raise InputError(f"feature {name} is {reals[row, column]} in row {row}: no finite number")
    return reals
