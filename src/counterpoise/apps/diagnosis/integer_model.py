"""The hospitals' model as an integer model that contracts can ask, and what that costs."""

from __future__ import annotations

import numpy as np

from counterpoise.apps.diagnosis.heart import FEATURES
from counterpoise.federation import ModelFile, TaskRules, statistics_of
from counterpoise.inference import Imported, import_model

SPREADS = 4
"""A patient may be so many deviations from the mean of all; beyond, the model is not asked."""


def integer_model(model: ModelFile, rules: TaskRules, rows: np.ndarray) -> Imported:
    """Import the federated model.

    Parameters
    ----------
    rows :
        ``(rows, 13)`` raw integers on which it is calibrated: those disclosed for scoring, so
        that everybody can repeat it.
    """
    from sklearn.linear_model import LogisticRegression

    statistics = statistics_of(model)
    count, scale = statistics.rows, float(1 << rules.scale_bits)
    sums = np.array(statistics.sums, np.float64)
    spread = np.array([statistics.deviation(column) for column in range(len(FEATURES))], np.float64)
    weights = np.where(spread > 0, model.params[:-1] / scale / np.maximum(spread, 1), 0.0)
    trained = LogisticRegression()
    trained.classes_ = np.array([0, 1])
    trained.n_features_in_ = len(FEATURES)
    trained.coef_ = (weights * count)[None]
    trained.intercept_ = np.array([model.params[-1] / scale - weights @ sums])
    return import_model(
        trained, rows, names=[f.name for f in FEATURES], ranges=_ranges(model, rows)
    )


def _ranges(model: ModelFile, rows: np.ndarray) -> dict[str, tuple[float, float]]:
    """What a patient's values may be: near the mean of all or seen before, and as declared."""
    statistics, found = statistics_of(model), {}
    for column, feature in enumerate(FEATURES):
        mean = statistics.sums[column] / statistics.rows
        reach = SPREADS * statistics.deviation(column) / statistics.rows
        low, high = max(feature.minimum, mean - reach), min(feature.maximum, mean + reach)
        seen = rows[:, column]
        low, high = min(low, seen.min()), max(high, seen.max())
        found[feature.name] = (float(np.floor(low)), float(np.ceil(high)))
    return found
