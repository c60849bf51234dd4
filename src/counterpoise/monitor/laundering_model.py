"""The laundering model as it is shipped: trees of integers, what a score is worth, and a digest.

Everything in the file is an integer or a name, so that whoever has the same transfers has the
same scores, and an alert that names the digest can be recomputed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import canonical_json, sha256
from counterpoise.core.errors import InputError
from counterpoise.monitor.contributions import Paths
from counterpoise.monitor.drift import Baseline
from counterpoise.monitor.trees import LEAF_BITS, NONE, BoostedTrees

FORMAT = "counterpoise-laundering/1"
SHIPPED = "laundering.json"


@dataclass(frozen=True, eq=False)
class LaunderingModel:
    """Boosted trees over the features of `Graph`.

    Parameters
    ----------
    trees :
        Thresholds are whole numbers and leaves multiples of ``2**-24``: see `integral`.
    bar :
        The score with the best F1 in the recipe's own test; flagged is what lies above.
    least :
        Nothing below is worth a person's time, however quiet the chain.
    sure :
        What lies above is raised whatever the budget.
    ladder :
        Ascending scores, each with the share in ppm of rows from there to the next that were
        laundering in the recipe's own test. It depends on how rare laundering was there.
    baseline :
        How the features were distributed in training: drift is measured against it.
    recipe :
        What it was trained on, and by which settings.
    """

    trees: BoostedTrees
    bar: int
    least: int
    sure: int
    ladder: tuple[tuple[int, int], ...]
    baseline: Baseline
    recipe: dict[str, Any]

    @classmethod
    @cache
    def shipped(cls) -> LaunderingModel:
        """The model that comes with the package."""
        return cls.from_bytes(files(__package__).joinpath("models", SHIPPED).read_bytes())

    @property
    def names(self) -> tuple[str, ...]:
        """The features it reads, in order."""
        return self.trees.names

    def scores(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The score of each row of features, ``(rows,)`` in units of ``2**-24`` of log-odds."""
        return self.trees.bar.scores(rows)

    def confidence(self, score: int) -> int:
        """What share of rows scored like this were laundering, in ppm."""
        found = 0
        for least, share in self.ladder:
            if score >= least:
                found = share
        return found

    def contributions(self, row: NDArray[np.integer[Any]]) -> list[tuple[str, int, int]]:
        """Each feature's name, value and what it adds to the score, the weightiest first."""
        added = self._paths.contributions(row).tolist()
        rows = zip(self.names, row.tolist(), added, strict=True)
        return sorted(rows, key=lambda entry: (-abs(entry[2]), entry[0]))

    @cached_property
    def _paths(self) -> Paths:
        return Paths.of(self.trees)

    def to_bytes(self) -> bytes:
        """Canonical JSON. A node's right child stands right after its left one."""
        trees, inner = self.trees, self.trees.feature >= 0
        number = np.where(inner, trees.threshold, trees.bar.value)
        return canonical_json(
            {
                "format": FORMAT,
                "names": list(trees.names),
                "roots": trees.roots.tolist(),
                "feature": trees.feature.tolist(),
                "number": number.astype(np.int64).tolist(),
                "left": trees.left.tolist(),
                "cover": trees.cover.tolist(),
                "bars": [self.least, self.bar, self.sure],
                "ladder": [list(step) for step in self.ladder],
                "baseline": self.baseline.to_value(),
                "recipe": self.recipe,
            }
        )

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what an alert names as its model."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> LaunderingModel:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InputError :
            The bytes are no model, or trees that a walk could get lost in.
        """
        try:
            record = json.loads(data)
            if record["format"] != FORMAT:
                raise InputError(f"a model of format {record['format']!r}, not {FORMAT!r}")
            trees = _trees_of(record)
            least, bar, sure = (int(one) for one in record["bars"])
            ladder = tuple((int(score), int(share)) for score, share in record["ladder"])
            baseline = Baseline.of_value(record["baseline"])
            model = cls(trees, bar, least, sure, ladder, baseline, dict(record["recipe"]))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(
                f"these bytes are no laundering model: {error!r}",
                hint="make one with `counterpoise monitor train`",
            ) from error
        trees.check()
        return model


def integral(trees: BoostedTrees) -> BoostedTrees:
    """The same trees for rows of integers: thresholds rounded down, leaves to ``2**-24``.

    Raises
    ------
    InputError :
        A split treats missing values apart.
    """
    inner = trees.feature >= 0
    if (trees.missing[inner] != NONE).any():
        raise InputError("these trees split on missing values", hint="train on integers")
    record: dict[str, Any] = {
        "names": trees.names,
        "roots": trees.roots,
        "feature": trees.feature,
        "number": np.where(inner, np.floor(trees.threshold), trees.bar.value).astype(np.int64),
        "left": trees.left,
        "cover": trees.cover,
    }
    return _trees_of(record)


def _trees_of(record: Mapping[str, Any]) -> BoostedTrees:
    feature = np.array(record["feature"], np.int32)
    number = np.array(record["number"], np.int64)
    left = np.array(record["left"], np.int32)
    inner = feature >= 0
    return BoostedTrees(
        names=tuple(record["names"]),
        roots=np.array(record["roots"], np.int32),
        feature=feature,
        threshold=np.where(inner, number, 0).astype(np.float64),
        left=left,
        right=np.where(inner, left + 1, -1).astype(np.int32),
        missing=np.full(len(feature), NONE, np.int8),
        default_left=np.zeros(len(feature), np.bool_),
        value=np.where(inner, 0, number) / (1 << LEAF_BITS),
        cover=np.array(record["cover"], np.int64),
    )
