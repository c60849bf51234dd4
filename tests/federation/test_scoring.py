import numpy as np
import pytest
from games import address, helpful, some_rows, some_updates, task, zero_model

from counterpoise.core.digest import array_bytes, sha256
from counterpoise.core.errors import InputError
from counterpoise.core.units import PPM
from counterpoise.federation.rules import SCALE, Rows, Standing, score_round

RNG = np.random.default_rng(11)
RULES = task(inputs=4)
ROWS = some_rows(RULES, RNG, 40)
GOOD = helpful(RULES, ROWS)
BASE = zero_model(RULES)
ADA, BEN, CYD = address(0), address(1), address(2)


def play(updates, rules=RULES, weights=None, **more):
    weights = weights or dict.fromkeys(updates, 100)
    base = np.zeros(rules.model.n_params, dtype=np.int64)
    return score_round(rules, 0, base, updates, weights, ROWS, **more)


def test_who_lowers_the_loss_is_paid_and_who_raises_it_is_not():
    result = play({ADA: GOOD, BEN: -GOOD})
    assert result.phi[ADA] > 0 > result.phi[BEN]
    assert result.aggregated == (ADA,)
    assert (result.model == GOOD).all()
    assert result.score_ppm == {ADA: PPM, BEN: 0}
    assert result.pay == {ADA: RULES.pot // 4, BEN: 0}


def test_scores_sum_to_the_whole_gain():
    updates, weights = some_updates(RULES, RNG, 8)
    for scoring in ("exact", "permutation"):
        result = play(updates, task(inputs=4, scoring=scoring), weights, entropy=b"x")
        gain = int(result.utilities[-1] - result.utilities[0])
        assert sum(result.phi.values()) == SCALE * gain


def test_equal_losses_everywhere_give_a_void_round_and_no_division_by_zero():
    nothing = np.zeros_like(GOOD)
    result = play({ADA: nothing, BEN: nothing})
    assert result.void
    assert result.phi == result.score_ppm == result.pay == {ADA: 0, BEN: 0}
    assert (result.model == BASE).all()
    assert result.standing == Standing()


def test_one_client_alone_earns_the_whole_round():
    result = play({CYD: GOOD})
    assert result.phi[CYD] == SCALE * int(result.utilities[1] - result.utilities[0])
    assert result.score_ppm == {CYD: PPM}


@pytest.mark.parametrize("strategy", ["mean", "gated"])
def test_if_all_are_harmful_the_round_is_void_and_the_base_stays(strategy):
    result = play({ADA: -GOOD, BEN: -GOOD // 2}, task(inputs=4, strategy=strategy))
    assert max(result.phi.values()) < 0
    assert result.void
    assert result.aggregated == ()
    assert (result.model == BASE).all()
    assert result.standing.released == 0


def test_two_identical_updates_of_equal_weight_score_alike():
    for scoring in ("exact", "path"):
        result = play({ADA: GOOD, BEN: GOOD, CYD: GOOD // 3}, task(inputs=4, scoring=scoring))
        assert result.phi[ADA] == result.phi[BEN]


@pytest.mark.parametrize("scoring", ["exact", "path", "permutation"])
def test_the_order_of_the_members_changes_no_digest(scoring):
    updates, weights = some_updates(RULES, RNG, 7)
    rules = task(inputs=4, scoring=scoring, strategy="mean")
    first = play(updates, rules, weights, entropy=b"x")
    shuffled = [list(updates)[i] for i in (3, 6, 0, 5, 1, 4, 2)]
    second = play({m: updates[m] for m in shuffled}, rules, weights, entropy=b"x")
    assert first.digests == second.digests
    assert list(first.phi) == list(second.phi) == sorted(updates)


def test_fifteen_members_are_refused_where_the_task_says_exact():
    updates, weights = some_updates(RULES, RNG, 15)
    with pytest.raises(InputError, match="exact scoring of 15"):
        play(updates, RULES, weights)
    assert len(play(updates, task(inputs=4, scoring="path"), weights).phi) == 15


def test_fewer_members_than_the_quorum_make_the_round_void():
    rules = task(inputs=4, quorum=2)
    assert play({ADA: GOOD}, rules).void
    assert not play({ADA: GOOD, BEN: -GOOD}, rules).void


def test_the_base_of_a_later_round_is_kept_when_it_is_void():
    base = np.arange(RULES.model.n_params)
    weights = {ADA: 10}
    before = Standing({ADA: 5}, {ADA: 25}, {ADA: 7}, 9)
    harmful = {ADA: -GOOD}
    result = score_round(RULES, 2, base, harmful, weights, ROWS, standing=before)
    assert (result.model == base).all()
    assert result.standing == before
    assert result.digests.model == sha256(array_bytes(base))


def test_a_task_with_a_perceptron_or_many_classes_is_scored_too():
    for rules in (task(inputs=4, hidden=(3,)), task(inputs=4, classes=3)):
        updates, weights = some_updates(rules, RNG, 4)
        rows = some_rows(rules, RNG)
        base = zero_model(rules) + 5
        result = score_round(rules, 0, base, updates, weights, rows)
        gain = int(result.utilities[-1] - result.utilities[0])
        assert sum(result.phi.values()) == SCALE * gain != 0


def test_the_path_agrees_with_exact_scores_on_who_helped_most():
    updates = {address(i): (GOOD * (5 - i) // 5).astype(np.int32) for i in range(8)}
    exact, path = (play(updates, task(inputs=4, scoring=s)).phi for s in ("exact", "path"))
    assert sorted(exact, key=exact.get) == sorted(path, key=path.get)
    assert sum(path.values()) == pytest.approx(sum(exact.values()), rel=1e-3)


def test_a_duplicate_lifts_its_owners_joint_share():
    """Known and documented: stake per identity must exceed this gain."""
    rng = np.random.default_rng(0)
    noisy = {
        address(i): (GOOD + rng.integers(-20_000, 20_000, len(GOOD))).astype(np.int32)
        for i in range(6)
    }
    alone = play(noisy).score_ppm[address(0)]
    doubled = play(noisy | {address(9): noisy[address(0)]}).score_ppm
    gain = (doubled[address(0)] + doubled[address(9)]) / alone
    assert 1.2 < gain < 2.0


def test_an_update_tuned_to_leaked_validation_rows_is_paid():
    """Known and documented: scoring measures the rows it is given, so they must not leak."""
    rng = np.random.default_rng(4)
    private = Rows(rng.integers(-3000, 3000, (40, 4)).astype(np.int32), rng.integers(0, 2, 40))
    result = play({ADA: helpful(RULES, private), BEN: GOOD})
    assert result.phi[BEN] > result.phi[ADA]


def test_a_round_or_an_address_that_cannot_be_is_refused():
    for round_id, context, member in ((4, bytes(32), ADA), (0, b"", ADA), (0, bytes(32), b"short")):
        with pytest.raises(InputError, match="round"):
            score_round(RULES, round_id, BASE, {member: GOOD}, {member: 1}, ROWS, context=context)
