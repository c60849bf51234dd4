import numpy as np
import pytest
from games import (
    plain_loss,
    plain_raw_logits,
    plain_settled,
    some_rows,
    some_updates,
    task,
)

from counterpoise.core.errors import InputError
from counterpoise.federation.rules import Mixtures, Rows
from counterpoise.federation.rules.game import LinearGame, check_width, open_game
from counterpoise.federation.rules.logits import model_logits, product, raw_logits, settled
from counterpoise.federation.rules.loss import loss_table
from counterpoise.federation.rules.shapley import mixtures_of

TABLE = [int(entry) for entry in loss_table()]


def a_game(rules, members=4, size=30_000):
    rng = np.random.default_rng(5)
    rows = some_rows(rules, rng)
    updates, weights = some_updates(rules, rng, members, size)
    stacked = np.array(list(updates.values()), dtype=np.int64)
    base = rng.integers(-50_000, 50_000, rules.model.n_params)
    heavy = np.array(list(weights.values()))
    return open_game(rules, base, stacked, rows), base, stacked, heavy, rows


@pytest.mark.parametrize("scoring", ["exact", "path", "permutation"])
@pytest.mark.parametrize("classes", [2, 4])
def test_each_cell_of_a_linear_game_follows_the_rule_in_plain_integers(classes, scoring):
    rules = task(classes=classes)
    game, base, updates, weights, rows = a_game(rules)
    mixtures = mixtures_of(scoring, weights, b"x")
    found = game.losses(mixtures)
    for j, features in enumerate(rows.features):
        start = plain_raw_logits(base, features, rules.model)
        own = [plain_raw_logits(update, features, rules.model) for update in updates]
        for m, denominator in enumerate(mixtures.denominators.tolist()):
            raws = [
                first
                + sum(int(c) * d[k] for c, d in zip(mixtures.coefficients[m], own, strict=True))
                // denominator
                for k, first in enumerate(start)
            ]
            logits = [plain_settled(raw) for raw in raws]
            assert found[m, j] == plain_loss(TABLE, logits, rows.labels[j])


@pytest.mark.parametrize("classes", [2, 3])
def test_each_cell_of_a_perceptrons_game_follows_the_rule_in_plain_integers(classes):
    rules = task(classes=classes, hidden=(5, 4), scoring="permutation")
    game, base, updates, weights, rows = a_game(rules, members=3)
    mixtures = mixtures_of("exact", weights, b"")
    found = game.losses(mixtures)
    for m, denominator in enumerate(mixtures.denominators.tolist()):
        mixed = base + (mixtures.coefficients[m] @ updates) // denominator
        for j, features in enumerate(rows.features):
            logits = [plain_settled(r) for r in plain_raw_logits(mixed, features, rules.model)]
            assert found[m, j] == plain_loss(TABLE, logits, rows.labels[j])


def test_the_float_path_and_the_integer_path_give_the_same_bits():
    rules = task(inputs=6)
    game, _, _, weights, _ = a_game(rules, members=6)
    assert isinstance(game, LinearGame)
    mixtures = mixtures_of("exact", weights, b"")
    wide = Mixtures(mixtures.coefficients * 2**21, mixtures.denominators * 2**21)
    assert (game.losses(mixtures) == game.losses(wide)).all()


