"""The diagnosis task: its rules, its training and which rows are disclosed for scoring.

Rate and rounds were chosen by `benchmarks/accuracy_heart.py --choose`: cross-validation inside
the training rows, honest and with cheats. The test rows had no part in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.diagnosis.heart import FEATURES, Part
from counterpoise.core.units import TOKEN
from counterpoise.federation import GradientLearner, Model, TaskRules

MODEL = Model(inputs=len(FEATURES))
ROUNDS, STEPS, BATCH, RATE = 15, 100, 4, 0.003
CLIP = 1 << 14
ROW_CAP = 200
POT = 1000 * TOKEN
DISCLOSED = 40
ORDER = ("cp_4", "exang", "sex", "oldpeak", "thalach")


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

    At most 40 and at most two fifths of its rows; it goes on training on all of them. They are
    a systematic sample: rows in order of class, then of the signs in `ORDER`, every so many one
    from a random start. So each hospital's sample looks like the hospital, and what a member is
    paid varies half as much with the draw as under simple random sampling.
    """
    count = min(DISCLOSED, 2 * len(train) // 5)
    names = [feature.name for feature in FEATURES]
    columns = [names.index(name) for name in reversed(ORDER)]
    order = np.lexsort((*train.features[:, columns].T, train.labels))
    start = np.random.default_rng(seed).random()
    places = (np.arange(count) + start) * len(train) / count
    return np.sort(order[places.astype(np.int64)])
