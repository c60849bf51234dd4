"""The account model: two boosters over one table, their log-odds averaged, and its protocol.

LightGBM is needed to train; what it learnt is walked without it (see `trees`). The settings were
chosen on three draws of normal accounts that the benchmark does not report. The fraud accounts
are the same in every draw, so the figures are not of data unseen in every sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.monitor import account_encoding, account_features
from counterpoise.monitor.account_encoding import Encoding
from counterpoise.monitor.account_features import features_of
from counterpoise.monitor.account_table import AccountTable
from counterpoise.monitor.trees import BoostedTrees

Rows = NDArray[np.intp]
Values = NDArray[np.float64]

_COMMON: dict[str, Any] = {
    "objective": "binary",
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbose": -1,
}
SHALLOW = {"num_leaves": 8, "min_data_in_leaf": 5, "feature_fraction": 0.15, "learning_rate": 0.02}
DEEP = {"num_leaves": 15, "min_data_in_leaf": 8, "feature_fraction": 0.4, "learning_rate": 0.03}
BOOSTERS = ((SHALLOW, 3_000), (DEEP, 900))
FOLDS, NORMALS = 10, 2_502
"""Farrugia's protocol: all fraud accounts, so many normal ones, ten folds."""

NAMES = (*account_features.NAMES, *account_encoding.NAMES)


@dataclass(frozen=True, slots=True)
class AccountModel:
    """What was learnt of some accounts; `score` tells of others."""

    encoding: Encoding
    boosters: tuple[BoostedTrees, ...]

    def score(self, table: AccountTable, rows: Rows, features: Values | None = None) -> Values:
        """Log-odds of fraud of some rows; above zero more likely than not."""
        known = features_of(table) if features is None else features
        given = np.hstack([known[rows], self.encoding.encode(table, rows)])
        found: Values = np.mean([trees.raw_scores(given) for trees in self.boosters], axis=0)
        return found


@dataclass(frozen=True, slots=True)
class DrawScore:
    """Ten folds over one draw of normal accounts: means over the folds."""

    accuracy: float
    auc: float


def train_accounts(
    table: AccountTable, rows: Rows, *, seed: int = 0, features: Values | None = None, part: int = 1
) -> AccountModel:
    """Fit on some rows of a table.

    Parameters
    ----------
    features :
        `features_of` the table, if the caller has them already.
    part :
        Train only one round in so many: for tests.

    Raises
    ------
    MissingExtra :
        LightGBM is not installed.
    InputError :
        The rows hold no fraud, or nothing else.
    """
    try:
        import lightgbm
    except ModuleNotFoundError as missing:
        raise MissingExtra("lightgbm", extra="monitor") from missing
    fraud = table.fraud[rows]
    if fraud.all() or not fraud.any():
        raise InputError(f"{int(fraud.sum())} fraud accounts among {len(rows)} to train on")
    known = features_of(table) if features is None else features
    encoding, encoded = Encoding.fit(table, rows, seed)
    given = np.hstack([known[rows], encoded])
    boosters = []
    for settings, rounds in BOOSTERS:
        dataset = lightgbm.Dataset(given, fraud.astype(float), params={"verbose": -1})
        booster = lightgbm.train(_COMMON | settings | {"seed": seed}, dataset, rounds // part)
        boosters.append(BoostedTrees.from_dump(booster.dump_model()))
    return AccountModel(encoding, tuple(boosters))


def draw_of(table: AccountTable, seed: int) -> Rows:
    """All fraud accounts and as many normal ones as the protocol has, in random order."""
    draw = np.random.default_rng(seed)
    normal = draw.choice(np.flatnonzero(~table.fraud), NORMALS, replace=False)
    rows = np.concatenate([np.flatnonzero(table.fraud), normal])
    draw.shuffle(rows)
    return rows


def folds_of(table: AccountTable, rows: Rows, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Ten times the rows to train on and the rows to score, both kinds spread evenly."""
    from sklearn.model_selection import StratifiedKFold

    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(
        rows, table.fraud[rows]
    ):
        yield rows[train], rows[test]


def fold_score(fraud: NDArray[np.bool_], scores: Values) -> DrawScore:
    """Accuracy at even odds and area under the curve."""
    from sklearn.metrics import roc_auc_score

    accuracy = float(((scores > 0) == fraud).mean())
    return DrawScore(accuracy, float(roc_auc_score(fraud, scores)))


def score_draw(table: AccountTable, seed: int, features: Values, part: int = 1) -> DrawScore:
    """The protocol on one draw: everything fitted anew in each fold."""
    found = []
    for fold, (train, test) in enumerate(folds_of(table, draw_of(table, seed), seed)):
        model = train_accounts(table, train, seed=fold, features=features, part=part)
        found.append(fold_score(table.fraud[test], model.score(table, test, features)))
    return DrawScore(
        float(np.mean([one.accuracy for one in found])), float(np.mean([one.auc for one in found]))
    )
