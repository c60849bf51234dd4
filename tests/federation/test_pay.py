import pytest
from games import address, task
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.units import PPM
from counterpoise.federation.rules import Standing, pot_of_round, score_ppm, share_out

ADA, BEN, CYD = address(0), address(1), address(2)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(0, 20).map(address), st.integers(-(10**20), 10**20), max_size=9),
    st.integers(0, 10**24),
)
def test_a_pot_is_shared_out_to_the_last_unit_and_never_to_the_harmful(scores, pot):
    shares = share_out(scores, pot)
    positive = any(score > 0 for score in scores.values())
    assert sum(shares.values()) == (pot if positive else 0)
    assert all(shares[m] == 0 for m, score in scores.items() if score <= 0)
    assert list(shares) == sorted(scores)


def test_scores_in_ppm_sum_to_a_million_with_ties_to_the_lower_address():
    assert score_ppm({CYD: 5, ADA: 5, BEN: 5}) == {ADA: 333_334, BEN: 333_333, CYD: 333_333}
    assert score_ppm({ADA: -1, BEN: 0}) == {ADA: 0, BEN: 0}
    assert sum(score_ppm({ADA: 10**18, BEN: 1, CYD: -4}).values()) == PPM


@pytest.mark.parametrize(("rounds", "pot"), [(1, 7), (4, 1_000_003), (15, 10**21 + 1), (7, 3)])
def test_the_pots_of_the_rounds_sum_to_the_pot(rounds, pot):
    rules = task(rounds=rounds, pot=pot, clip=100)
    assert sum(pot_of_round(rules, r) for r in range(rounds)) == pot


def stand(rule, *rounds):
    rules = task(rounds=10, pay_rule=rule)
    standing = Standing()
    for scores in rounds:
        standing = standing.after(rules, scores, 100)
    return standing, rules


def test_per_round_pays_one_lucky_round_for_good():
    standing, _ = stand("per_round", {ADA: 50, BEN: 50}, {ADA: 60, BEN: -90})
    assert standing.dues == {ADA: 150, BEN: 50}
    assert standing.total == standing.released == 200


def test_cumulative_takes_a_lucky_round_back():
    standing, rules = stand("cumulative", {ADA: 50, BEN: 50}, {ADA: 60, BEN: -90})
    assert standing.dues == {ADA: 200, BEN: 0}
    assert standing.scores == {ADA: 110, BEN: -40}
    assert standing.score_ppm(rules) == {ADA: PPM, BEN: 0}


def test_steady_pays_nothing_for_a_sum_within_its_own_noise():
    up_and_down = [{ADA: 10, BEN: s} for s in (90, -80, 70, -60)]
    standing, _ = stand("steady", *up_and_down)
    assert standing.scores[BEN] == 20
    assert standing.dues == {ADA: 400, BEN: 0}
    cumulative, _ = stand("cumulative", *up_and_down)
    assert cumulative.dues[BEN] > 0


def test_steady_counts_a_sum_whose_square_equals_the_sum_of_squares():
    standing, _ = stand("steady", {ADA: 6}, {ADA: 0})
    assert standing.is_steady(ADA)
    standing, _ = stand("steady", {ADA: 6}, {ADA: -1})
    assert not standing.is_steady(ADA)


def test_steady_pays_a_job_of_one_round():
    standing, _ = stand("steady", {ADA: 3, BEN: 1, CYD: -5})
    assert standing.dues == {ADA: 75, BEN: 25, CYD: 0}


def test_who_misses_a_round_keeps_what_it_has_and_gains_nothing():
    standing, _ = stand("cumulative", {ADA: 50, BEN: 50}, {ADA: 100})
    assert standing.scores == {ADA: 150, BEN: 50}
    assert standing.dues == {ADA: 150, BEN: 50}


def test_if_nobody_helped_on_the_whole_the_pot_goes_back():
    standing, _ = stand("cumulative", {ADA: 5, BEN: -9}, {ADA: -6, BEN: 1})
    assert standing.total == 0
    assert standing.released == 200
