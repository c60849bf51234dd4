"""Elliptic: labelled Bitcoin transactions in 49 steps (Weber et al. 2019, arXiv 1908.02591)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.monitor.datasets.report import (
    Figure,
    Progress,
    Report,
    check_counts,
    file_in,
    number,
    rows_of,
    silent,
)

COUNTS = {"transactions": 203_769, "edges": 234_355, "illicit": 4_545, "licit": 42_019}
COLUMNS = 167
LAST_TRAIN, LAST_BEFORE_SHUTDOWN, LAST = 34, 42, 49
ILLICIT, LICIT = 1, 2
EVERY = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Elliptic:
    """The labelled transactions.

    Parameters
    ----------
    features :
        ``(rows, 166)`` float32, the step first.
    step :
        ``(rows,)`` int64, 1 to 49.
    illicit :
        ``(rows,)`` bool.
    """

    features: NDArray[np.float32]
    step: NDArray[np.int64]
    illicit: NDArray[np.bool_]
    counts: dict[str, int]


def load_elliptic(
    folder: Path, wanted: dict[str, int] | None = COUNTS, on_step: Progress = silent
) -> Elliptic:
    """Read the three files of a folder; rows of unknown class are counted and left out.

    Raises
    ------
    InputError :
        A file is missing or malformed, or the counts are not the published ones.
    """
    classes = _classes(file_in(folder, "elliptic_txs_classes.csv"))
    edges = sum(
        1 for _ in rows_of(file_in(folder, "elliptic_txs_edgelist.csv"), ("txId1", "txId2"))
    )
    path = file_in(folder, "elliptic_txs_features.csv")
    features, labels, transactions = [], [], 0
    for line, row in rows_of(path):
        if len(row) != COLUMNS:
            raise InputError(f"{path}, line {line}: {len(row)} columns, {COLUMNS} wanted")
        label = classes.get(row[0])
        if label is None:
            raise InputError(f"{path}, line {line}: transaction {row[0]} has no class")
        if label:
            features.append([number(text, path, line) for text in row[1:]])
            labels.append(label == ILLICIT)
        transactions += 1
        if transactions % EVERY == 0:
            on_step("transactions", transactions, COUNTS["transactions"])
    illicit = np.array(labels, np.bool_)
    counts = {"transactions": transactions, "edges": edges}
    counts |= {"illicit": int(illicit.sum()), "licit": int((~illicit).sum())}
    check_counts("this Elliptic", counts, wanted)
    table = np.array(features, np.float32).reshape(len(features), COLUMNS - 1)
    return Elliptic(table, table[:, 0].astype(np.int64), illicit, counts)


def measure(
    path: Path,
    *,
    seeds: int = 5,
    on_step: Progress = silent,
    wanted: dict[str, int] | None = COUNTS,
    trees: int = 300,
) -> Report:
    """F1 of the illicit class on steps 35 to 49, trained on steps 1 to 34."""
    from sklearn.ensemble import RandomForestClassifier

    given = load_elliptic(path, wanted, on_step)
    train = given.step <= LAST_TRAIN
    parts = {
        "35-49": ~train,
        "35-42": ~train & (given.step <= LAST_BEFORE_SHUTDOWN),
        "43-49": given.step > LAST_BEFORE_SHUTDOWN,
    }
    found: dict[str, list[float]] = {name: [] for name in parts}
    for seed in range(seeds):
        on_step("forests", seed, seeds)
        forest = RandomForestClassifier(trees, max_features=50, random_state=seed, n_jobs=1)
        forest.fit(given.features[train], given.illicit[train])
        for name, rows in parts.items():
            flagged = forest.predict(given.features[rows])
            found[name].append(f1_of(flagged, given.illicit[rows]))
    published = {
        "35-49": "RF .788, RF + GCN embedding .796, Skip-GCN .705, GCN .628, LR .481 (paper); "
        "RF .803 (an independent rerun)"
    }
    figures = (
        Figure(f"F1 of the illicit class, steps {name}", tuple(ours), published.get(name, ""))
        for name, ours in found.items()
    )
    notes = ("all models fall after step 43, when a dark market closes: read the two parts apart",)
    return Report("elliptic", given.counts, tuple(figures), notes)


def f1_of(flagged: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """F1 of the true class, 0 where there is nothing to find."""
    return float(2 * (flagged & true).sum() / max(1, flagged.sum() + true.sum()))


def _classes(path: Path) -> dict[str, int]:
    names = {"1": ILLICIT, "2": LICIT, "unknown": 0}
    found = {}
    for line, (transaction, name) in rows_of(path, ("txId", "class")):
        if name not in names:
            raise InputError(f"{path}, line {line}: class {name!r}, wanted 1, 2 or unknown")
        found[transaction] = names[name]
    return found
