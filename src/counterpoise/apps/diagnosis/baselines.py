"""What a federated figure must stand beside: local, pooled, constant; and how all are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.apps.diagnosis.heart import FEATURES, HOSPITALS, Hospital, Part, together
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


def by_hospital(logits: Mapping[str, Floats], parts: Mapping[str, Part]) -> dict[str, Figures]:
    """Figures of each hospital's rows, and of all of them under ``"pooled_test"``."""
    found = {name: figures(logits[name], parts[name].labels) for name in logits}
    labels = np.concatenate([parts[name].labels for name in logits])
    return found | {"pooled_test": figures(np.concatenate(list(logits.values())), labels)}


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
    logits = {
        hospital.name: fitted_logits([hospital.train], hospital.train, hospital.test)
        for hospital in hospitals
    }
    return by_hospital(logits, tests)


def pooled_figures(
    hospitals: tuple[Hospital, ...], *, own_normalisation: bool = False
) -> dict[str, Figures]:
    """All training rows in one place, the bound that federation aims for.

    Parameters
    ----------
    own_normalisation :
        FLamby's way: every centre's rows by its own mean and deviation, which erases how many
        of its patients are sick. False: one mean and deviation for all.
    """
    everybody = together([hospital.train for hospital in hospitals])
    tests = {hospital.name: hospital.test for hospital in hospitals}
    trains = [hospital.train for hospital in hospitals]
    scales = {
        hospital.name: hospital.train if own_normalisation else everybody for hospital in hospitals
    }
    logits = {
        name: fitted_logits(trains, scales[name], tests[name], own_normalisation=own_normalisation)
        for name in HOSPITALS
    }
    return by_hospital(logits, tests)


def fitted_logits(
    trains: list[Part], scale: Part, test: Part, *, own_normalisation: bool = False
) -> Floats:
    """Logits on `test` of ``LogisticRegression(C=1)`` fitted to all of `trains`.

    `test` is normalised by `scale`; the training rows too, or each part by itself. A training
    set of one class gives that class's Laplace-smoothed base rate: there is nothing to fit.
    """
    from sklearn.linear_model import LogisticRegression

    labels = np.concatenate([part.labels for part in trains])
    if len(np.unique(labels)) == 1:
        sick = (labels.sum() + 1) / (len(labels) + 2)
        return np.full(len(test), np.log(sick / (1 - sick)))
    rows = [normalised(part, part if own_normalisation else scale) for part in trains]
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(np.concatenate(rows), labels)
    return np.asarray(fitted.decision_function(normalised(test, scale)), dtype=np.float64)


def normalised(part: Part, scale: Part) -> Floats:
    """Rows by the mean and deviation of `scale`, as FLamby has it: ddof = 1, plus 1e-9."""
    units = np.array([10.0**feature.decimals for feature in FEATURES])
    rows, reference = part.features / units, scale.features / units
    normal: Floats = (rows - reference.mean(axis=0)) / (reference.std(axis=0, ddof=1) + 1e-9)
    return normal
