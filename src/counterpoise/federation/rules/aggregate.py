"""From the members' updates to the next model, by one named rounding.

A strategy sees the admitted updates, their weights and their scores, and gives the step to
add to the base. A new one is a class with a `step` and a line in `STRATEGIES`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.federation.rules.logits import Integers


class Strategy(Protocol):
    """How a round's updates become one step of the model."""

    def step(
        self, updates: Integers, weights: Integers, scores: list[int]
    ) -> tuple[Integers, NDArray[np.bool_]]:
        """The step ``(n_params,)`` and which members are in it, ``(members,)``.

        Parameters
        ----------
        updates :
            ``(members, n_params)``, members in ascending order of address.
        weights :
            ``(members,)``, all positive.
        scores :
            One a member; at least one is positive.
        """
        ...


def weighted_mean(updates: Integers, weights: Integers) -> Integers:
    """``floor(sum(w_i * q_i) / sum(w_i))`` per coordinate; floors towards minus infinity.

    With ``|q| < 2**24`` and weights below ``2**20`` any order of summation gives the same
    bits for up to 2**18 members.
    """
    mean: Integers = np.einsum("i,ij->j", weights, updates) // int(weights.sum())
    return mean


class Mean:
    """The mean of all admitted members."""

    def step(
        self, updates: Integers, weights: Integers, scores: list[int]
    ) -> tuple[Integers, NDArray[np.bool_]]:
        """See `Strategy.step`."""
        return weighted_mean(updates, weights), np.ones(len(weights), dtype=np.bool_)


class Gated:
    """The mean of the members whose score in this round is positive."""

    def step(
        self, updates: Integers, weights: Integers, scores: list[int]
    ) -> tuple[Integers, NDArray[np.bool_]]:
        """See `Strategy.step`."""
        chosen = np.array([score > 0 for score in scores], dtype=np.bool_)
        return weighted_mean(updates[chosen], weights[chosen]), chosen


STRATEGIES: dict[str, Strategy] = {"mean": Mean(), "gated": Gated()}


def strategy(name: str) -> Strategy:
    """The strategy that a task names."""
    if name not in STRATEGIES:
        raise InputError(f"no strategy {name!r}", hint=f"choose from {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
