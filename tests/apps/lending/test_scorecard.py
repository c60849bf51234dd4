"""From applicants to bytes, and from a trained model to one in integers."""

import numpy as np
import pytest

from counterpoise.apps.lending.attributes import AMOUNT, FEATURES, MONTHS, places
from counterpoise.apps.lending.credit import load_credit, split
from counterpoise.apps.lending.figures import cost
from counterpoise.apps.lending.pricing import LOGISTIC, Point, check_curve, rate_of, risk_of
from counterpoise.apps.lending.recipe import (
    CHOSEN,
    Trial,
    candidates,
    choose,
    float_logits,
    trained,
)
from counterpoise.apps.lending.scorecard import build_scorecard, keep_scorecard, load_scorecard
from counterpoise.core.errors import InputError
from counterpoise.core.units import PPM


@pytest.fixture(scope="module")
def card():
    return build_scorecard()


def test_the_model_is_small_enough_for_every_level(card):
    assert card.net.inputs == len(FEATURES) == 46 <= 64
    assert card.net.outputs == 1 and len(card.net.layers) == 1


def test_integers_are_the_floats_to_a_hundredth_of_a_nat(card):
    estimator = trained(split()["train"])
    for part in split().values():
        whole = card.net.run(card.rows_of(part)).logits[:, 0] / card.nat
        assert np.abs(whole - float_logits(estimator, part)).max() < 0.01


def test_the_threshold_is_where_the_cost_matrix_has_it(card):
    assert card.net.threshold / card.nat == pytest.approx(-np.log(5), abs=1e-3)
    assert risk_of(card.net.threshold, card.nat) == pytest.approx(PPM / 6, abs=800)


def test_training_again_gives_the_same_model(card):
    assert build_scorecard().net.id == card.net.id


def test_a_value_outside_calibration_is_refused_by_name(card):
    row = dict(load_credit().values[0])
    with pytest.raises(InputError, match=f"'{AMOUNT}' is 20001 .*outside calibration"):
        card.bytes_of({**row, AMOUNT: "20001"})
    with pytest.raises(InputError, match=f"'{MONTHS}' is 73 "):
        card.bytes_of({**row, MONTHS: "73"})
    card.bytes_of({**row, AMOUNT: "20000", MONTHS: "72"})


def test_committed_bytes_hold_the_amount_and_the_term(card):
    row = load_credit().values[567]
    values = card.bytes_of(row)
    amount, months = int(row[AMOUNT]), int(row[MONTHS])
    assert card.asks_for(values, amount, months)
    assert not card.asks_for(values, amount + 500, months)
    assert not card.asks_for(values, amount, months + 6)


def test_the_usual_borrower_is_a_possible_one(card):
    usual = np.frombuffer(card.reference, np.uint8)
    for place in places().values():
        own = usual[place]
        if len(own) > 1:
            assert (own > 0).sum() <= 1, "at most one level holds; a level of no weight has byte 0"
    assert card.net.run(usual.reshape(1, -1)).decisions[0] == 0


def test_a_scorecard_survives_its_folder(card, tmp_path):
    keep_scorecard(card, tmp_path / "card")
    kept = load_scorecard(tmp_path / "card")
    assert (kept.net.id, kept.card, kept.reference) == (card.net.id, card.card, card.reference)
    (tmp_path / "card" / "card.json").write_bytes(
        card.card.to_bytes().replace(card.net.id.hex().encode(), b"00" * 32)
    )
    with pytest.raises(InputError, match="holds no scorecard"):
        load_scorecard(tmp_path / "card")


def test_a_model_that_is_no_net_makes_no_scorecard():
    with pytest.raises(InputError, match="is no net"):
        build_scorecard("boosting 50 trees, depth 2")


def test_the_simplest_family_near_the_best_is_chosen_and_in_it_the_best():
    trials = [
        Trial("logistic C=1", 0.50, 0.01, 0.78),
        Trial("logistic C=3", 0.505, 0.01, 0.79),
        Trial("mlp 1", 0.495, 0.01, 0.80),
        Trial("boosting 1", 0.497, 0.001, 0.80),
    ]
    assert choose(trials).name == "logistic C=1"
    assert choose([*trials, Trial("mlp 2", 0.45, 0.01, 0.7)]).name == "mlp 2"
    assert CHOSEN in candidates()


def test_an_accepted_bad_applicant_costs_five_good_ones_declined():
    part = split()["test"]
    assert cost(part, np.ones(250, np.int64)) == 175 / 250
    assert cost(part, np.zeros(250, np.int64)) == 5 * 75 / 250
    assert cost(part, part.bad) == 0


def test_the_logistic_knots_are_exact_and_the_lines_between_are_close():
    from decimal import ROUND_HALF_UP, Decimal

    for knot, ppm in enumerate(LOGISTIC):
        exact = PPM / (1 + (-Decimal(knot) / 4).exp())
        assert ppm == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    logits = np.arange(-90_000, 90_000, 97)
    found = np.array([risk_of(int(logit), 10_000) for logit in logits])
    assert np.abs(found - PPM / (1 + np.exp(-logits / 10_000))).max() < 800
    assert (np.diff(found) >= 0).all()


def test_the_contract_has_the_same_knots():
    import re
    from importlib import resources

    source = (resources.files("counterpoise.apps.lending") / "lib" / "pricing.vy").read_text()
    listed = re.search(r"LOGISTIC: constant\(uint256\[33\]\) = \[(.*?)\]", source, re.S).group(1)
    assert tuple(int(number) for number in listed.split(",")) == LOGISTIC


@pytest.mark.parametrize(
    "curve",
    [
        (),
        (Point(1, 300),),
        (Point(0, 0),),
        (Point(0, 300), Point(0, 400)),
        (Point(0, 300), Point(9, 299)),
        (Point(0, 300), Point(PPM, 400)),
        (Point(0, 300), Point(9, 2**16)),
        tuple(Point(n, 300) for n in range(9)),
    ],
)
def test_a_curve_that_a_desk_would_refuse_is_refused_before(curve):
    with pytest.raises(InputError):
        check_curve(curve)


def test_rates_rise_with_risk_and_are_never_below_the_line():
    curve = (Point(0, 300), Point(20_000, 400), Point(50_000, 551))
    check_curve(curve)
    found = [rate_of(risk, curve) for risk in range(0, 50_001, 7)]
    assert found == sorted(found) and found[0] == 300
    for risk, rate in zip(range(0, 20_001, 7), found, strict=False):
        assert rate - 1 < 300 + 100 * risk / 20_000 <= rate
    assert rate_of(50_000, curve) == 551 and rate_of(50_001, curve) == 0
    assert rate_of(0, (Point(0, 300),)) == 300 and rate_of(1, (Point(0, 300),)) == 0
