from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.federation.rules import STRATEGIES, strategy, weighted_mean


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 1 << 20), st.integers(-(1 << 24), 1 << 24)), min_size=1, max_size=9
    )
)
def test_the_weighted_mean_floors_the_exact_quotient(pairs):
    weights = np.array([w for w, _ in pairs])
    updates = np.array([[q, -q] for _, q in pairs])
    exact = Fraction(sum(w * q for w, q in pairs), sum(w for w, _ in pairs))
    assert weighted_mean(updates, weights).tolist() == [floor(exact), floor(-exact)]


def test_the_order_of_the_members_does_not_matter():
    rng = np.random.default_rng(0)
    updates, weights = rng.integers(-(1 << 24), 1 << 24, (50, 300)), rng.integers(1, 1 << 20, 50)
    order = rng.permutation(50)
    assert (weighted_mean(updates, weights) == weighted_mean(updates[order], weights[order])).all()


def test_the_gated_mean_leaves_out_whoever_did_not_help():
    updates, weights = np.array([[10], [20], [90], [-70]]), np.array([1, 3, 5, 7])
    step, is_in = strategy("gated").step(updates, weights, [4, 1, 0, -9])
    assert step.tolist() == [70 // 4]
    assert is_in.tolist() == [True, True, False, False]


def test_the_mean_takes_everybody():
    step, is_in = strategy("mean").step(np.array([[10], [-20]]), np.array([1, 1]), [4, -1])
    assert step.tolist() == [-5]
    assert is_in.all()


def test_an_unknown_strategy_is_refused_with_those_there_are():
    with pytest.raises(InputError) as refusal:
        strategy("median")
    assert all(name in refusal.value.hint for name in STRATEGIES)
