"""Three participants who want pay for nothing, as trainers that the federation must survive.

All they have is what everybody has: the disclosed rows and the current model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.digest import array_bytes
from counterpoise.federation import (
    HonestTrainer,
    ModelFile,
    Terms,
    local_statistics,
    quantised,
    round_seed,
    update_bytes,
)


@dataclass(frozen=True, eq=False)
class FreeRider:
    """Sends noise of the right shape, about as long as an honest step.

    Parameters
    ----------
    features :
        The rows whose sums it sends in the round of statistics.
    loudness :
        Standard deviation of a coordinate, in parts of the clip.
    """

    features: NDArray[np.int32]
    seed: int = 0
    loudness: float = 0.125

    def statistics(self, terms: Terms) -> bytes:
        """Plausible sums: those of the disclosed rows."""
        return array_bytes(local_statistics(self.features, terms.rules))

    def update(self, terms: Terms, round_id: int, model: ModelFile) -> bytes:
        """Normal noise, within the clip."""
        rules = terms.rules
        rng = np.random.default_rng(round_seed(rules.seed, self.seed, round_id))
        noise = rng.normal(scale=self.loudness * rules.clip, size=rules.model.n_params)
        return update_bytes(quantised(noise / 2**rules.scale_bits, rules))


@dataclass(frozen=True, eq=False)
class SignFlipper(HonestTrainer):
    """Trains honestly on the disclosed rows, then sends the opposite step."""

    def update(self, terms: Terms, round_id: int, model: ModelFile) -> bytes:
        """The honest step, negated."""
        step = self.step(terms, round_id, model)
        return update_bytes(quantised(-step, terms.rules))


@dataclass(frozen=True, eq=False)
class NonFiniteSender(HonestTrainer):
    """Sends an array of the right shape that holds NaN and infinities."""

    def update(self, terms: Terms, round_id: int, model: ModelFile) -> bytes:
        """An honest step, spoilt."""
        step = self.step(terms, round_id, model)
        step[::2], step[1::2] = np.nan, np.inf
        return array_bytes(step)
