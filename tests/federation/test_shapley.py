from fractions import Fraction
from itertools import permutations
from math import comb

import numpy as np
import pytest

from counterpoise.core.errors import InputError
from counterpoise.federation.rules.shapley import (
    PERMUTATIONS,
    POINTS,
    SCALE,
    coalition_mixtures,
    exact_masks,
    mixtures_of,
    orders,
    scores_of,
)

HASH = b"\x07" * 32


def by_definition(utilities, members):
    """Mean marginal over all orders, as fractions."""
    totals = [Fraction(0)] * members
    every = list(permutations(range(members)))
    for order in every:
        mask = 0
        for member in order:
            totals[member] += utilities[mask | 1 << member] - utilities[mask]
            mask |= 1 << member
    return [total / len(every) for total in totals]


@pytest.mark.parametrize("members", range(1, 7))
def test_exact_scores_are_the_definition_over_all_orders(members):
    rng = np.random.default_rng(members)
    utilities = -rng.integers(0, 1 << 40, 1 << members)
    wanted = by_definition(utilities.tolist(), members)
    found = scores_of("exact", utilities, members, b"")
    assert [Fraction(score, SCALE) for score in found] == wanted


@pytest.mark.parametrize("members", range(1, 15))
def test_every_factor_of_exact_scoring_is_a_whole_number(members):
    assert all(SCALE % (members * comb(members - 1, k)) == 0 for k in range(members))


@pytest.mark.parametrize("members", range(15))
def test_exact_scores_sum_to_the_whole_gain(members):
    rng = np.random.default_rng(members)
    utilities = -rng.integers(0, 1 << 43, 1 << members)
    gain = int(utilities[-1]) - int(utilities[0])
    scores = scores_of("exact", utilities, members, b"")
    assert sum(scores) == (SCALE * gain if members else 0)


def test_a_member_who_changes_nothing_scores_zero_and_twins_score_alike():
    sizes = np.array([mask.bit_count() for mask in range(8)])
    base = np.array([0, 5, 7, 20])[sizes]
    utilities = np.concatenate([base, base])  # the fourth member adds nothing
    assert scores_of("exact", utilities, 4, b"")[3] == 0
    assert len(set(scores_of("exact", utilities, 4, b"")[:3])) == 1


def test_exact_scoring_of_fifteen_is_refused_with_a_way_out():
    with pytest.raises(InputError) as refusal:
        mixtures_of("exact", np.ones(15, dtype=np.int64), b"")
    assert "path" in refusal.value.hint
    for scoring in ("path", "permutation"):
        assert mixtures_of(scoring, np.ones(15, dtype=np.int64), HASH).coefficients.shape[1] == 15


def test_a_coalition_is_mixed_by_its_own_weight():
    mixtures = coalition_mixtures(exact_masks(3), np.array([5, 7, 11]))
    assert mixtures.denominators.tolist() == [1, 5, 7, 12, 11, 16, 18, 23]
    assert mixtures.coefficients[0b101].tolist() == [5, 0, 11]


def test_more_than_sixty_four_members_can_be_in_one_coalition():
    mixtures = coalition_mixtures([0, (1 << 100) - 1], np.arange(1, 101))
    assert mixtures.denominators.tolist() == [1, 5050]


@pytest.mark.parametrize("members", [1, 2, 5, 9])
def test_permutation_scores_sum_to_the_whole_gain(members):
    rng = np.random.default_rng(members)
    count = len(mixtures_of("permutation", np.ones(members, dtype=np.int64), HASH).denominators)
    utilities = -rng.integers(0, 1 << 40, count)
    gain = int(utilities[-1]) - int(utilities[0])
    assert sum(scores_of("permutation", utilities, members, HASH)) == SCALE * gain


def test_permutations_of_two_are_exact():
    utilities = np.array([-100, -70, -90, -1])
    assert scores_of("permutation", utilities, 2, HASH) == scores_of("exact", utilities, 2, b"")


def test_each_permutation_is_followed_by_its_reverse_and_entropy_moves_all():
    drawn = orders(9, HASH)
    assert len(drawn) == PERMUTATIONS
    assert all(a == b[::-1] for a, b in zip(drawn[::2], drawn[1::2], strict=True))
    assert len({tuple(order) for order in drawn}) > 100
    assert orders(9, HASH) == drawn
    assert orders(9, b"\x08" * 32) != drawn
    with pytest.raises(InputError, match="entropy"):
        orders(9, b"")


def test_the_path_is_walked_in_eighths_and_each_member_owns_its_step():
    weights = np.array([3, 5])
    mixtures = mixtures_of("path", weights, b"")
    assert len(mixtures.denominators) == 2 * POINTS * 2 + 2
    assert set(mixtures.denominators.tolist()) == {16 * 8}
    assert mixtures.coefficients[0].tolist() == [0, 0]
    assert mixtures.coefficients[-1].tolist() == [48, 80]
    assert mixtures.coefficients[1:5].tolist() == [[0, 5], [6, 5], [6, 15], [12, 15]]


def test_path_scores_of_a_linear_utility_are_each_members_share():
    weights = np.array([3, 5, 8])
    mixtures = mixtures_of("path", weights, b"")
    worth = np.array([100, -40, 7])
    utilities = mixtures.coefficients @ worth
    scores = scores_of("path", utilities, 3, b"")
    assert scores == [SCALE * 16 * int(w) for w in weights * worth]


def test_the_path_of_one_member_is_its_whole_gain():
    count = len(mixtures_of("path", np.array([9]), b"").denominators)
    curve = np.arange(count) ** 2
    curve[2:-1:2], curve[3:-1:2] = curve[2:-1:2], curve[2:-2:2]  # after one step, before the next
    curve[-1] = curve[-2]
    curve[0] = curve[1]
    assert scores_of("path", curve, 1, b"") == [SCALE * int(curve[-1] - curve[0])]
