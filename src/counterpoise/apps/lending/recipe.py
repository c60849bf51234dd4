"""How the model is trained: chosen by cross-validation inside the training rows, and nowhere else.

Candidates are compared by log loss, for the desk prices by the probability and not by the rank:
five folds, four times over. The simplest family within one standard error of the best is taken, and
in it the best. What that gave is `CHOSEN`; benchmarks/accuracy_credit.py repeats the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoise.apps.lending.credit import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS, REPEATS, SEED = 5, 4, 1
FAMILIES = ("logistic", "mlp", "boosting")
"""From the simplest to the richest."""
CHOSEN = "logistic C=0.3"


@dataclass(frozen=True, slots=True)
class Trial:
    """How a candidate fared in cross-validation.

    Parameters
    ----------
    loss, error :
        Mean log loss over the folds, and its standard error.
    auc :
        Mean area under the curve.
    """

    name: str
    loss: float
    error: float
    auc: float

    @property
    def family(self) -> str:
        """The first word of the name."""
        return self.name.split()[0]


def candidates() -> dict[str, Any]:
    """Give the untrained estimators that are compared, by name."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    found: dict[str, Any] = {}
    for strength in (0.03, 0.1, 0.3, 1, 3):
        logistic = LogisticRegression(C=strength, max_iter=2000)
        found[f"logistic C={strength}"] = make_pipeline(MinMaxScaler(), logistic)
    for alpha in (1, 3):
        mlp = MLPClassifier(
            (16,), alpha=alpha, max_iter=300, learning_rate_init=0.005, random_state=0
        )
        found[f"mlp 46-16-1 alpha={alpha}"] = make_pipeline(MinMaxScaler(), mlp)
    for trees, depth in ((100, 1), (50, 2), (50, 3)):
        found[f"boosting {trees} trees, depth {depth}"] = GradientBoostingClassifier(
            n_estimators=trees, max_depth=depth, subsample=0.8, random_state=0
        )
    return found


def cross_validate(name: str, estimator: Any, part: Part, *, repeats: int = REPEATS) -> Trial:
    """Try a candidate on folds of these rows."""
    from sklearn.model_selection import RepeatedStratifiedKFold
    from sklearn.model_selection import cross_validate as over_folds

    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=SEED)
    scoring = {"loss": "neg_log_loss", "auc": "roc_auc"}
    found = over_folds(estimator, part.features, part.bad, scoring=scoring, cv=folds)
    loss, auc = -found["test_loss"], found["test_auc"]
    return Trial(name, float(loss.mean()), float(loss.std() / len(loss) ** 0.5), float(auc.mean()))


def choose(trials: list[Trial]) -> Trial:
    """Take the best of the simplest family that is within one standard error of the best."""
    best = min(trials, key=lambda trial: trial.loss)
    near = [trial for trial in trials if trial.loss <= best.loss + best.error]
    family = min((trial.family for trial in near), key=FAMILIES.index)
    return min((trial for trial in near if trial.family == family), key=lambda trial: trial.loss)


def trained(part: Part, name: str = CHOSEN) -> Any:
    """Fit a candidate on these rows."""
    return candidates()[name].fit(part.features, part.bad)


def float_logits(estimator: Any, part: Part) -> NDArray[np.float64]:
    """Give the log-odds that an estimator has of each applicant not paying back."""
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(part.features), dtype=np.float64)
    odds = estimator.predict_proba(part.features)
    return np.asarray(np.log(odds[:, 1] / odds[:, 0]), dtype=np.float64)
