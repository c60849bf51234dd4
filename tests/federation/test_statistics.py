from math import isqrt

import numpy as np
import pytest
from games import address, task

from counterpoise.core.errors import InputError
from counterpoise.federation.rules import (
    AdmissionError,
    Feature,
    Model,
    Statistics,
    TaskRules,
    admit_statistics,
    combined,
    local_statistics,
    standardised,
)

FEATURES = (Feature("age", 0, 0, 120), Feature("change", 1, -100, 100), Feature("flag", 0, 0, 1))
RULES = TaskRules(Model(3), FEATURES, rounds=2, clip=1000)


def some(seed, count):
    rng = np.random.default_rng(seed)
    columns = [rng.integers(f.minimum, f.maximum + 1, count) for f in FEATURES]
    return np.stack(columns, axis=1).astype(np.int32)


PARTS = [some(seed, 20 + 30 * seed) for seed in range(4)]


def test_the_sum_of_all_vectors_is_the_vector_of_all_rows():
    vectors = {address(i): local_statistics(part, RULES) for i, part in enumerate(PARTS)}
    whole = local_statistics(np.concatenate(PARTS), RULES).tolist()
    found = combined(vectors, RULES)
    assert [found.rows, *found.sums, *found.squares] == whole
    assert combined(dict(reversed(vectors.items())), RULES) == found


def test_standardised_rows_have_mean_zero_and_deviation_one():
    rows = np.concatenate(PARTS)
    found = standardised(rows, combined({b"": local_statistics(rows, RULES)}, RULES), RULES) / 1024
    assert found.mean(axis=0) == pytest.approx([0, 0, 0], abs=2e-3)
    assert found.std(axis=0) == pytest.approx([1, 1, 1], abs=1e-2)


def test_each_value_is_the_floor_of_the_rule():
    rows = PARTS[0]
    found = combined({b"": local_statistics(rows, RULES)}, RULES)
    got = standardised(rows, found, RULES)
    for i, row in enumerate(rows):
        for j, x in enumerate(row):
            root = isqrt(found.rows * found.squares[j] - found.sums[j] ** 2)
            assert got[i, j] == ((int(x) * found.rows - found.sums[j]) << 10) // root


def test_a_feature_that_never_varies_becomes_zero():
    rows = some(1, 30)
    rows[:, 2] = 1
    found = combined({b"": local_statistics(rows, RULES)}, RULES)
    assert found.deviation(2) == 0
    assert (standardised(rows, found, RULES)[:, 2] == 0).all()
    assert (standardised(PARTS[0], found, RULES)[:, 2] == 0).all()


def test_a_standardised_value_is_held_within_two_to_the_fifteen():
    rows = np.zeros((10_000, 3), dtype=np.int32)
    rows[0, 0] = 120
    found = combined({b"": local_statistics(rows, RULES)}, RULES)
    assert standardised(rows[:1], found, RULES)[0, 0] == 1 << 15


def test_an_honest_vector_is_admitted():
    for part in PARTS:
        vector = local_statistics(part, RULES)
        assert admit_statistics(vector, RULES, len(part)) is vector


@pytest.mark.parametrize(
    ("place", "change"),
    [(0, 1), (0, -1), (1, 10**6), (1, -(10**6)), (4, -(10**6)), (4, 10**7), (6, 1), (3, 21)],
)
def test_sums_that_no_such_rows_can_have_are_refused(place, change):
    vector = local_statistics(PARTS[0], RULES)
    vector[place] += change
    with pytest.raises(AdmissionError) as refusal:
        admit_statistics(vector, RULES, len(PARTS[0]))
    assert refusal.value.code == "statistics"


@pytest.mark.parametrize(
    ("vector", "code"),
    [
        (np.zeros(7), "dtype"),
        (np.zeros(7, dtype=np.int32), "dtype"),
        ([0] * 7, "dtype"),
        (np.zeros(6, dtype=np.int64), "shape"),
        (np.zeros(7, dtype=np.int64), "statistics"),
        (np.full(7, np.iinfo(np.int64).min), "statistics"),
    ],
)
def test_what_is_no_vector_of_sums_is_refused_by_name(vector, code):
    with pytest.raises(AdmissionError) as refusal:
        admit_statistics(vector, RULES, 0)
    assert refusal.value.code == code


def test_rows_outside_the_declared_range_are_refused():
    rows = some(0, 5)
    rows[2, 1] = -101
    with pytest.raises(InputError, match=r"change ranges from -101"):
        local_statistics(rows, RULES)
    for wrong in (rows[:, :2], rows.astype(float), rows[0]):
        with pytest.raises(InputError):
            local_statistics(wrong, RULES)


def test_sums_beyond_62_bits_are_refused():
    wide = task(inputs=1)
    wide = TaskRules(Model(1), (Feature("x", 0, 0, 2**31 - 1),), rounds=2, clip=1000)
    with pytest.raises(InputError, match="62 bits"):
        local_statistics(np.zeros((2, 1), dtype=np.int32), wide)
    with pytest.raises(InputError, match="62 bits"):
        standardised(np.zeros((1, 1), np.int32), Statistics(2**30, (5,), (9,)), wide)


def test_statistics_of_nobody_are_refused():
    with pytest.raises(InputError):
        combined({}, RULES)