def test_a_quotient_floors_at_every_sign_and_edge():
    rules = task(inputs=1)
    labels = np.array([1])
    for x in (-7, -1, 0, 1, 6, 7, 8, -(2**40), 2**40 - 1):
        for denominator in (1, 3, 7, 641):
            game = LinearGame(rules, labels, np.zeros((1, 1), np.int64), np.array([[[x]]]))
            mixture = Mixtures(np.array([[64 * denominator - 1]]), np.array([denominator]))
            logit = plain_settled((64 * denominator - 1) * x // denominator)
            assert game.losses(mixture)[0, 0] == plain_loss(TABLE, [logit], 1)


def test_the_float_path_is_exact_up_to_its_bound():
    rules, labels, rng = task(inputs=1), np.array([1, 0, 1]), np.random.default_rng(8)
    for bits in (20, 30, 39):
        deltas = (1 << bits) + rng.integers(-500, 500, (3, 1, 3))
        base = rng.integers(-500, 500, (1, 3)) - (1 << bits)
        game = LinearGame(rules, labels, base, deltas)
        coefficients = rng.integers(1, 1 << 11, (400, 3))
        mixtures = Mixtures(coefficients, coefficients.sum(axis=1))
        assert game._fits_floats(mixtures)
        wanted = game._in_integers(coefficients, mixtures.denominators[:, None])
        assert (game._in_floats(coefficients, mixtures.denominators[:, None]) == wanted).all()
        assert len(np.unique(wanted)) > 10
    assert not LinearGame(rules, labels, base * 2, deltas)._fits_floats(mixtures)


def test_a_product_is_exact_in_floats_and_in_integers_and_refused_beyond():
    rng = np.random.default_rng(0)
    left, right = rng.integers(-99, 99, (5, 7)), rng.integers(-99, 99, (7, 3))
    for factor in (1, 2**20, 2**22):
        found = product(left * factor, right * factor)
        wanted = (left.astype(object) @ right.astype(object)) * factor**2
        assert (found == wanted).all()
    with pytest.raises(InputError, match="62 bits"):
        product(left * 2**27, right * 2**27)


def test_logits_are_settled_downwards_and_held_within_sixty_four():
    rules = task()
    raw = np.array([-1, 0, 63, 64, -64, -65, 1 << 60, -(1 << 60)])
    assert settled(raw, rules).tolist() == [-1, 0, 0, 1, -1, -2, 64 << 20, -(64 << 20)]


def test_the_last_mixture_is_the_mean_model_up_to_one_floor_a_coordinate():
    rules = task(inputs=5)
    game, base, updates, weights, rows = a_game(rules)
    losses = game.losses(mixtures_of("exact", weights, b""))[-1]
    mean = base + (weights @ updates) // int(weights.sum())
    logits = model_logits(mean, rows.features, rules)[:, 0]
    signs = np.where(rows.labels == 1, -1, 1)
    assert losses / 2**20 == pytest.approx(np.logaddexp(0, signs * logits), abs=2e-3)


def test_rows_that_do_not_fit_are_refused():
    rules = task()
    rng = np.random.default_rng(0)
    good = some_rows(rules, rng)
    base, updates = np.zeros(4, np.int64), np.zeros((1, 4), np.int64)
    for features, labels in (
        (good.features[:, :2], good.labels),
        (good.features, good.labels + 1),
        (good.features, good.labels - 1),
        (good.features[:0], good.labels[:0]),
        (good.features[:5], good.labels),
    ):
        with pytest.raises(InputError):
            open_game(rules, base, updates, Rows(features, labels))
    with pytest.raises(InputError, match="base model"):
        open_game(rules, base + 2**31, updates, good)


def test_a_task_too_wide_for_sixty_two_bits_is_refused_whatever_the_updates():
    rules = task(clip=(1 << 24) - 1, row_cap=1 << 20)
    rows = Rows(np.full((2, 3), 1 << 15, np.int32), np.array([0, 1]))
    check_width(rules, rows, np.array([1, 1 << 10]))
    with pytest.raises(InputError, match="62 bits"):
        check_width(rules, rows, np.array([1, 1 << 20]))


def test_many_parameter_vectors_run_as_each_alone():
    rules = task(hidden=(4,), classes=3, scoring="permutation")
    rng = np.random.default_rng(2)
    many = rng.integers(-60_000, 60_000, (5, rules.model.n_params))
    rows = some_rows(rules, rng).features
    together = raw_logits(many, rows, rules)
    assert all((together[i] == raw_logits(one, rows, rules)).all() for i, one in enumerate(many))
