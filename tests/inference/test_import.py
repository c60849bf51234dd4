"""Imported models decide as the floats do, on rows that neither has seen."""

import re
import warnings

import numpy as np
import pytest
from sets import split
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from counterpoise.core.errors import InputError
from counterpoise.inference import Forest, import_model

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def logistic():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


def mlp(*hidden):
    return make_pipeline(
        StandardScaler(), MLPClassifier(hidden or (16,), max_iter=150, random_state=0)
    )


def imported(name, estimator, **options):
    rows, held, labels, held_labels = split(name)
    trained = estimator.fit(rows, labels)
    return import_model(trained, rows, check=held, check_labels=held_labels, **options)


@pytest.mark.parametrize("name", ["heart", "credit", "breast cancer", "digits", "wine"])
@pytest.mark.parametrize("make", [logistic, mlp], ids=["logistic", "mlp"])
def test_a_net_decides_as_the_floats_do(name, make):
    report = imported(name, make()).report
    assert report.held_out and report.agreement >= 0.98
    assert report.points_lost <= max(0.5, 100 / report.rows)


FORESTS = {
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "random forest": lambda: RandomForestClassifier(30, random_state=0),
    "extra trees": lambda: ExtraTreesClassifier(10, random_state=0),
    "boosted": lambda: GradientBoostingClassifier(n_estimators=20, random_state=0),
    "histogram boosted": lambda: HistGradientBoostingClassifier(max_iter=20, random_state=0),
}


@pytest.mark.parametrize("name", ["heart", "credit", "breast cancer", "wine"])
@pytest.mark.parametrize("kind", FORESTS)
def test_a_forest_decides_exactly_as_the_floats_do(name, kind):
    found = imported(name, FORESTS[kind]())
    assert isinstance(found.model, Forest)
    assert found.report.disagreements == 0 and found.report.outside == 0


def test_two_hidden_layers_are_imported():
    found = imported("breast cancer", mlp(24, 12))
    assert [len(layer.bias) for layer in found.model.layers] == [24, 12, 1]


def test_the_logits_are_the_floats_in_the_cards_unit():
    rows, held, labels, _ = split("breast cancer")
    trained = logistic().fit(rows, labels)
    found = import_model(trained, rows)
    logits = found.model.run(found.quantiser.bytes_of(held, clip=True)).logits[:, 0]
    inside = ((held >= rows.min(axis=0)) & (held <= rows.max(axis=0))).all(axis=1)
    wrong = np.abs(logits * found.card.unit - trained.decision_function(held))[inside]
    assert wrong.max() < 0.2 and np.median(wrong) < 0.03


def test_a_big_tree_is_split_into_parts_that_add_up_to_it():
    rows, held, labels, _ = split("digits")
    trained = DecisionTreeClassifier(random_state=0).fit(rows, labels % 2)
    assert trained.tree_.node_count > 100
    deep = DecisionTreeClassifier(random_state=0, splitter="random").fit(rows, labels)
    assert deep.tree_.node_count > 255
    found = import_model(deep, rows)
    assert len(found.model.trees) > 10
    assert all(len(tree.nodes) <= 255 for tree in found.model.trees)
    decided = found.model.run(found.quantiser.bytes_of(held)).decisions
    assert (decided == deep.predict(held)).all()


def test_more_than_255_thresholds_are_merged_where_it_hurts_least():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 2))
    labels = (rows[:, 0] + 0.3 * rng.normal(size=3000) > 0).astype(int)
    trained = RandomForestClassifier(10, random_state=0, max_leaf_nodes=100).fit(rows, labels)
    thresholds = {
        t for tree in trained.estimators_ for t in tree.tree_.threshold[tree.tree_.feature == 0]
    }
    assert len(thresholds) > 255
    found = import_model(trained, rows)
    assert len(found.quantiser.features[0].points) == 255
    assert found.report.agreement >= 0.995


def test_scalers_in_a_pipeline_fold_into_the_model():
    for scaler in (MinMaxScaler(), RobustScaler(), StandardScaler(with_mean=False)):
        for final in (RidgeClassifier(), DecisionTreeClassifier(max_depth=4, random_state=0)):
            report = imported("breast cancer", make_pipeline(scaler, final)).report
            assert report.disagreements <= 1


@pytest.mark.parametrize("make", [logistic, FORESTS["random forest"], FORESTS["boosted"]])
def test_a_threshold_other_than_a_half_moves_the_decision(make):
    rows, held, labels, _ = split("credit")
    trained = make().fit(rows, labels)
    found = import_model(trained, rows, check=held, threshold=1 / 6)
    assert found.report.disagreements <= 1
    decided = found.model.run(found.quantiser.bytes_of(held, clip=True)).decisions
    wanted = trained.predict_proba(held)[:, 1] > 1 / 6
    assert decided.sum() > 1.5 * trained.predict(held).sum()
    assert (decided != wanted).sum() <= 1


