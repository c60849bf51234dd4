"""The diagnosis task: its rules, its training and which rows are disclosed for scoring.

Rate and rounds were chosen by `benchmarks/accuracy_heart.py --choose`: cross-validation inside
the training rows, honest and with cheats. The test rows had no part in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.diagnosis.heart import FEATURES, Part
from counterpoise.core.shares import allocate
from counterpoise.core.units import TOKEN
from counterpoise.federation import GradientLearner, Model, TaskRules

MODEL = Model(inputs=len(FEATURES))
ROUNDS, STEPS, BATCH, RATE = 15, 100, 4, 0.003
CLIP = 1 << 14
ROW_CAP = 200
POT = 1000 * TOKEN
DISCLOSED = 30


def diagnosis_task(seed: int, *, pot: int = POT, scoring: str = "exact") -> TaskRules:
    """The integer rules: 15 rounds, steps within +-1/4, gated mean, steady pay.

    Gated, because a mean that admits everybody is at the mercy of whoever joins. Steady,
    because noise is sometimes lucky: see docs/explain/contribution.md.
    """
    return TaskRules(
        MODEL,
        FEATURES,
        rounds=ROUNDS,
        clip=CLIP,
        row_cap=ROW_CAP,
        scoring=scoring,
        strategy="gated",
        pay_rule="steady",
        pot=pot,
        seed=seed,
    )


def diagnosis_learner(rate: float = RATE) -> GradientLearner:
    """Local training by FLamby's budget: 100 updates a round, 4 rows an update."""
    return GradientLearner(MODEL, steps=STEPS, batch=BATCH, rate=rate)


def disclosed_rows(train: Part, seed: int) -> NDArray[np.int64]:
    """The training rows that a hospital discloses for scoring, as ascending indices.

    At most 30 and at most half of its rows, drawn class by class in proportion. It goes on
    training on all of its rows.
    """
    rng = np.random.default_rng(seed)
    classes = {bytes([label]): np.flatnonzero(train.labels == label) for label in (0, 1)}
    sizes = {key: len(rows) for key, rows in classes.items()}
    shares = allocate(sizes, min(DISCLOSED, len(train) // 2))
    chosen = [rng.permutation(rows)[: shares[key]] for key, rows in classes.items()]
    return np.sort(np.concatenate(chosen))
