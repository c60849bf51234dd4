"""How the shipped laundering model is made: several generated streams, and what people said.

One lesson is a set of described rows with labels and weights. All laundering rows of a stream are
in it and one in five of the others, weighted by five. A model is fitted on lessons, and its bars
and its ladder of confidence are read off other streams that it has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.monitor.drift import Baseline
from counterpoise.monitor.generator import Generator, Traffic
from counterpoise.monitor.laundering_model import LaunderingModel, integral
from counterpoise.monitor.training import SETTINGS, Described, Progress, best_bar, describe
from counterpoise.monitor.trees import BoostedTrees

SPARSE = 5
"""One in so many harmless rows is kept, with that weight."""

TRAFFICS = (
    Traffic(),
    Traffic(sizes=(3, 10), log_amount=7.2, amount_spread=0.8),
    Traffic(rows=700_000, accounts=60_000, sizes=(2, 24), log_amount=8.8, illicit=700),
    Traffic(),
    Traffic(rows=800_000, accounts=150_000, log_amount=6.6, amount_spread=1.4, illicit=1_400),
)
"""Streams to learn from: as the generator's own, and with other sizes, amounts and densities."""

HELD = (Traffic(), Traffic(rows=600_000, accounts=80_000, sizes=(2, 12), log_amount=7.5))
"""Streams to set the bars on."""

STEPS = (3, 5, 10, 20, 35, 60, 100, 200, 400, 1_000)
"""The ladder: the best so many rows of a hundred thousand."""

WORTH, SURE = 20_000, 900_000
"""Shares in ppm: below the first an alert wastes time, above the second no budget holds it."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Rows to learn from.

    Parameters
    ----------
    features :
        ``(rows, columns)`` int32.
    labels :
        ``(rows,)`` bool.
    weights :
        ``(rows,)`` float64.
    """

    features: NDArray[np.int32]
    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]


def lesson_of(described: Described, *, seed: int = 0) -> Lesson:
    """All laundering rows of a stream, and one in `SPARSE` of the others."""
    labels = described.stream.label
    kept = labels | (np.random.default_rng(seed).random(len(labels)) < 1 / SPARSE)
    weights = np.where(labels[kept], 1.0, float(SPARSE))
    return Lesson(described.features[kept], labels[kept], weights)


def fit(lessons: Sequence[Lesson], names: Sequence[str], *, rounds: int, seed: int) -> BoostedTrees:
    """Fit trees and round them to integers.

    Raises
    ------
    MissingExtra :
        LightGBM is not installed.
    InputError :
        The lessons hold no laundering, or nothing else.
    """
    try:
        import lightgbm
    except ModuleNotFoundError as missing:
        raise MissingExtra("lightgbm", extra="monitor") from missing
    labels = np.concatenate([lesson.labels for lesson in lessons])
    if len(set(labels.tolist())) < 2:
        raise InputError(f"{int(labels.sum())} laundering rows among {len(labels)}")
    dataset = lightgbm.Dataset(
        np.concatenate([lesson.features for lesson in lessons]).astype(np.float32),
        labels.astype(float),
        weight=np.concatenate([lesson.weights for lesson in lessons]),
        feature_name=list(names),
        params={"verbose": -1},
    )
    booster = lightgbm.train(SETTINGS | {"seed": seed}, dataset, rounds)
    return integral(BoostedTrees.from_dump(booster.dump_model()))


def finish(
    trees: BoostedTrees, held: Sequence[Described], recipe: dict[str, Any]
) -> LaunderingModel:
    """Set bars, ladder and baseline by streams that the trees have not seen."""
    scores = np.concatenate([trees.bar.scores(one.features) for one in held])
    labels = np.concatenate([one.stream.label for one in held])
    ladder = ladder_of(scores, labels)
    top = ladder[-1][0] + 1
    return LaunderingModel(
        trees=trees,
        bar=best_bar(scores, labels),
        least=min((score for score, share in ladder if share >= WORTH), default=top),
        sure=min((score for score, share in ladder if share >= SURE), default=top),
        ladder=ladder,
        baseline=Baseline.of(trees.names, np.concatenate([one.features for one in held])),
        recipe=recipe,
    )


def ladder_of(scores: NDArray[np.int64], labels: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Ascending scores, each with the share in ppm of laundering from it up to the next.

    Shares are smoothed as if one true and one false row had been seen besides, and never fall as
    scores rise.
    """
    order = np.argsort(-scores, kind="stable")
    ends = sorted({max(1, len(scores) * step // 100_000) for step in STEPS})
    found, begin = [], 0
    for end in ends:
        part = labels[order[begin:end]]
        share = (int(part.sum()) + 1) * 1_000_000 // (len(part) + 2)
        found.append((int(scores[order[end - 1]]), share))
        begin = end
    rising, most = [], 0
    for score, share in sorted(found):
        most = max(most, share)
        rising.append((score, most))
    return tuple(rising)


def make_model(
    *,
    seed: int = 100,
    rounds: int = 250,
    scale: int = 1,
    extra: Sequence[Lesson] = (),
    on_stream: Progress | None = None,
) -> LaunderingModel:
    """The whole recipe.

    Parameters
    ----------
    seed :
        Of the first stream; the others follow.
    scale :
        Streams are so many times shorter, with as many times fewer accounts.
    extra :
        Lessons besides the generated ones, such as `feedback.lesson_of_blocks` gives.
    """
    traffics, described = [*TRAFFICS, *HELD], []
    lessons = list(extra)
    for number, traffic in enumerate(traffics):
        one = describe(Generator(seed + number, _shorter(traffic, scale)).stream())
        if number < len(TRAFFICS):
            lessons.append(lesson_of(one, seed=number))
        else:
            described.append(one)
        if on_stream is not None:
            on_stream(number + 1, len(traffics))
    trees = fit(lessons, described[0].names, rounds=rounds, seed=seed)
    recipe = {
        "seed": seed,
        "rounds": rounds,
        "scale": scale,
        "streams": len(TRAFFICS),
        "feedback": sum(len(lesson.labels) for lesson in extra),
    }
    return finish(trees, described, recipe)


def _shorter(traffic: Traffic, scale: int) -> Traffic:
    from dataclasses import replace

    return replace(traffic, rows=traffic.rows // scale, accounts=traffic.accounts // scale)
