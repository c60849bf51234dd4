"""What a threshold means to the models of each kind."""

from __future__ import annotations

import math

from counterpoise.core.errors import InputError


def logit(probability: float) -> float:
    """Give the logit of a probability between 0 and 1, both excluded."""
    if not 0 < probability < 1:
        raise InputError(
            f"a threshold of {probability}", hint="a probability between 0 and 1 is wanted"
        )
    return math.log(probability / (1 - probability))


def probability(threshold: float | None, classes: int) -> float:
    """Give the probability above which the decision is the second of two classes."""
    if threshold is None:
        return 0.5
    if classes != 2:
        raise InputError(
            f"a threshold for {classes} classes",
            hint="two are told apart by one; of more the greatest is chosen",
        )
    logit(threshold)
    return threshold


def value(threshold: float | None, kind: str) -> float:
    """Give the value above which a regressor's decision is 1: it must be said."""
    if threshold is None:
        raise InputError(
            f"a {kind} decides nothing by itself",
            hint="say threshold=…, the value above which the decision is 1",
        )
    return threshold
