import numpy as np
import pytest

from counterpoise.core.errors import InputError
from counterpoise.federation.learners import (
    EstimatorLearner,
    GradientLearner,
    float_layers,
    predicted,
)
from counterpoise.federation.rules import Model

MODELS = [Model(5), Model(5, 3), Model(5, 2, (4,)), Model(5, 3, (6, 4))]


def blobs(classes, count=240, seed=0):
    """Rows around one corner per class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    corners = rng.normal(size=(classes, 5)) * 3
    return corners[labels] + rng.normal(size=(count, 5)), labels


def log_loss(params, features, labels, model):
    chances = predicted(params, features, model)
    return -np.log(chances[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.kind}-{m.classes}")
def test_one_full_step_follows_the_numeric_gradient(model):
    features, labels = blobs(model.classes, count=12)
    base = np.random.default_rng(1).normal(scale=0.5, size=model.n_params)
    learner = GradientLearner(model, steps=1, batch=12, rate=1.0)
    found = base - learner.train(base, features, labels, seed=0)
    for j in range(model.n_params):
        step = np.zeros_like(base)
        step[j] = 1e-6
        up, down = (log_loss(base + s, features, labels, model) for s in (step, -step))
        assert found[j] == pytest.approx((up - down) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.kind}-{m.classes}")
def test_a_learner_learns(model):
    features, labels = blobs(model.classes)
    base = np.random.default_rng(1).normal(scale=0.3, size=model.n_params)
    learner = GradientLearner(model, steps=400, batch=16, rate=0.1)
    params = learner.train(base, features, labels, seed=0)
    right = predicted(params, features, model).argmax(axis=1) == labels
    assert right.mean() > 0.95
    assert log_loss(params, features, labels, model) < log_loss(base, features, labels, model)


def test_the_seed_is_the_only_source_of_chance_and_the_base_is_not_touched():
    features, labels = blobs(2)
    base = np.zeros(6)
    learner = GradientLearner(Model(5), batch=4)
    first, again, other = (learner.train(base, features, labels, seed=s) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert (base == 0).all()


def test_weight_decay_shrinks_weights_and_leaves_biases():
    base = np.full(6, 2.0)
    features, labels = np.zeros((8, 5)), np.array([0, 1] * 4)
    params = GradientLearner(Model(5), steps=1, batch=8, rate=0.1, decay=0.5).train(
        base, features, labels, seed=0
    )
    assert params[:5] == pytest.approx([1.9] * 5)
    plain = GradientLearner(Model(5), steps=1, batch=8, rate=0.1).train(
        base, features, labels, seed=0
    )
    assert params[5] == plain[5]


def test_each_row_is_seen_once_an_epoch_and_a_short_set_fills_no_batch():
    features, labels = blobs(2, count=3)
    params = GradientLearner(Model(5), steps=5, batch=64).train(
        np.zeros(6), features, labels, seed=0
    )
    assert np.isfinite(params).all()


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_trains(label):
    from sklearn.linear_model import SGDClassifier

    features, labels = np.random.default_rng(0).normal(size=(9, 5)), np.full(9, label)
    estimator = SGDClassifier(loss="log_loss")
    for learner in (GradientLearner(Model(5)), EstimatorLearner(Model(5), estimator)):
        params = learner.train(np.zeros(6), features, labels, seed=0)
        assert np.isfinite(params).all()
        assert (params[5] > 0) == (label == 1)


def test_rows_that_do_not_fit_are_refused():
    features, labels = blobs(2)
    for learner in (GradientLearner(Model(5)), EstimatorLearner(Model(5), None)):
        for wrong in (
            (np.zeros(5), features, labels),
            (np.zeros(6), features[:, :4], labels),
            (np.zeros(6), features[:9], labels),
            (np.zeros(6), features[:0], labels[:0]),
            (np.zeros(6), features, labels + 1),
        ):
            with pytest.raises(InputError):
                learner.train(*wrong, seed=0)


@pytest.mark.parametrize("classes", [2, 3])
def test_scikit_learn_estimators_with_partial_fit_train_from_the_base(classes):
    from sklearn.linear_model import SGDClassifier

    model = Model(5, classes)
    features, labels = blobs(classes)
    estimator = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01)
    learner = EstimatorLearner(model, estimator, passes=3)
    params = learner.train(np.zeros(model.n_params), features, labels, seed=4)
    chances = predicted(params, features, model)
    assert (chances.argmax(axis=1) == labels).mean() > 0.9
    assert not hasattr(estimator, "coef_")
    assert (learner.train(np.zeros(model.n_params), features, labels, seed=4) == params).all()
    still = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=1e-12)
    base = np.arange(model.n_params, dtype=float) / 10
    kept = EstimatorLearner(model, still).train(base, features, labels, seed=0)
    assert kept == pytest.approx(base, abs=1e-6)


def test_an_estimator_for_a_perceptron_is_refused():
    with pytest.raises(InputError, match="linear"):
        EstimatorLearner(Model(5, 2, (3,)), None).train(np.zeros(22), *blobs(2), seed=0)


def test_layers_are_views_of_the_flat_vector():
    flat = np.zeros(22)
    for weights, biases in float_layers(flat, Model(5, 2, (3,))):
        weights[:], biases[:] = 1, 2
    assert flat.tolist() == [1] * 15 + [2] * 3 + [1] * 3 + [2]
