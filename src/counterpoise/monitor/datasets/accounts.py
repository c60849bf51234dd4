"""Labelled Ethereum accounts (Farrugia, Ellul and Azzopardi 2020, doi:10.34894/GKAQYN)."""

from __future__ import annotations

from pathlib import Path

from counterpoise.monitor.account_features import features_of
from counterpoise.monitor.account_model import score_draw
from counterpoise.monitor.account_table import load_accounts
from counterpoise.monitor.datasets.report import Figure, Progress, Report, silent

NOTES = (
    "protocol: all fraud accounts and 2,502 random normal ones, ten folds; each draw is another "
    "choice of normal accounts and folds, the fraud accounts are always the same",
    "no label list is used; encodings of token names and common amounts are of training folds only",
)


def measure(
    path: Path, *, seeds: int = 5, on_step: Progress = silent, published: bool = True, part: int = 1
) -> Report:
    """The published protocol on so many draws of normal accounts.

    Parameters
    ----------
    part :
        Train only one round in so many: for tests.
    """
    table = load_accounts(path, published=published)
    features, found = features_of(table), []
    for seed in range(seeds):
        on_step("draws", seed, seeds)
        found.append(score_draw(table, seed, features, part))
    on_step("draws", seeds, seeds)
    fraud = int(table.fraud.sum())
    return Report(
        "accounts",
        {"fraud": fraud, "normal": len(table) - fraud},
        (
            Figure("accuracy", tuple(one.accuracy for one in found), "XGBoost .963 ± .006 (paper)"),
            Figure("AUC", tuple(one.auc for one in found), "XGBoost .994 ± .0007 (paper)"),
        ),
        NOTES,
    )
