"""What leaves, as rules: classes of rows, exact noise, rounding, shapes, metrics from counts."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from counterpoise.core.errors import InputError
from counterpoise.market.compute_to_data.evaluation import metrics_of
from counterpoise.market.compute_to_data.leaving import rounded
from counterpoise.market.compute_to_data.noise import Coins, happens, laplace
from counterpoise.market.compute_to_data.overlap import (
    check_overlap,
    classes_after,
    refined,
    smallest,
    untouched,
)
from counterpoise.market.compute_to_data.refusals import NotAdmitted
from counterpoise.market.compute_to_data.shapes import Whole, bits_of, check_shapes, shapes_of
from counterpoise.market.compute_to_data.terms import MICRO, Disclosure, Noise

ANSWERS = st.lists(st.lists(st.integers(-1, 2), min_size=12, max_size=12), min_size=1, max_size=5)


def _less(vector, row, factor):
    return [a - factor * b for a, b in zip(vector, row, strict=True)]


def span_of(answers):
    """Rows that some sum of answered groups sets apart alone: solved exactly, over fractions."""
    basis = []
    for start in [[Fraction(g == n) for g in groups] for groups in answers for n in range(3)]:
        vector = start
        for pivot, row in basis:
            vector = _less(vector, row, vector[pivot])
        lead = next((i for i, value in enumerate(vector) if value), None)
        if lead is not None:
            unit = [value / vector[lead] for value in vector]
            basis = [(p, _less(row, unit, row[lead])) for p, row in basis] + [(lead, unit)]
    return {p for p, row in basis if sum(map(bool, row)) == 1}


@settings(max_examples=150, deadline=None)
@given(ANSWERS, st.integers(2, 4))
def test_no_sum_of_answered_groups_tells_of_one_row(answers, least):
    """Against the exact test of linear algebra: what is let through never spans a single row."""
    classes, given = untouched(12), []
    for groups in map(np.array, answers):
        try:
            classes = check_overlap(classes, groups, least)
        except NotAdmitted:
            continue
        given.append(groups)
    assert not span_of([groups.tolist() for groups in given])
    assert smallest(classes) is None or smallest(classes) >= least
    shuffled = classes_after(untouched(12), reversed(given))
    assert len(set(zip(classes.tolist(), shuffled.tolist(), strict=True))) == len(set(classes))


def test_rows_that_no_answer_touches_may_be_few():
    groups = np.array([0] * 9 + [-1])
    classes = check_overlap(untouched(10), groups, 5)
    assert classes.tolist() == refined(untouched(10), groups).tolist()
    with pytest.raises(NotAdmitted, match="told from others") as refused:
        check_overlap(classes, np.zeros(10, np.int64), 5)
    assert refused.value.rule == "overlap"
    with pytest.raises(NotAdmitted) as refused:
        check_overlap(untouched(10), np.full(10, -1), 5)
    assert refused.value.rule == "rows"


def test_noise_has_the_distribution_that_it_says():
    """Chi-square against the exact probabilities, at two sizes of epsilon."""
    for micro in (MICRO, 4 * MICRO):
        coins, count = Coins(bytes(32), b"test"), 20_000
        found = Counter(laplace(coins, micro) for _ in range(count))
        ratio = math.exp(-micro / MICRO / 2)
        share = (1 - ratio) / (1 + ratio)
        wanted = {x: count * share * ratio ** abs(x) for x in range(-6, 7)}
        cells = [(found[x], n) for x, n in wanted.items() if n >= 20]
        square = sum((seen - n) ** 2 / n for seen, n in cells)
        assert square < 3 * len(cells), (micro, square)
        assert abs(sum(x * n for x, n in found.items())) < 5 * math.sqrt(2 * count) / (
            micro / MICRO / 2
        )


def test_a_coin_of_exp_is_exact():
    coins = Coins(b"\1" * 32, b"coin")
    for top, bottom in ((1, 3), (5, 2), (0, 1)):
        seen = sum(happens(coins, top, bottom) for _ in range(20_000)) / 20_000
        assert abs(seen - math.exp(-top / bottom)) < 0.012


def test_noise_follows_from_key_and_request_alone():
    one = [laplace(Coins(b"k" * 32, b"r"), 300_000) for _ in range(3)]
    assert len(set(one)) == 1
    several = Coins(b"k" * 32, b"r")
    assert len({laplace(several, 100_000) for _ in range(40)}) > 5
    assert Coins(b"k" * 32, b"s").bits(64) != Coins(b"l" * 32, b"s").bits(64)


def test_evaluations_under_noise_spend_a_budget_that_no_restart_gives_back(ward):
    noise = Noise(most_a_job=MICRO, in_all=2 * MICRO, key=ward.home.noise_key)
    policy = ward.enforce(
        algorithms=(ward.evaluation.digest,), noise=noise, bits_a_job=0, bits_in_all=0
    )
    none, much = ward.ask(policy), ward.ask(policy, noise=MICRO + 1)
    first = ward.ask(policy, noise=MICRO)
    narrow = ward.ask(policy, noise=600_000, where=older_than_most(ward))
    answers = ward.answers(none, much, first, narrow)
    assert [answer.rule for answer in answers] == ["noise", "noise", "", ""]
    assert ward.answers(ward.ask(policy, noise=500_000))[0].rule == "noise"
    (last,) = ward.answers(ward.ask(policy, noise=400_000))
    assert last.outputs
    exact = ward.part.labels.sum()
    told = sum(answers[2].outputs["counts"][0][band][1] for band in range(2))
    assert abs(told - exact) < 40
    assert ward.verdict().is_true


def older_than_most(ward):
    """Two rows: what no rule of least rows would let be counted, noise does."""
    from counterpoise.market.compute_to_data.request import Condition

    ages = np.sort(ward.part.features[:, 0])
    return (Condition("age", int(ages[-2]), 120),)


def test_a_budget_of_noise_admits_nothing_that_it_does_not_cover(ward):
    noise = Noise(MICRO, MICRO, ward.home.noise_key)
    with pytest.raises(InputError, match="covers evaluations alone"):
        ward.policy(noise=noise)
    with pytest.raises(InputError, match="another key"):
        wrong = Noise(MICRO, MICRO, bytes(32))
        ward.offering.draft_policy(ward.policy(noise=wrong, bits_a_job=0, bits_in_all=0))


@given(st.integers(0, 10_000), st.integers(2, 50), st.integers(1, 100))
def test_a_rounded_count_is_zero_or_a_near_multiple(count, least, to):
    left = rounded(count, Disclosure(least, to))
    assert left == 0 or (left >= least and left % to == 0 and abs(left - count) * 2 <= to)
    assert left or count < least + to
    assert rounded(left, Disclosure(least, to)) == left, "so that an auditor can see it"


def test_a_count_that_rounds_below_the_least_rows_does_not_leave():
    assert [rounded(count, Disclosure(10, 7)) for count in (9, 10, 11, 14)] == [0, 0, 14, 14]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=6))
def test_metrics_of_bands_are_those_of_the_rows_in_them(bands):
    edges = tuple(range(len(bands) - 1))
    counts = np.array([bands], dtype=np.int64)
    found = metrics_of(edges, 0, counts)
    scores, labels = [], []
    for band, (negative, positive) in enumerate(bands):
        scores += [band] * (negative + positive)
        labels += [0] * negative + [1] * positive
    if len(set(labels)) == 2:
        assert abs(found["auc_ppm"] - 1e6 * roc_auc_score(labels, scores)) <= 1
    else:
        assert found["auc_ppm"] == -1
    decided = [score > 0 for score in scores]  # above the threshold's own band
    right = sum(d == bool(label) for d, label in zip(decided, labels, strict=True))
    assert (found["rows"], found["right"]) == (len(labels), right)
    parts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    assert sum(found[name] for name in parts) == len(labels)


def test_shapes_bound_what_a_result_can_tell():
    shapes = shapes_of(
        {"n": {"least": 0, "most": 7}, "hist": {"least": 0, "most": 1, "length": 5, "count": True}},
        results=True,
    )
    assert bits_of(shapes) == 3 + 5
    check_shapes("output", {"n": 7, "hist": [0, 1, 0, 1, 1]}, shapes)
    for wrong in (
        {"n": 8, "hist": [0] * 5},
        {"n": 1, "hist": [0] * 4},
        {"n": 1},
        [],
        {"n": True, "hist": [0] * 5},
    ):
        with pytest.raises(NotAdmitted):
            check_shapes("output", wrong, shapes)
    for record in (
        {"x": {"among": ["a"]}},
        {"x": {"text": True}},
        {"x": {"least": 0, "most": 2**60}},
    ):
        with pytest.raises(InputError):
            shapes_of(record, results=True)
    assert Whole(-4, 3).bits == 3
