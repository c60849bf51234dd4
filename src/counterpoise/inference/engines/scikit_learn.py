"""Models of scikit-learn, alone or behind scalers in a pipeline."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference import limits
from counterpoise.inference.engines import scikit_trees as trees
from counterpoise.inference.features import Reals
from counterpoise.inference.float_model import Decisions, FloatModel, FloatNet, Source

LINEAR = ("LogisticRegression", "LinearClassifierMixin", "LinearModel")
NETS = ("MLPClassifier", "MLPRegressor")
FORESTS = ("BaseDecisionTree", "BaseForest")
BOOSTED = ("BaseGradientBoosting",)
HISTOGRAM = ("BaseHistGradientBoosting",)


def read(estimator: Any, threshold: float | None) -> Source:
    """Read a fitted estimator.

    Parameters
    ----------
    threshold :
        Of two classes, the probability above which the decision is the second; a half if None.
        Of a regressor, the value above which the decision is 1.

    Raises
    ------
    InputError :
        It is not fitted, or of a kind that has no integer form.
    """
    scalers, final = _parts(estimator)
    model = _model(final, threshold)
    for scaler in reversed(scalers):
        model = model.after(*_affine(scaler))
    names = getattr(estimator, "feature_names_in_", getattr(final, "feature_names_in_", ()))
    classes = getattr(final, "classes_", ("at most", "above"))

    def decide(rows: Reals) -> Decisions:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return _decisions(estimator, rows, threshold)

    kind = f"scikit-learn {type(final).__name__}"
    return Source(kind, model, decide, tuple(map(str, classes)), tuple(map(str, names)))


def _parts(estimator: Any) -> tuple[list[Any], Any]:
    if not hasattr(estimator, "steps"):
        return [], estimator
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return steps[:-1], steps[-1]


def _model(final: Any, threshold: float | None) -> FloatModel:
    ancestors = {kind.__name__ for kind in type(final).__mro__}
    if not any(name.endswith("_") and not name.startswith("_") for name in vars(final)):
        raise InputError(f"this {type(final).__name__} is not fitted", hint="call its fit first")
    if len(getattr(final, "classes_", ())) == 1:
        raise InputError("the model knows one class alone", hint="train it on rows of both")
    if ancestors & set(NETS):
        return _net(final, threshold)
    if ancestors & set(FORESTS):
        return trees.forest(final, threshold)
    if ancestors & set(BOOSTED):
        return trees.boosted(final, _limit(final, threshold))
    if ancestors & set(HISTOGRAM):
        return trees.histogram_boosted(final, _limit(final, threshold))
    if ancestors & set(LINEAR) and hasattr(final, "coef_"):
        return _linear(final, threshold)
    raise InputError(
        f"a {type(final).__name__} has no integer form here",
        hint="linear and logistic models, MLPs with ReLU, trees, forests and boosted trees have",
    )


def _limit(final: Any, threshold: float | None) -> float:
    """Give the logit, or of a regressor the value, that a threshold stands for."""
    if not hasattr(final, "classes_"):
        return limits.value(threshold, type(final).__name__)
    if threshold is not None and not hasattr(final, "predict_proba"):
        raise InputError(f"a {type(final).__name__} gives no probabilities to compare with it")
    return limits.logit(limits.probability(threshold, len(final.classes_)))


def _linear(final: Any, threshold: float | None) -> FloatNet:
    weights = np.atleast_2d(np.asarray(final.coef_, dtype=np.float64))
    bias = np.broadcast_to(np.atleast_1d(final.intercept_), len(weights)).astype(np.float64)
    if not hasattr(final, "classes_") and len(weights) > 1:
        raise InputError(f"a regressor of {len(weights)} values", hint="import one at a time")
    return FloatNet((weights,), (bias,), _limit(final, threshold))


def _net(final: Any, threshold: float | None) -> FloatNet:
    if final.activation != "relu":
        raise InputError(
            f"an MLP with activation {final.activation!r}", hint="train it with activation='relu'"
        )
    several = len(final.intercepts_[-1]) > 1
    if several and final.out_activation_ != "softmax":
        raise InputError("an MLP that takes several decisions at once", hint="import one at a time")
    weights = tuple(np.asarray(matrix, dtype=np.float64).T for matrix in final.coefs_)
    biases = tuple(np.asarray(bias, dtype=np.float64) for bias in final.intercepts_)
    return FloatNet(weights, biases, _limit(final, threshold))


def _affine(scaler: Any) -> tuple[Reals, Reals]:
    """Give scale and offset of ``x * scale + offset``."""
    name = type(scaler).__name__
    count = int(getattr(scaler, "n_features_in_", 0))
    ones, zeros = np.ones(count), np.zeros(count)
    if name == "StandardScaler":
        scale = 1 / scaler.scale_ if scaler.with_std else ones
        return scale, -scaler.mean_ * scale if scaler.with_mean else zeros
    if name == "MinMaxScaler" and not scaler.clip:
        return scaler.scale_, scaler.min_
    if name == "MaxAbsScaler":
        return 1 / scaler.scale_, zeros
    if name == "RobustScaler":
        scale = 1 / scaler.scale_ if scaler.with_scaling else ones
        return scale, -scaler.center_ * scale if scaler.with_centering else zeros
    raise InputError(
        f"a pipeline with a {name} has no integer form here",
        hint="scalers fold into the model; apply other steps to the rows, and import the rest",
    )


def _decisions(estimator: Any, rows: Reals, threshold: float | None) -> Decisions:
    if not hasattr(estimator, "classes_"):
        return np.asarray(estimator.predict(rows) > threshold).astype(np.intp)
    if threshold is not None:
        return np.asarray(estimator.predict_proba(rows)[:, 1] > threshold).astype(np.intp)
    return np.asarray(np.searchsorted(estimator.classes_, estimator.predict(rows)), dtype=np.intp)
