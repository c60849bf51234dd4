"""What an honest participant does with its rows: exact statistics, then local training."""

from dataclasses import dataclass, field

import numpy as np

from counterpoise.core.digest import array_bytes, sha256
from counterpoise.federation.learners import Floats, Learner
from counterpoise.federation.model_file import ModelFile
from counterpoise.federation.replay import statistics_of
from counterpoise.federation.rules import (
    TaskRules,
    local_statistics,
    quantised,
    standardised,
    update_bytes,
)
from counterpoise.federation.terms import Terms


@dataclass(frozen=True, eq=False)
class HonestTrainer:
    """Trains on private rows with any `Learner`.

    Parameters
    ----------
    features :
        Raw integer rows ``(rows, features)`` in the units that the task declares.
    labels :
        Classes ``(rows,)`` from 0.
    seed :
        The participant's own seed of its local training.
    """

    learner: Learner
    features: np.ndarray
    labels: np.ndarray
    seed: int = 0
    _kept: dict[bytes, Floats] = field(default_factory=dict, repr=False)

    def statistics(self, terms: Terms) -> bytes:
        """Give the exact sums over the rows; see `Trainer.statistics`."""
        return array_bytes(local_statistics(self.features, terms.rules))

    def update(self, terms: Terms, round_id: int, model: ModelFile) -> bytes:
        """Train from `model` and give the clipped, quantised step; see `Trainer.update`."""
        return update_bytes(quantised(self.step(terms, round_id, model), terms.rules))

    def step(self, terms: Terms, round_id: int, model: ModelFile) -> Floats:
        """Give the step of local training as floats, ``(n_params,)``."""
        rules = terms.rules
        base = model.params.astype(np.float64) / 2**rules.scale_bits
        features = self._standardised(rules, model)
        seed = round_seed(rules.seed, self.seed, round_id)
        step: Floats = self.learner.train(base, features, self.labels, seed=seed) - base
        return step

    def _standardised(self, rules: TaskRules, model: ModelFile) -> Floats:
        """Give the rows as floats; computed once, for the statistics stay as they are."""
        key = model.statistics.tobytes()
        if key not in self._kept:
            self._kept.clear()
            self._kept[key] = as_floats(rules, model, self.features)[1]
        return self._kept[key]


def as_floats(
    rules: TaskRules, model: ModelFile, features: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give a model's parameters and raw rows, standardised by its statistics, as floats."""
    whole = standardised(features, statistics_of(model), rules)
    params = model.params.astype(np.float64) / 2**rules.scale_bits
    return params, whole.astype(np.float64) / 2**rules.feature_bits


def round_seed(task: int, own: int, round_id: int) -> int:
    """Mix the task's seed, a participant's own and the round into one, below 2**53."""
    packed = b"".join(part.to_bytes(16, "big") for part in (task, own, round_id))
    return int.from_bytes(sha256(packed)[:8], "big") >> 11
