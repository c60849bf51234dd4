"""The recipe by which the laundering model is trained, and how it is scored.

The stream is cut by time: 60 % to train, 20 % to choose the bar, 20 % to score. LightGBM is
needed here and nowhere else: what it learnt is walked without it (see `trees`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.monitor.generator import Stream
from counterpoise.monitor.graph import Cuts, Graph
from counterpoise.monitor.graph_state import Limits
from counterpoise.monitor.trees import LEAF_BITS, BoostedTrees
from counterpoise.monitor.typologies import TYPOLOGIES

SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
ROUNDS = 250
TRAIN, CHOOSE = 0.6, 0.8
BUDGET = 200
"""Alerts are counted among the best one row in so many: half a per cent."""

CHUNK = 100_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """A stream with the features of each of its rows, ``(rows, columns)`` int32."""

    stream: Stream
    features: NDArray[np.int32]
    names: tuple[str, ...]
    cuts: Cuts


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model with the bar above which a row is flagged, in units of ``2**-24``."""

    trees: BoostedTrees
    bar: int


@dataclass(frozen=True, slots=True)
class Score:
    """How a model did on the last fifth of a stream.

    Parameters
    ----------
    f1 :
        At the bar that was best on the fifth before.
    recall :
        Share of laundering rows among the best half per cent.
    hit, schemes :
        Schemes with a row among the best half per cent; schemes in all.
    by_typology :
        Recall among the best half per cent.
    """

    f1: float
    recall: float
    hit: int
    schemes: int
    by_typology: dict[str, float]


def describe(
    stream: Stream, limits: Limits | None = None, progress: Progress | None = None
) -> Described:
    """Run a stream through the graph."""
    graph, parts = Graph(limits), []
    for start in range(0, len(stream), CHUNK):
        part = slice(start, start + CHUNK)
        columns = (stream.src, stream.dst, stream.time, stream.amount)
        parts.append(graph.observe(*(column[part] for column in columns)))
        graph.forget(graph.mark())
        if progress is not None:
            progress(min(start + CHUNK, len(stream)), len(stream))
    features = np.concatenate(parts) if parts else np.zeros((0, len(graph.names)), np.int32)
    return Described(stream, features, graph.names, graph.cuts)


def train(described: Described, *, seed: int = 0, rounds: int = ROUNDS) -> Trained:
    """Fit a model on the first 60 % and choose its bar on the next 20 %.

    Raises
    ------
    MissingExtra :
        LightGBM is not installed.
    InputError :
        The part to train on has no laundering, or nothing else.
    """
    try:
        import lightgbm
    except ModuleNotFoundError as missing:
        raise MissingExtra("lightgbm", extra="monitor") from missing
    first, second, _ = parts_of(len(described.stream))
    labels = described.stream.label
    if len(set(labels[first].tolist())) < 2:
        raise InputError(
            f"{int(labels[first].sum())} laundering rows among the first {first.stop}",
            hint="give a longer stream",
        )
    rows = described.features.astype(np.float64)
    dataset = lightgbm.Dataset(
        rows[first],
        labels[first].astype(float),
        feature_name=list(described.names),
        params={"verbose": -1},
    )
    booster = lightgbm.train(SETTINGS | {"seed": seed}, dataset, rounds)
    trees = BoostedTrees.from_dump(booster.dump_model())
    bar = best_bar(trees.bar.scores(described.features[second]), labels[second])
    return Trained(trees, bar)


def parts_of(rows: int) -> tuple[slice, slice, slice]:
    """The rows to train on, to choose on and to score on."""
    first, second = int(rows * TRAIN), int(rows * CHOOSE)
    return slice(0, first), slice(first, second), slice(second, rows)


def best_bar(scores: NDArray[np.int64], labels: NDArray[np.bool_]) -> int:
    """The bar with the best F1; flagged is what lies above it."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    flagged = np.arange(1, len(scores) + 1)
    quality = 2 * hits / np.maximum(flagged + labels.sum(), 1)
    # A bar can only stand between different scores.
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    best = last[int(np.argmax(quality[last]))]
    return int(scores[order[best]]) - 1


def score(described: Described, model: Trained) -> Score:
    """Score a model on the last fifth."""
    *_, third = parts_of(len(described.stream))
    return score_of(described.stream, model.trees.bar.scores(described.features[third]), model.bar)


def score_of(stream: Stream, scores: NDArray[np.int64], bar: int) -> Score:
    """Score whatever ranked the last fifth of a stream; `scores` are of its rows alone."""
    *_, third = parts_of(len(stream))
    labels = stream.label[third]
    flagged = scores > bar
    best = np.argsort(-scores, kind="stable")[: len(scores) // BUDGET]
    schemes, kinds = stream.scheme[third], stream.typology[third]
    found = labels[best]
    by_typology = {
        name: float(found[kinds[best] == kind].sum() / max(1, labels[kinds == kind].sum()))
        for kind, name in enumerate(TYPOLOGIES)
    }
    return Score(
        f1=float(2 * (flagged & labels).sum() / max(1, flagged.sum() + labels.sum())),
        recall=float(found.sum() / max(1, labels.sum())),
        hit=len(set(schemes[best][found].tolist())),
        schemes=len(set(schemes[labels].tolist())),
        by_typology=by_typology,
    )


def confidence_of(model: Trained, described: Described, score_of_row: int) -> int:
    """Share in ppm of rows scored at least so high that were laundering, on the choosing part.

    Smoothed as if one true and one false row had been seen besides (Beta(1, 1)).
    """
    _, second, _ = parts_of(len(described.stream))
    above = model.trees.bar.scores(described.features[second]) >= score_of_row
    true = int(described.stream.label[second][above].sum())
    return (true + 1) * 1_000_000 // (int(above.sum()) + 2)


def probability(score_of_row: int) -> float:
    """The logistic of a score in units of ``2**-24``: for display only."""
    return float(1 / (1 + np.exp(-score_of_row / (1 << LEAF_BITS))))
