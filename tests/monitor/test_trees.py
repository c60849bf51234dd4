"""Our walk down the trees gives LightGBM's own scores, to the bit."""

import json

import numpy as np
import pytest

from counterpoise.core.errors import InputError
from counterpoise.monitor.trees import LEAF_BITS, BoostedTrees

lightgbm = pytest.importorskip("lightgbm", reason="skipped: needs lightgbm")
USUAL = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1, "seed": 1}


def rows_and_labels(seed, *, gaps=0.0, zeros=0.0, rows=600):
    draw = np.random.default_rng(seed)
    rows = draw.integers(-50, 50, (rows, 6)).astype(float)
    labels = (rows[:, 0] * rows[:, 1] + 30 * rows[:, 2] + draw.normal(0, 200, len(rows))) > 0
    rows[draw.random(rows.shape) < zeros] = 0
    rows[draw.random(rows.shape) < gaps] = np.nan
    return rows, labels


def trained(rows, labels, **settings):
    dataset = lightgbm.Dataset(rows, labels, params={"verbose": -1})
    return lightgbm.train(USUAL | settings, dataset, 40)


@pytest.mark.parametrize(
    ("gaps", "zeros", "settings"),
    [
        (0, 0, {}),
        (0.2, 0.3, {}),
        (0.2, 0.3, {"zero_as_missing": True}),
        (0.2, 0.3, {"use_missing": False}),
        (0, 0, {"objective": "regression"}),
    ],
)
def test_raw_scores_are_lightgbm_s_to_the_bit(gaps, zeros, settings):
    rows, labels = rows_and_labels(3, gaps=gaps, zeros=zeros)
    booster = trained(rows, labels, **settings)
    trees = BoostedTrees.from_dump(booster.dump_model())
    probes, _ = rows_and_labels(4, gaps=0.3, zeros=0.3)
    probes[:5] = [[1e-36] * 6, [-1e-36] * 6, [np.inf] * 6, [-np.inf] * 6, [np.nan] * 6]
    for given in (rows, probes):
        assert trees.raw_scores(given).tobytes() == booster.predict(given, raw_score=True).tobytes()


def test_the_integer_sum_decides_as_the_float_does():
    rows, labels = rows_and_labels(5, rows=5000)
    trees = BoostedTrees.from_dump(trained(rows, labels).dump_model())
    floats = trees.raw_scores(rows)
    scores = trees.bar.scores(rows.astype(np.int64))
    assert scores.dtype == np.int64
    assert np.abs(scores / 2**LEAF_BITS - floats).max() < 40 / 2**LEAF_BITS
    assert ((scores > 0) == (floats > 0)).mean() >= 0.999


def test_trees_come_back_from_their_bytes():
    rows, labels = rows_and_labels(6, gaps=0.1)
    trees = BoostedTrees.from_dump(trained(rows, labels).dump_model())
    again = BoostedTrees.from_bytes(trees.to_bytes())
    assert again.digest == trees.digest
    assert again.raw_scores(rows).tobytes() == trees.raw_scores(rows).tobytes()


def test_a_model_of_many_classes_is_refused():
    rows, _ = rows_and_labels(7)
    labels = np.arange(len(rows)) % 3
    booster = trained(rows, labels, objective="multiclass", num_class=3)
    with pytest.raises(InputError, match="3 trees a round"):
        BoostedTrees.from_dump(booster.dump_model())


def test_a_split_by_category_is_refused():
    draw = np.random.default_rng(8)
    rows = draw.integers(0, 30, (900, 1)).astype(float)
    labels = np.isin(rows[:, 0], [3, 7, 11, 20])
    dataset = lightgbm.Dataset(rows, labels, categorical_feature=[0], params={"verbose": -1})
    booster = lightgbm.train(USUAL | {"min_data_per_group": 1}, dataset, 3)
    with pytest.raises(InputError, match="split by '=='"):
        BoostedTrees.from_dump(booster.dump_model())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "other"}, "format 'other'"),
        ({"left": [0]}, "before its parent"),
        ({"feature": [99]}, "name a feature"),
        ({"roots": None}, "no trees"),
    ],
)
def test_damaged_trees_are_refused_before_they_are_walked(change, reason):
    rows, labels = rows_and_labels(9)
    record = json.loads(BoostedTrees.from_dump(trained(rows, labels).dump_model()).to_bytes())
    for name, value in change.items():
        record[name] = value + record[name][len(value) :] if isinstance(value, list) else value
    with pytest.raises(InputError, match=reason):
        BoostedTrees.from_bytes(json.dumps(record).encode())


def test_rows_of_another_width_are_refused():
    rows, labels = rows_and_labels(10)
    trees = BoostedTrees.from_dump(trained(rows, labels).dump_model())
    with pytest.raises(InputError, match=r"rows of shape \(600, 5\)"):
        trees.raw_scores(rows[:, :5])
    with pytest.raises(InputError, match="integers wanted"):
        trees.bar.scores(rows)
