"""Allocation is exact, proportional and the same on every machine."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.core.shares import allocate

keys = st.binary(min_size=1, max_size=20)
amounts = st.integers(0, 10**24)
cohorts = st.dictionaries(keys, amounts, min_size=1, max_size=12).filter(
    lambda weights: sum(weights.values())
)


@settings(max_examples=200, deadline=None)
@given(cohorts, amounts)
def test_shares_sum_to_the_pot_and_stay_within_their_quota(weights, pot):
    shares = allocate(weights, pot)
    total = sum(weights.values())
    assert sum(shares.values()) == pot
    assert set(shares) == set(weights)
    for key, share in shares.items():
        assert abs(share - Fraction(weights[key] * pot, total)) < 1
        assert weights[key] or not share


@settings(max_examples=200, deadline=None)
@given(cohorts, st.integers(0, 1000))
def test_a_larger_remainder_is_served_first_then_the_lower_key(weights, pot):
    shares = allocate(weights, pot)
    total = sum(weights.values())
    served = {key: share > weights[key] * pot // total for key, share in shares.items()}
    ranks = {key: (-(weights[key] * pot % total), key) for key in weights}
    late = [ranks[key] for key in weights if served[key]]
    left = [ranks[key] for key in weights if not served[key]]
    assert not late or not left or max(late) < min(left)


@settings(max_examples=100, deadline=None)
@given(cohorts, amounts, st.randoms(use_true_random=False), st.integers(1, 10**6))
def test_neither_order_nor_scale_of_the_weights_matters(weights, pot, random, scale):
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    assert allocate(dict(shuffled), pot) == allocate(weights, pot)
    assert allocate({k: w * scale for k, w in weights.items()}, pot) == allocate(weights, pot)
    assert list(allocate(weights, pot)) == sorted(weights)


@settings(max_examples=100, deadline=None)
@given(cohorts, amounts)
def test_who_weighs_more_never_gets_less(weights, pot):
    shares = allocate(weights, pot)
    ranked = sorted(weights, key=lambda key: (weights[key], shares[key]))
    for lower, higher in itertools.pairwise(ranked):
        assert shares[lower] <= shares[higher]


def test_known_shares():
    assert allocate({b"a": 1, b"b": 1, b"c": 1}, 1_000_000) == {
        b"a": 333_334,
        b"b": 333_333,
        b"c": 333_333,
    }
    assert allocate({b"a": 0, b"b": 5}, 7) == {b"a": 0, b"b": 7}
    assert allocate({b"a": 3, b"b": 1}, 0) == {b"a": 0, b"b": 0}
    assert allocate({b"a": 47, b"b": 16, b"c": 16, b"d": 12, b"e": 6, b"f": 3}, 10) == {
        b"a": 5,
        b"b": 2,
        b"c": 2,
        b"d": 1,
        b"e": 0,
        b"f": 0,
    }


@pytest.mark.parametrize(
    ("weights", "pot"), [({}, 1), ({b"a": 0}, 1), ({b"a": -1, b"b": 2}, 1), ({b"a": 1}, -1)]
)
def test_what_cannot_be_divided_is_refused(weights, pot):
    with pytest.raises(InputError):
        allocate(weights, pot)
