"""A score's explanation adds up to the score, and is the one LightGBM gives."""

import math
from itertools import combinations

import numpy as np
import pytest

from counterpoise.core.errors import InputError
from counterpoise.monitor.contributions import Paths
from counterpoise.monitor.trees import LEAF_BITS, BoostedTrees

lightgbm = pytest.importorskip("lightgbm", reason="skipped: needs lightgbm")
USUAL = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1}


def booster(rounds=25, leaves=15, features=6, **settings):
    draw = np.random.default_rng(3)
    rows = draw.integers(-40, 40, (700, features))
    labels = rows[:, 0] * rows[:, 1] + 30 * rows[:, 2] + draw.normal(0, 200, 700) > 0
    dataset = lightgbm.Dataset(rows.astype(float), labels, params={"verbose": -1})
    return lightgbm.train(USUAL | {"num_leaves": leaves} | settings, dataset, rounds), rows


def expected(trees, row, known):
    """The mean score where only some features are known, by walking the trees."""

    def below(node):
        feature = trees.feature[node]
        if feature < 0:
            return trees.value[node]
        left, right = trees.left[node], trees.right[node]
        if feature in known:
            return below(left if row[feature] <= trees.threshold[node] else right)
        shares = trees.cover[[left, right]] / trees.cover[node]
        return shares[0] * below(left) + shares[1] * below(right)

    return sum(below(root) for root in trees.roots)


def test_contributions_are_the_mean_gain_over_all_orders():
    model, rows = booster(rounds=4, leaves=7, features=4)
    trees = BoostedTrees.from_dump(model.dump_model())
    for row in rows[:6]:
        found = Paths.of(trees).contributions(row)
        for feature in range(4):
            others = [one for one in range(4) if one != feature]
            wanted = 0.0
            for size in range(4):
                for known in combinations(others, size):
                    weight = math.factorial(size) * math.factorial(3 - size) / math.factorial(4)
                    gain = expected(trees, row, {*known, feature}) - expected(trees, row, known)
                    wanted += weight * gain
            assert found[feature] / 2**LEAF_BITS == pytest.approx(wanted, abs=1e-5)


def test_contributions_are_those_of_lightgbm():
    model, rows = booster(rounds=80, leaves=31)
    paths = Paths.of(BoostedTrees.from_dump(model.dump_model()))
    probes = np.vstack([rows[:30], rows[:5] * 1000])
    wanted = model.predict(probes.astype(float), pred_contrib=True)[:, :-1]
    found = np.stack([paths.contributions(row) for row in probes]) / 2**LEAF_BITS
    assert np.abs(found - wanted).max() < 2e-4


def test_contributions_and_the_mean_add_up_to_the_score():
    model, rows = booster(rounds=80, leaves=31)
    trees = BoostedTrees.from_dump(model.dump_model())
    paths, scores = Paths.of(trees), trees.bar.scores(rows)
    bases = [scores[i] - paths.contributions(rows[i]).sum() for i in range(40)]
    assert max(bases) - min(bases) < 2e-4 * 2**LEAF_BITS


def test_a_row_of_another_width_or_of_fractions_is_refused():
    model, rows = booster(rounds=2)
    paths = Paths.of(BoostedTrees.from_dump(model.dump_model()))
    for row in (rows[0, :5], rows[0].astype(float)):
        with pytest.raises(InputError, match="wanted integers"):
            paths.contributions(row)


def test_trees_that_split_on_missing_values_are_refused():
    draw = np.random.default_rng(5)
    rows = draw.normal(0, 1, (400, 3))
    rows[draw.random(rows.shape) < 0.3] = np.nan
    dataset = lightgbm.Dataset(rows, np.nan_to_num(rows[:, 0]) > 0, params={"verbose": -1})
    trees = BoostedTrees.from_dump(lightgbm.train(USUAL, dataset, 2).dump_model())
    with pytest.raises(InputError, match="missing values"):
        Paths.of(trees)