@pytest.mark.parametrize(
    "make",
    [
        LinearRegression,
        lambda: MLPRegressor(hidden_layer_sizes=(8,), max_iter=300, random_state=0),
        lambda: RandomForestRegressor(10, random_state=0, max_depth=6),
        lambda: GradientBoostingRegressor(n_estimators=10, random_state=0),
    ],
)
def test_a_regressor_decides_by_the_value_that_is_named(make):
    rows, held, labels, _ = split("heart")
    trained = make_pipeline(StandardScaler(), make()).fit(rows, labels)
    with pytest.raises(InputError, match="decides nothing by itself"):
        import_model(trained, rows)
    report = import_model(trained, rows, check=held, threshold=0.4).report
    assert report.agreement >= 0.99


def test_ranges_widen_what_the_rows_show():
    rows, held, labels, _ = split("heart")
    trained = logistic().fit(rows, labels)
    wide = {"x0": (0.0, 120.0)}
    narrow = import_model(trained, rows)
    found = import_model(trained, rows, ranges=wide)
    old = held[:1].copy()
    old[0, 0] = 110.0
    with pytest.raises(InputError, match="feature 'x0' is 110 in row 0"):
        narrow.quantiser.bytes_of(old)
    found.quantiser.bytes_of(old)
    with pytest.raises(InputError, match="which is no feature"):
        import_model(trained, rows, ranges={"age": (0.0, 120.0)})
    with pytest.raises(InputError, match="beyond its range 60 to 61"):
        import_model(trained, rows, ranges={"x0": (60.0, 61.0)})


def test_the_same_import_gives_the_same_model():
    rows, _, labels, _ = split("heart")
    trained = mlp().fit(rows, labels)
    first, second = (import_model(trained, rows, allow_loss=True) for _ in range(2))
    assert first.model.id == second.model.id and first.card.digest == second.card.digest


def test_a_model_that_cannot_be_kept_is_refused_unless_that_is_allowed():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3))
    rows[0] = 1e6  # one row stretches every range, so that a byte tells the others apart no more
    labels = (rows[:, 0] > rows[:, 1]).astype(int)
    trained = LogisticRegression().fit(rows, labels)
    with pytest.raises(InputError, match=r"agree, 99\.5 % wanted"):
        import_model(trained, rows, labels)
    found = import_model(trained, rows, labels, allow_loss=True)
    assert found.report.agreement < 0.9 and not found.report.held_out


def test_what_has_no_integer_form_is_refused_with_a_reason(tmp_path):
    from sklearn.neighbors import KNeighborsClassifier

    rows, _, labels, _ = split("wine")
    tanh = MLPClassifier((4,), activation="tanh", max_iter=50)
    polynomial = make_pipeline(PolynomialFeatures(), LogisticRegression(max_iter=50))
    for estimator, reason in [
        (KNeighborsClassifier(), "has no integer form"),
        (tanh, "activation 'tanh'"),
        (polynomial, "a pipeline with a PolynomialFeatures"),
    ]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(rows, labels)
        with pytest.raises(InputError, match=reason):
            import_model(estimator, rows)
    with pytest.raises(InputError, match="is not fitted"):
        import_model(LogisticRegression(), rows)
    with pytest.raises(InputError, match="is a pickle: to read one is to run the code in it"):
        import_model(tmp_path / "model.pkl", rows)
    with pytest.raises(InputError, match="there is no file"):
        import_model(tmp_path / "model.onnx", rows)
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(InputError, match="no known format"):
        import_model(tmp_path / "model.h5", rows)
    with pytest.raises(InputError, match="no model that can be imported"):
        import_model(object(), rows)


def test_rows_and_labels_that_do_not_fit_are_refused():
    rows, held, labels, held_labels = split("wine")
    trained = logistic().fit(rows, labels)
    for arguments, reason in [
        ({"rows": rows[:, :5]}, "rows of 5 features, the model wants 13"),
        ({"rows": rows[:5]}, "5 calibration rows"),
        ({"rows": rows, "check": held[:0]}, "none of 0 rows is within calibration"),
        ({"rows": rows, "check": held, "check_labels": held_labels[:3]}, "3 labels for"),
        ({"rows": rows, "labels": labels + 5}, re.escape("is none of the model's classes")),
        ({"rows": rows, "names": ["a"] * 13}, "all different"),
        ({"rows": rows, "threshold": 0.3}, "a threshold for 3 classes"),
        ({"rows": np.where(rows == rows[0, 0], np.nan, rows)}, "no finite number"),
    ]:
        with pytest.raises(InputError, match=reason):
            import_model(trained, **arguments)
