"""F1 of laundering on AMLworld, by the two ways of splitting it that are in use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.monitor.datasets.amlworld import (
    Transfers,
    features_of,
    load_amlworld,
    split_by_days,
    split_by_place,
)
from counterpoise.monitor.datasets.amlworld_patterns import typologies_of
from counterpoise.monitor.datasets.elliptic import f1_of
from counterpoise.monitor.datasets.report import Figure, Progress, Report, silent
from counterpoise.monitor.training import ROUNDS, SETTINGS, best_bar
from counterpoise.monitor.trees import BoostedTrees

PUBLISHED = {
    "HI-Small": {
        "a": "Multi-GIN .571, Multi-PNA+EU .682, FraudGT .686; GIN .287, PNA .568",
        "b": "GFP + LightGBM .629, GFP + XGBoost .632 (2023); GFP best .648 (2024); LightGBM "
        "without graph .213",
    },
    "LI-Small": {"b": "GFP best .283 (2024)"},
}
WAYS = {
    "a": "whole days, 60/20/20 by time (as Multi-GNN)",
    "b": "60/20/20 by the file's order (as the GFP papers)",
}
NOTES = (
    "the two splits are different tasks: never compare a figure of (a) with one of (b)",
    "laundering outside of the listed patterns is labelled too: F1 has a ceiling near .7 (paper)",
    "our features look back over time only, also under (b); window 1 day",
)
Mask = NDArray[np.bool_]


def measure(
    path: Path,
    *,
    seeds: int = 5,
    on_step: Progress = silent,
    published: dict[str, dict[str, int]] | None = None,
    rounds: int = ROUNDS,
) -> Report:
    """Train LightGBM on the graph's features and score the laundering class.

    Parameters
    ----------
    path :
        A ``…_Trans.csv``; ``…_Patterns.txt`` beside it adds recall by typology.
    """
    if not path.is_file():
        raise InputError(f"no file {path}", hint="--data names HI-Small_Trans.csv or another")
    transfers = load_amlworld(path, on_step, published)
    features, _ = features_of(transfers, on_step=on_step)
    known = next((PUBLISHED[name] for name in PUBLISHED if path.name.startswith(name)), {})
    figures = []
    ways = {"a": split_by_days(transfers.time), "b": split_by_place(len(transfers))}
    kinds = _kinds(transfers, path)
    for way, masks in ways.items():
        even, chosen, flagged = [], [], []
        for seed in range(seeds):
            on_step(f"models ({way})", seed, seeds)
            at_even, at_bar, found = _score(features, transfers.laundering, masks, seed, rounds)
            even.append(at_even)
            chosen.append(at_bar)
            flagged.append(found)
        figures.append(Figure(f"F1 ({way}) at even odds", tuple(even), known.get(way, "")))
        figures.append(Figure(f"F1 ({way}) at the bar best in validation", tuple(chosen)))
        figures += [
            Figure(f"recall of {kind} ({way})", tuple(_recall(f, rows, masks[2]) for f in flagged))
            for kind, rows in kinds.items()
        ]
    notes = tuple(f"({way}) {text}" for way, text in WAYS.items())
    return Report(f"amlworld {path.stem}", transfers.counts, tuple(figures), notes + NOTES)


def _kinds(transfers: Transfers, path: Path) -> dict[str, Mask]:
    beside = path.with_name(path.name.replace("_Trans.csv", "_Patterns.txt"))
    return typologies_of(transfers, beside) if beside != path and beside.is_file() else {}


def _score(
    features: NDArray[np.int32], labels: Mask, masks: tuple[Mask, ...], seed: int, rounds: int
) -> tuple[float, float, Mask]:
    """F1 of the test part at even odds and at validation's bar; what the bar flags there."""
    try:
        import lightgbm
    except ModuleNotFoundError as missing:
        raise MissingExtra("lightgbm", extra="monitor") from missing
    train, valid, test = masks
    if not labels[train].any() or not labels[valid].any():
        raise InputError("no laundering to train or to validate on in this split")
    given, truth = features[train].astype(np.float32), labels[train].astype(float)
    dataset = lightgbm.Dataset(given, truth, params={"verbose": -1})
    booster = lightgbm.train(SETTINGS | {"seed": seed}, dataset, rounds)
    bar = BoostedTrees.from_dump(booster.dump_model()).bar
    scores = bar.scores(features[test])
    flagged = scores > best_bar(bar.scores(features[valid]), labels[valid])
    return f1_of(scores > 0, labels[test]), f1_of(flagged, labels[test]), flagged


def _recall(flagged: Mask, rows: Mask, test: Mask) -> float:
    inside = rows[test]
    return float((flagged & inside).sum() / max(1, inside.sum()))
