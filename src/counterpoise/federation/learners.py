"""How a participant trains on its own rows: one small Protocol, three ways to fulfil it.

Training is private and in floats; nobody has to agree on it. What leaves is the difference to
the base model, made of integers by `rules.quantised`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.federation.rules import Model

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


class Learner(Protocol):
    """What trains a model on private rows."""

    def train(self, base: Floats, features: Floats, labels: Labels, *, seed: int) -> Floats:
        """The parameters after local training.

        Parameters
        ----------
        base :
            ``(n_params,)`` parameters to start from, flat in the order of `Model`.
        features :
            ``(rows, inputs)`` standardised features.
        labels :
            ``(rows,)`` classes from 0. One class alone is fine.
        seed :
            The only source of randomness: the same seed gives the same parameters.
        """
        ...


@dataclass(frozen=True, slots=True)
class GradientLearner:
    """Mini-batch gradient descent in numpy: logistic regression, softmax or perceptron.

    Parameters
    ----------
    steps, batch :
        Updates a round, and rows an update. Rows are drawn epoch by epoch, each epoch in a
        fresh order.
    rate :
        Learning rate.
    decay :
        Weight decay (L2) on everything but the biases.
    """

    model: Model
    steps: int = 100
    batch: int = 4
    rate: float = 0.01
    decay: float = 0.0

    def train(self, base: Floats, features: Floats, labels: Labels, *, seed: int) -> Floats:
        """See `Learner.train`."""
        check_training(self.model, base, features, labels)
        params, gradient = base.copy(), np.zeros_like(base)
        layers, slots = float_layers(params, self.model), float_layers(gradient, self.model)
        targets = _targets(labels, self.model)
        for rows in _batches(len(labels), self.steps, self.batch, seed):
            _fill_gradient(slots, layers, features[rows], targets[rows])
            if self.decay:
                for (weights, _), (by_weights, _) in zip(layers, slots, strict=True):
                    np.add(by_weights, self.decay * weights, out=by_weights)
            params -= self.rate * gradient
        return params


def check_training(model: Model, base: Floats, features: Floats, labels: Labels) -> None:
    """Refuse rows or a base model that do not fit the model."""
    fits = base.shape == (model.n_params,) and features.shape == (len(labels), model.inputs)
    if not fits or not len(labels) or labels.min() < 0 or labels.max() >= model.classes:
        raise InputError(
            f"base {base.shape}, rows {features.shape}, {len(labels)} labels",
            hint=f"wanted ({model.n_params},), (rows, {model.inputs}), at least one row, "
            f"labels from 0 to {model.classes - 1}",
        )


def float_layers(params: Floats, model: Model) -> list[tuple[Floats, Floats]]:
    """Views ``(weights (out, in), biases (out,))`` of a flat parameter vector."""
    layers, start = [], 0
    for out, into in model.layers:
        middle, end = start + out * into, start + out * (into + 1)
        layers.append((params[start:middle].reshape(out, into), params[middle:end]))
        start = end
    return layers


def predicted(params: Floats, features: Floats, model: Model) -> Floats:
    """Probability of each class, ``(rows, classes)``."""
    active = features
    layers = float_layers(params, model)
    for weights, biases in layers[:-1]:
        active = np.maximum(active @ weights.T + biases, 0.0)
    weights, biases = layers[-1]
    chances = _activated(active @ weights.T + biases)
    return np.concatenate([1.0 - chances, chances], axis=1) if model.classes == 2 else chances


def _activated(logits: Floats) -> Floats:
    """Logistic function of one output, softmax of many."""
    if logits.shape[1] == 1:
        chance: Floats = 0.5 * (1.0 + np.tanh(0.5 * logits))
        return chance
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: Floats = grown / grown.sum(axis=1, keepdims=True)
    return chances


def _targets(labels: Labels, model: Model) -> Floats:
    if model.classes == 2:
        return labels[:, None].astype(np.float64)
    return np.eye(model.classes)[labels]


def _batches(rows: int, steps: int, batch: int, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    size = min(batch, rows)
    epochs = -(-steps * size // rows)
    drawn = np.concatenate([rng.permutation(rows) for _ in range(epochs)])
    return drawn[: steps * size].reshape(steps, size)


def _fill_gradient(
    slots: list[tuple[Floats, Floats]],
    layers: list[tuple[Floats, Floats]],
    features: Floats,
    targets: Floats,
) -> None:
    """Write the mean gradient of the log loss into `slots`, by back-propagation."""
    inputs = [features]
    for weights, biases in layers[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weights.T + biases, 0.0))
    weights, biases = layers[-1]
    errors = (_activated(inputs[-1] @ weights.T + biases) - targets) / len(features)
    for number in range(len(layers) - 1, -1, -1):
        by_weights, by_biases = slots[number]
        np.matmul(errors.T, inputs[number], out=by_weights)
        errors.sum(axis=0, out=by_biases)
        if number:
            errors = (errors @ layers[number][0]) * (inputs[number] > 0)


class PartialFit(Protocol):
    """A scikit-learn linear classifier that learns in parts, such as ``SGDClassifier``."""

    coef_: Any
    intercept_: Any
    classes_: Any

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Any:  # noqa: N803
        """One pass over the rows."""
        ...


@dataclass(frozen=True, slots=True)
class EstimatorLearner:
    """A scikit-learn linear estimator with ``partial_fit``, started from the base model.

    Parameters
    ----------
    estimator :
        An unfitted estimator with ``coef_`` and ``intercept_``; it is cloned, never changed.
    passes :
        Calls of ``partial_fit`` a round, each over all rows in a fresh order.
    """

    model: Model
    estimator: Any
    passes: int = 1

    def train(self, base: Floats, features: Floats, labels: Labels, *, seed: int) -> Floats:
        """See `Learner.train`."""
        check_training(self.model, base, features, labels)
        rng = np.random.default_rng(seed)
        fitted = self._started(base, features, seed)
        for _ in range(self.passes):
            order = rng.permutation(len(labels))
            fitted.partial_fit(features[order], labels[order])
        return np.concatenate([np.ravel(fitted.coef_), np.ravel(fitted.intercept_)])

    def _started(self, base: Floats, features: Floats, seed: int) -> PartialFit:
        """A clone that holds the base model: made by one pass over one row, then overwritten."""
        from sklearn.base import clone

        if self.model.hidden:
            raise InputError("an estimator with coef_ is linear", hint="use GradientLearner")
        fitted: PartialFit = clone(self.estimator)
        if "random_state" in self.estimator.get_params():
            self.estimator.__class__.set_params(fitted, random_state=seed % (1 << 32))
        classes = np.arange(self.model.classes)
        fitted.partial_fit(features[:1], classes[:1], classes=classes)
        (weights, biases) = float_layers(base, self.model)[0]
        fitted.coef_, fitted.intercept_ = weights.copy(), biases.copy()
        return fitted
