"""Real features become bytes by one written rule, and what is outside it is refused by name."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.inference import Card, Cuts, Even, ImportReport, Quantiser

QUICK = settings(max_examples=100, deadline=None, derandomize=True)
AGE = Even("age", 20.0, 80.0, 0.25)
TABLE = Cuts("pressure", (90.0, 120.5, 140.0))
reals = st.floats(-1e6, 1e6)


def test_even_steps_round_half_up_and_clip():
    values = np.array([20.0, 20.124, 20.125, 20.375, 80.0, 19.0, 99.0])
    assert AGE.bytes_of(values).tolist() == [0, 0, 1, 2, 240, 0, 240]


def test_a_value_outside_calibration_is_named_with_its_range():
    quantiser = Quantiser((AGE, TABLE))
    with pytest.raises(InputError) as caught:
        quantiser.bytes_of([[30, 100], [80.5, 100]])
    assert caught.value.message == ("feature 'age' is 80.5 in row 1, outside calibration: 20 to 80")
    clipped = quantiser.bytes_of([[30, 100], [80.5, 100]], clip=True)
    assert clipped.tolist() == [[40, 1], [240, 1]]
    assert quantiser.outside([[30, 100], [80.5, 100], [1, 1e9]]).tolist() == [
        [False, False],
        [True, False],
        [True, False],
    ]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_refused_even_when_clipping(bad):
    with pytest.raises(InputError, match=r"'pressure' is .* in row 0: no finite number"):
        Quantiser((AGE, TABLE)).bytes_of([[30, bad]], clip=True)


def test_rows_of_another_shape_or_of_words_are_refused():
    quantiser = Quantiser((AGE, TABLE))
    with pytest.raises(InputError, match="rows of 1 features, 2 wanted"):
        quantiser.bytes_of([[1]])
    with pytest.raises(InputError, match="not numbers"):
        quantiser.bytes_of([["old", 1]])
    with pytest.raises(InputError, match="shape"):
        quantiser.bytes_of([1, 2])


@QUICK
@given(st.sets(reals, min_size=1, max_size=40), st.lists(reals, min_size=1, max_size=20))
def test_a_byte_answers_each_cut_as_the_real_number_does(cuts, values):
    points = tuple(sorted(cuts))
    seen = np.array([*values, *points])
    found = Cuts("x", points).bytes_of(seen)
    for place, cut in enumerate(points):
        assert ((seen <= cut) == (found <= place)).all()


@QUICK
@given(reals, st.floats(1e-3, 1e6), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_byte_is_within_half_a_step_of_its_value(lowest, span, shares):
    feature = Even("x", lowest, lowest + span, span / 255)
    values = np.clip(lowest + span * np.array(shares), lowest, lowest + span)
    back = lowest + feature.bytes_of(values) * feature.step
    assert (np.abs(back - values) <= feature.step * 0.5000001 + 1e-9 * (1 + abs(lowest))).all()
    order = np.argsort(values)
    assert (np.diff(feature.bytes_of(values)[order].astype(int)) >= 0).all()


def test_single_precision_is_the_librarys_own_rounding():
    cut = float(np.float32(0.1))
    value = np.array([0.1])
    assert value[0] < cut
    just_above = np.array([cut + 1e-12])
    assert Cuts("x", (cut,), single=True).bytes_of(just_above).tolist() == [0]
    assert Cuts("x", (cut,)).bytes_of(just_above).tolist() == [1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Even("x", 1.0, 0.0, 1.0),
        lambda: Even("x", 0.0, 1.0, 0.0),
        lambda: Even("x", 0.0, 1.0, 1 / 300),
        lambda: Even("x", 0.0, float("inf"), 1.0),
        lambda: Cuts("x", tuple(map(float, range(256)))),
        lambda: Cuts("x", (1.0, 1.0)),
        lambda: Cuts("x", (float("nan"),)),
    ],
)
def test_a_feature_that_makes_no_bytes_is_refused(make):
    with pytest.raises(InputError):
        make()


def card():
    quantiser = Quantiser((AGE, TABLE, Cuts("none", (), single=True)))
    report = ImportReport(200, True, 1, 180, 179, 3)
    return Card(b"\x07" * 32, "scikit-learn X", ("no", "yes"), quantiser, 0.1, report)


def test_a_card_reads_back_from_its_canonical_json_alone():
    data = card().to_bytes()
    assert Card.from_bytes(data) == card()
    assert json.loads(data)["unit"] == "0.1"
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            assert Card.from_bytes(bytes(changed)) != card()
        except InputError:
            continue


@pytest.mark.parametrize(
    "change",
    [
        {"features": []},
        {"features": [{"kind": "even", "name": "x"}]},
        {"features": [{"kind": "cuts", "name": "x", "points": ["1.50"], "single": False}]},
        {"unit": "0.10"},
        {"unit": 1},
        {"more": 1},
        {"format": "other"},
        {"report": {"rows": 1}},
        {"model": "zz"},
    ],
)
def test_a_malformed_card_is_refused(change):
    record = json.loads(card().to_bytes()) | change
    data = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(InputError):
        Card.from_bytes(data)


@pytest.mark.parametrize(
    ("report", "passes"),
    [
        (ImportReport(1000, True, 5), True),
        (ImportReport(1000, True, 6), False),
        (ImportReport(200, True, 2, fitted_rows=200), True),
        (ImportReport(200, True, 2, fitted_rows=200, fitted_disagreements=1), False),
        (ImportReport(60, True, 1, 50, 49), True),
        (ImportReport(60, True, 2, 50, 50), False),
        (ImportReport(1000, True, 0, 900, 895), True),
        (ImportReport(1000, True, 0, 900, 894), False),
        (ImportReport(1000, True, 0, 900, 950), True),
    ],
)
def test_a_loss_that_matters_is_refused(report, passes):
    if passes:
        report.check()
        return
    with pytest.raises(InputError, match=r"agree, 99\.5 % wanted|half a point"):
        report.check()
