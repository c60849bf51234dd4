"""What a federated figure must stand beside: local, pooled, constant; and how all are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.diagnosis.heart import FEATURES, Hospital, Part, together
from counterpoise.federation import Statistics, TaskRules, model_logits, standardised

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """How well logits predict labels; accuracies from 0 to 1 at the threshold 1/2.

    Parameters
    ----------
    balanced :
        Mean recall over the classes that are present.
    log_loss :
        In nats a row.
    constant :
        Accuracy of the best constant answer.
    """

    accuracy: float
    balanced: float
    log_loss: float
    constant: float


def figures(logits: Floats, labels: NDArray[np.int64]) -> Figures:
    """Score logits against labels, both ``(rows,)``."""
    right = (logits > 0) == (labels == 1)
    margins = np.where(labels == 1, logits, -logits)
    recalls = [right[labels == label].mean() for label in np.unique(labels)]
    sick = float(labels.mean())
    return Figures(
        accuracy=float(right.mean()),
        balanced=float(np.mean(recalls)),
        log_loss=float(np.logaddexp(0.0, -margins).mean()),
        constant=max(sick, 1.0 - sick),
    )


def by_hospital(
    logits: Mapping[str, Floats], tests: Mapping[str, Part], whole: Floats | None = None
) -> dict[str, Figures]:
    """Figures of each hospital's rows, and of all of them under ``"pooled_test"``.

    Parameters
    ----------
    whole :
        Logits of all rows, hospital after hospital, where they differ from the single ones.
    """
    found = {name: figures(logits[name], tests[name].labels) for name in logits}
    labels = np.concatenate([tests[name].labels for name in logits])
    everybody = np.concatenate(list(logits.values())) if whole is None else whole
    return found | {"pooled_test": figures(everybody, labels)}


def federated_figures(
    params: NDArray[np.int64],
    statistics: Statistics,
    task: TaskRules,
    hospitals: tuple[Hospital, ...],
) -> dict[str, Figures]:
    """Figures of the federation's integer model on every hospital's test rows."""
    tests = {hospital.name: hospital.test for hospital in hospitals}
    logits = {
        name: model_logits(params, standardised(part.features, statistics, task), task)[:, 0]
        for name, part in tests.items()
    }
    return by_hospital(logits, tests)


def local_figures(hospitals: tuple[Hospital, ...]) -> dict[str, Figures]:
    """Each hospital alone: its own rows, its own mean and deviation, logistic regression."""
    tests = {hospital.name: hospital.test for hospital in hospitals}
    logits = {h.name: fitted_logits(h.train, [(h.test, h.train)])[0] for h in hospitals}
    return by_hospital(logits, tests)


def pooled_figures(
    hospitals: tuple[Hospital, ...], *, own_normalisation: bool = False
) -> dict[str, Figures]:
    """All training rows in one place, the bound that federation aims for.

    Parameters
    ----------
    own_normalisation :
        FLamby's way of testing: each centre's rows by its own mean and deviation, which erases
        how many of its patients are sick, and the pooled rows by the pooled ones. False: one
        mean and deviation for all.
    """
    everybody = together([hospital.train for hospital in hospitals])
    tests = {hospital.name: hospital.test for hospital in hospitals}
    scaled = [(h.test, h.train if own_normalisation else everybody) for h in hospitals]
    pooled = (together(list(tests.values())), everybody)
    *single, whole = fitted_logits(everybody, [*scaled, pooled])
    return by_hospital(dict(zip(tests, single, strict=True)), tests, whole)


def fitted_logits(train: Part, tests: list[tuple[Part, Part]]) -> list[Floats]:
    """Logits of ``LogisticRegression(C=1)`` on each test part, normalised by its second part.

    A training set of one class gives that class's Laplace-smoothed base rate: there is nothing
    to fit.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(train.labels)) == 1:
        sick = (train.labels.sum() + 1) / (len(train) + 2)
        return [np.full(len(test), np.log(sick / (1 - sick))) for test, _ in tests]
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(normalised(train, train), train.labels)
    return [
        np.asarray(fitted.decision_function(normalised(test, scale)), dtype=np.float64)
        for test, scale in tests
    ]


def normalised(part: Part, scale: Part) -> Floats:
    """Rows by the mean and deviation of `scale`, as FLamby has it: ddof = 1, plus 1e-9."""
    units = np.array([10.0**feature.decimals for feature in FEATURES])
    rows, reference = part.features / units, scale.features / units
    normal: Floats = (rows - reference.mean(axis=0)) / (reference.std(axis=0, ddof=1) + 1e-9)
    return normal
