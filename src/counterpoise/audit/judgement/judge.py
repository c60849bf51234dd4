"""From a finding's detectors to its confidence."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from counterpoise.audit.findings import Finding

__all__ = ["bar_of", "confidence_of", "curve", "features_of", "judged", "score_of"]

UNKNOWN = 300_000
"""Confidence, in ppm, of a detector that the model has not seen."""

EVEN = 500_000


@cache
def model() -> dict[str, Any]:
    """Weights by feature, the curve and the bars, as `train` wrote them."""
    text = (files("counterpoise.audit.judgement") / "model.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def features_of(detectors: Iterable[str]) -> frozenset[str]:
    """The features of one finding.

    ``solidity:RULE/VARIANT+MARK+MARK`` gives the shape and each mark, all under their rule;
    ``slither:CHECK`` gives the check, as a second opinion where our rules speak too.

    >>> sorted(features_of(["solidity:tx-origin/compared+token"]))
    ['tx-origin', 'tx-origin+token', 'tx-origin/compared']
    """
    names = list(detectors)
    found: set[str] = set()
    for one in names:
        engine, _, rest = one.partition(":")
        if engine == "solidity":
            shape, *marks = rest.split("+")
            rule = shape.split("/")[0]
            found |= {rule, shape} | {f"{rule}+{mark}" for mark in marks}
    ours = bool(found)
    for one in names:
        if one.startswith("slither:"):
            found.add(f"agrees:{one[8:]}" if ours else one)
    return frozenset(found)


def score_of(features: Iterable[str], weights: dict[str, int]) -> int:
    """The sum of the features' weights, in thousandths of a logit."""
    return weights["bias"] + sum(weights.get(one, 0) for one in features)


def curve(score: int, points: Sequence[Sequence[int]]) -> int:
    """The confidence in ppm at a score: straight lines between the points of a curve.

    >>> curve(500, [(0, 100_000), (1000, 300_000)])
    200000
    """
    index = bisect_right([one[0] for one in points], score)
    if index == 0:
        return points[0][1]
    if index == len(points):
        return points[-1][1]
    (x0, y0), (x1, y1) = points[index - 1], points[index]
    return y0 + (y1 - y0) * (score - x0) // (x1 - x0)


def confidence_of(detectors: Iterable[str]) -> int:
    """The chance, in ppm, that what these detectors say of one place is true."""
    features = features_of(detectors)
    weights = model()["weights"]
    if not features & set(weights):
        return UNKNOWN
    return curve(score_of(features, weights), model()["curve"])


def bar_of(rule: str) -> int:
    """The confidence, in ppm, from which a rule's findings are worth a look."""
    bars: dict[str, int] = model()["bars"]
    return bars.get(rule, EVEN)


def judged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with the confidence that all their detectors together give.

    Those of other engines than ours for Solidity and Slither keep their own.
    """
    return [
        replace(one, confidence=confidence_of(one.detectors))
        if any(name.startswith(("solidity:", "slither:")) for name in one.detectors)
        else one
        for one in findings
    ]
