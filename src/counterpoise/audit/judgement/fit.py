"""Weights, curve and bars from samples; deterministic, integers at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from counterpoise.audit.judgement.judge import curve, score_of
from counterpoise.audit.judgement.samples import Sample

__all__ = ["fit"]

SEEN = 2
"""Groups of near-duplicates in which a feature must occur to have a weight."""

STRENGTH = 0.7
"""Inverse strength of the ridge on the weights."""

POINTS = 12
SMOOTH = 1.0
"""Imagined true and false samples in each part of the curve."""


def fit(samples: Sequence[Sample]) -> dict[str, Any]:
    """A model: ``weights`` (thousandths of a logit) and ``curve`` (score to ppm).

    A logistic regression with a ridge on the features that occur in at least `SEEN` groups; then
    the curve is made monotone over held-out scores, from as many parts as there is data for, each
    smoothed by one imagined sample of each kind.
    """
    import numpy as np
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    names = _names(samples)
    index = {name: number for number, name in enumerate(names)}
    rows = np.zeros((len(samples), len(names)))
    for number, one in enumerate(samples):
        for feature in one.features:
            if feature in index:
                rows[number, index[feature]] = 1
    truth = np.array([one.true for one in samples], dtype=np.int64)
    heavy = np.array([one.weight for one in samples])
    groups = [one.group for one in samples]

    def regression(part: Any) -> Any:
        made = LogisticRegression(C=STRENGTH, max_iter=2000, tol=1e-8)
        return made.fit(rows[part], truth[part], sample_weight=heavy[part])

    held = np.zeros(len(samples))
    for train, test in GroupKFold(min(5, len(set(groups)))).split(rows, truth, groups):
        held[test] = regression(train).decision_function(rows[test])
    whole = regression(np.arange(len(samples)))
    weights = {name: round(1000 * float(w)) for name, w in zip(names, whole.coef_[0], strict=True)}
    weights["bias"] = round(1000 * float(whole.intercept_[0]))
    order = np.argsort(held, kind="stable")
    share = np.cumsum(heavy[order]) / heavy.sum()
    cuts = np.searchsorted(share, np.arange(1, POINTS) / POINTS)
    parts = [part for part in np.split(order, cuts) if len(part)]
    centres = np.array([np.average(held[p], weights=heavy[p]) for p in parts])
    rates = np.array([_rate(truth[p], heavy[p]) for p in parts])
    level = IsotonicRegression().fit_transform(centres, rates)
    pairs = zip(centres, level, strict=True)
    points = sorted({round(1000 * float(c)): round(1e6 * float(r)) for c, r in pairs}.items())
    return {
        "weights": dict(sorted((k, v) for k, v in weights.items() if v or k == "bias")),
        "curve": [list(one) for one in points],
    }


def _rate(truth: Any, heavy: Any) -> float:
    return float(((truth * heavy).sum() + SMOOTH) / (heavy.sum() + 2 * SMOOTH))


def _names(samples: Sequence[Sample]) -> list[str]:
    groups: Counter[str] = Counter()
    for feature, _ in {(feature, one.group) for one in samples for feature in one.features}:
        groups[feature] += 1
    return sorted(name for name, count in groups.items() if count >= SEEN)


def confidence(model: dict[str, Any], features: frozenset[str]) -> int:
    """The confidence, in ppm, that a model gives to features."""
    return curve(score_of(features, model["weights"]), model["curve"])
