"""LightGBM models are imported exactly, from Python and from their text files."""

import numpy as np
import pytest
from sets import split

from counterpoise.core.errors import InputError
from counterpoise.inference import import_model

lightgbm = pytest.importorskip("lightgbm")
QUIET = {"verbose": -1, "n_jobs": 1, "random_state": 0}


@pytest.mark.parametrize("name", ["heart", "credit", "breast cancer", "digits", "wine"])
def test_a_classifier_decides_exactly_as_the_floats_do(name):
    rows, held, labels, held_labels = split(name)
    trained = lightgbm.LGBMClassifier(n_estimators=15, **QUIET).fit(rows, labels)
    found = import_model(trained, rows, check=held, check_labels=held_labels)
    assert found.report.disagreements == 0 and found.report.points_lost == 0
    assert found.card.classes == tuple(map(str, trained.classes_))


@pytest.mark.parametrize("mode", ["rf", "dart", "gbdt"])
def test_every_way_of_boosting_is_read_from_a_text_file(mode, tmp_path):
    rows, held, labels, _ = split("credit")
    options = QUIET | {"objective": "binary", "boosting": mode, "is_unbalance": True}
    if mode == "rf":
        options |= {"bagging_freq": 1, "bagging_fraction": 0.7}
    trained = lightgbm.train(options, lightgbm.Dataset(rows, labels), 12)
    path = tmp_path / "model.txt"
    trained.save_model(path)
    found = import_model(path, rows, check=held, threshold=0.4)
    assert found.report.disagreements == 0
    decided = found.model.run(found.quantiser.bytes_of(held)).decisions
    assert (decided == (trained.predict(held) > 0.4)).all()


def test_a_regression_wants_a_threshold_and_categories_are_refused(tmp_path):
    rows, held, labels, _ = split("heart")
    trained = lightgbm.LGBMRegressor(n_estimators=10, **QUIET).fit(rows, labels)
    with pytest.raises(InputError, match="decides nothing by itself"):
        import_model(trained, rows)
    assert import_model(trained, rows, check=held, threshold=0.5).report.disagreements == 0
    kinds = np.random.default_rng(0).integers(0, 9, len(rows)).astype(float)
    with_kinds = np.column_stack([kinds, rows])
    odd = (kinds % 2).astype(int)
    sorted_by = lightgbm.LGBMClassifier(n_estimators=3, **QUIET)
    sorted_by.fit(with_kinds, odd, categorical_feature=[0])
    with pytest.raises(InputError, match="split on categories"):
        import_model(sorted_by, with_kinds)
    (tmp_path / "model.txt").write_text("no model")
    with pytest.raises(InputError, match="is no LightGBM model"):
        import_model(tmp_path / "model.txt", rows)
