"""An owner's rows as jobs see them: declared integers, the outcome last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.federation import Feature
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.request import Condition

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """What everybody may know of a dataset's columns.

    Parameters
    ----------
    features :
        Each with its decimals and its least and greatest integer.
    label :
        Name of the outcome, a class from 0; the last column.
    classes :
        How many classes there are.
    """

    features: tuple[Feature, ...]
    label: str
    classes: int

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the outcome's last."""
        return (*(feature.name for feature in self.features), self.label)

    def place(self, name: str) -> int:
        """Give where a column stands.

        Raises
        ------
        NotAdmitted :
            There is none of this name.
        """
        if name not in self.names:
            raise NotAdmitted("columns", f"the dataset has no column {name!r}")
        return self.names.index(name)

    def bounds(self, name: str) -> tuple[int, int]:
        """Give the least and the greatest integer that a column may hold."""
        place = self.place(name)
        if place == len(self.features):
            return 0, self.classes - 1
        return self.features[place].minimum, self.features[place].maximum

    def to_record(self) -> list[dict[str, Any]]:
        """Give them as a dataset's policy statement tells them."""
        found = [
            {"name": f.name, "decimals": f.decimals, "minimum": f.minimum, "maximum": f.maximum}
            for f in self.features
        ]
        last = {"name": self.label, "decimals": 0, "minimum": 0, "maximum": self.classes - 1}
        return [*found, last]

    @classmethod
    def from_record(cls, record: Any) -> Columns:
        """Read what `to_record` gave; anything else is an `InputError`."""
        try:
            *features, last = (Feature(**one) for one in record)
        except (TypeError, ValueError) as error:
            raise InputError(f"these are no columns of a dataset: {error}") from error
        found = cls(tuple(features), last.name, last.maximum + 1)
        if not features or found.to_record() != record or len(set(found.names)) <= len(features):
            raise InputError(
                "a dataset has features and, last, an outcome: a class from 0",
                hint='{"name": "ill", "decimals": 0, "minimum": 0, "maximum": 1}',
            )
        return found


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows themselves; they stay in the owner's node.

    Parameters
    ----------
    values :
        ``(rows, columns)`` int64.
    """

    columns: Columns
    values: Integers

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> Integers:
        """Give one column, ``(rows,)``."""
        found: Integers = self.values[:, self.columns.place(name)]
        return found

    def selected(self, where: Sequence[Condition]) -> npt.NDArray[np.bool_]:
        """Tell which rows meet all conditions, ``(rows,)``."""
        found = np.ones(len(self), dtype=np.bool_)
        for one in where:
            values = self.column(one.column)
            found &= (one.least <= values) & (values <= one.most)
        return found
