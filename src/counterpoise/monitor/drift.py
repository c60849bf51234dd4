"""Drift: whether what comes now is distributed as what a model was trained on.

The population stability index (PSI) of a feature compares shares of rows by bin: the sum of
``(now - then) * ln(now / then)``. By custom below 0.1 is stable, above 0.25 is another population.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError

if TYPE_CHECKING:
    from counterpoise.monitor.graph import Graph

BINS = 10
STABLE, SHIFTED = 0.1, 0.25
LEAST_ROWS = 1000
"""Below, the index mostly measures chance: with ten bins it is about 18 / rows on its own."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """How features were distributed once.

    Parameters
    ----------
    names :
        Of the features.
    edges :
        For each feature ascending bounds; a value belongs to the first bin whose bound is not
        below it, or to the last bin.
    counts :
        For each feature how many rows fell into each bin, one more than there are bounds.
    """

    names: tuple[str, ...]
    edges: tuple[tuple[int, ...], ...]
    counts: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, names: Sequence[str], rows: NDArray[np.integer[Any]]) -> Baseline:
        """Cut each feature's values into at most ten bins of about as many rows each."""
        if not len(rows):
            raise InputError("a baseline of no rows", hint="give rows of features")
        quantiles = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = []
        for column in rows.T:
            found = np.quantile(column, quantiles, method="inverted_cdf").tolist()
            edges.append(tuple(sorted({int(one) for one in found if one < column.max()})))
        counts = [_counted(column, bounds) for column, bounds in zip(rows.T, edges, strict=True)]
        return cls(tuple(names), tuple(edges), tuple(counts))

    def to_value(self) -> list[Any]:
        """Lists of names and integers."""
        rows = zip(self.names, self.edges, self.counts, strict=True)
        return [[name, list(edges), list(counts)] for name, edges, counts in rows]

    @classmethod
    def of_value(cls, value: Sequence[Sequence[Any]]) -> Baseline:
        """Read what `to_value` gave."""
        names = tuple(str(name) for name, _, _ in value)
        edges = tuple(tuple(int(one) for one in edges) for _, edges, _ in value)
        counts = tuple(tuple(int(one) for one in counts) for _, _, counts in value)
        if any(len(c) != len(e) + 1 for e, c in zip(edges, counts, strict=True)):
            raise ValueError("bins and counts differ in number")
        return cls(names, edges, counts)

    def drift(self, rows: NDArray[np.integer[Any]]) -> list[Drift]:
        """How far each feature of these rows is from the baseline, the farthest first.

        Parameters
        ----------
        rows :
            ``(rows, features)`` in the order of `names`, at least `LEAST_ROWS` of them.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise InputError(f"rows of shape {rows.shape}, not (rows, {len(self.names)})")
        if len(rows) < LEAST_ROWS:
            raise InputError(
                f"{len(rows)} rows are too few to measure drift, {LEAST_ROWS} wanted",
                hint="wait, or give a longer part of the stream",
            )
        found = []
        for name, edges, then, column in zip(
            self.names, self.edges, self.counts, rows.T, strict=True
        ):
            found.append(Drift(name, stability(then, _counted(column, edges))))
        return sorted(found, key=lambda one: (-one.index, one.name))


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature's population stability index."""

    name: str
    index: float

    @property
    def verdict(self) -> str:
        """In a word, by the customary bounds."""
        if self.index < STABLE:
            return "stable"
        return "moved" if self.index < SHIFTED else "another population"


def drift_of_window(baseline: Baseline, graph: Graph) -> list[Drift]:
    """How far what a graph saw of late is from a baseline, the farthest feature first.

    The window's transfers are described once more by an empty graph, and the later half of them is
    compared: their features have at least half a window behind them.
    """
    from counterpoise.monitor.graph import Graph

    columns = graph.window()
    rows = Graph(graph.limits).observe(*columns)
    return baseline.drift(rows[len(rows) // 2 :])


def stability(then: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two histograms over the same bins.

    Half a row is added to every bin, so that an empty one does not make it infinite.
    """
    shares = [
        (np.array(counts) + 0.5) / (sum(counts) + 0.5 * len(counts)) for counts in (then, now)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _counted(column: NDArray[Any], edges: Sequence[int]) -> tuple[int, ...]:
    places = np.searchsorted(np.array(edges, np.int64), column, side="left")
    return tuple(np.bincount(places, minlength=len(edges) + 1).tolist())
