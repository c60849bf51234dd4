"""Yuma consensus: published traces, an independent restatement, and who gains by cheating."""

import json
from dataclasses import replace
from pathlib import Path

import big_integers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.consensus.fixed import ONE, div, div_by, inverse, mul
from counterpoise.consensus.liquid import decay
from counterpoise.consensus.yuma import NEVER, Epoch, Liquid, Terms, run_epoch
from counterpoise.core.errors import InputError

VECTORS = Path(__file__).parent / "vectors"
TRACES = json.loads((VECTORS / "yuma_subtensor_epoch_traces.json").read_text())["epochs"]
CASES = json.loads((VECTORS / "yuma3_subtensor_cases.json").read_text())["cases"]
SHARES = st.integers(0, ONE)


def epoch_of(stake, weights, bonds=None, *, number=0, **changes):
    """An epoch whose first members are the validators; all were there from the start."""
    rows = np.array(weights, np.uint16)
    count = len(rows)
    state = Epoch(
        100 + number,
        99 + number,
        tuple(stake),
        np.arange(count),
        rows,
        np.zeros_like(rows) if bonds is None else np.array(bonds, np.uint16),
        np.zeros(len(stake), np.int64),
        np.full(count, 90 + number),
        np.full(count, NEVER),
    )
    return replace(state, **changes)


def dense(rows, count):
    found = np.zeros((len(rows), count))
    for i, row in enumerate(rows):
        for j, value in row:
            found[i, j] = value
    return found


def as_float(values):
    return np.asarray(values, float) / ONE


def test_eight_epochs_with_bonds_carried_are_those_of_the_published_trace():
    weights, bonds = None, np.zeros((4, 8), np.uint16)
    for entry in (one for one in TRACES if one["test"] == "test_bonds"):
        trace = entry["trace"]
        if "W" in trace:
            weights = dense(trace["W"], 8)[:4]
        assert (dense(trace["B"], 8)[:4] == bonds).all()
        state = epoch_of([1, 2, 3, 4, 0, 0, 0, 0], weights, bonds, number=entry["epoch"])
        found = run_epoch(state, Terms())
        near = {"nE": found.emission, "I (=R)": found.incentive, "C": found.consensus}
        near |= {"R (after)": found.rank, "Tv": np.append(found.trust, [0] * 4)}
        near |= {"D": np.append(found.dividends, [0] * 4)}
        for name in near.keys() & trace.keys():
            assert np.abs(as_float(near[name]) - trace[name]).max() < 1e-9, name
        assert np.abs(as_float(found.bonds) - dense(trace["emaB"], 8)[:4]).max() < 1e-9
        bonds = found.stored
    assert bonds.any()


def test_weights_older_than_a_member_do_not_count_for_it():
    trace = next(
        one["trace"] for one in TRACES if one["test"] == "test_outdated_weights" and one["epoch"]
    )
    state = epoch_of(
        [1, 1, 1, 0],
        dense(trace["W"], 4)[:3],
        dense(trace["B"], 4)[:3],
        registered=np.array([0, 0, 0, 95]),
        updated=np.array([97, 94, 97]),
    )
    found = run_epoch(replace(state, last=96), Terms())
    assert np.abs(as_float(found.consensus) - trace["C"]).max() < 1e-9
    assert np.abs(as_float(found.emission) - trace["nE"]).max() < 1e-9


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["test"])
def test_bonds_of_yuma3_move_as_published(case):
    count = len(case["stakes"])
    weights, bonds = np.zeros((3, count), np.uint16), np.zeros((3, count), np.uint16)
    terms = Terms(
        kappa=(32767 << 32) // 65535,
        beta=0,
        alpha=ONE - (975_000 << 32) // 1_000_000,
        yuma3=True,
        liquid=Liquid() if case["liquid_alpha"] else None,
    )
    rows = case["set_weights_before_epoch"]
    for number in range(6):
        if (given_ := rows.get(str(number), rows.get("_"))) is not None:
            weights[:, 3:] = given_
        found = run_epoch(epoch_of(case["stakes"], weights, bonds, number=number), terms)
        bonds = found.stored
        wanted = np.array(case["bonds"][number])[:, -(count - 3) :]
        assert np.abs(as_float(found.dividends) - case["dividends"][number][:3]).max() < 1e-4
        assert np.abs(bonds[:, 3:] / 65535 - wanted).max() < 1e-4


@st.composite
def epochs(draw):
    count = draw(st.integers(1, 6))
    validators = sorted(draw(st.sets(st.integers(0, count - 1), max_size=count)))
    rows, blocks = len(validators), st.integers(0, 12)
    cell = st.one_of(st.just(0), st.integers(0, 65535), st.just(65535))

    def table():
        cells = st.lists(cell, min_size=rows * count, max_size=rows * count)
        return np.array(draw(cells), np.uint16).reshape(rows, count)

    def some(of, length):
        return np.array(draw(st.lists(of, min_size=length, max_size=length)), np.int64)

    return Epoch(
        draw(st.integers(8, 14)),
        draw(st.integers(0, 8)),
        tuple(draw(st.lists(st.integers(0, 10**24), min_size=count, max_size=count))),
        np.array(validators, np.int64),
        table(),
        table(),
        some(blocks, count),
        some(blocks, rows),
        some(st.one_of(st.just(NEVER), blocks), rows),
    )


@settings(max_examples=150, deadline=None)
@given(
    epochs(),
    st.builds(
        Terms,
        kappa=SHARES,
        beta=SHARES,
        alpha=SHARES,
        cutoff=st.integers(0, 9),
        least_stake=st.integers(0, 10**23),
        yuma3=st.booleans(),
    ),
)
def test_kernels_agree_with_big_integers_to_the_bit(epoch, terms):
    found = run_epoch(epoch, terms)
    consensus, incentive, stored, dividends, emission = big_integers.run(epoch, terms)
    assert found.consensus.tolist() == consensus
    assert found.incentive.tolist() == incentive
    assert found.stored.tolist() == stored
    assert found.dividends.tolist() == dividends
    assert found.emission.tolist() == emission


@settings(deadline=None)
@given(SHARES, SHARES, st.integers(0, (1 << 48) - 1))
def test_products_and_quotients_are_floors(a, b, wide):
    assert mul(a, b) == a * b >> 32
    assert div(a, wide) == ((a << 32) // wide if wide else 0)
    part = min(a, wide)
    assert div_by(part, wide, inverse(wide)) == ((part << 32) // wide if wide else 0)


@settings(deadline=None)
@given(st.integers(0, 25 * ONE))
def test_decay_is_the_exponential_function(exponent):
    wanted = np.exp(-min(exponent / ONE, 20.0))
    assert abs(decay(exponent) / ONE - wanted) < 2**-26


def rounds(honest, copier, epochs_=40):
    """Dividends of both over time: quality drifts, `copier` sees what was revealed before."""
    draw = np.random.default_rng(7)
    quality = draw.integers(1, 9, 6).astype(float)
    bonds, seen, sums = np.zeros((4, 10), np.uint16), None, np.zeros(4)
    for number in range(epochs_):
        quality = np.clip(quality * draw.uniform(0.6, 1.6, 6), 0.2, 20)
        weights = np.zeros((4, 10), np.uint16)
        for i in range(3):
            weights[i, 4:] = honest(quality, draw)
        weights[3, 4:] = copier(quality, draw, weights[:3, 4:], seen)
        found = run_epoch(epoch_of([2, 2, 2, 2] + [0] * 6, weights, bonds, number=number), Terms())
        bonds, seen = found.stored, weights[:3, 4:].mean(axis=0)
        sums += as_float(found.dividends)
    return sums[:3].mean(), sums[3]


def measured(quality, draw):
    return (1_000 * quality * draw.uniform(0.98, 1.02, 6)).astype(np.uint16)


def test_copying_weights_pays_less_where_they_are_revealed_late():
    honest, copier = rounds(measured, lambda q, d, now, seen: now[0] if seen is None else seen)
    assert copier < 0.97 * honest
    honest, copier = rounds(measured, lambda q, d, now, seen: now.mean(axis=0))
    assert copier > 0.97 * honest  # without commit and reveal it would pay: that is why


def test_a_number_taken_over_inherits_neither_weights_nor_bonds():
    weights = np.zeros((2, 5), np.uint16)
    weights[:, 2:] = [60_000, 30_000, 10_000]
    before = run_epoch(epoch_of([1, 1, 0, 0, 0], weights), Terms())
    assert before.incentive[2] > ONE // 2
    state = epoch_of([1, 1, 0, 0, 0], weights, before.stored, number=1)
    sniped = replace(state, registered=np.array([0, 0, 100, 0, 0]))
    after = run_epoch(sniped, Terms())
    assert after.incentive[2] == after.emission[2] == 0 and not after.stored[:, 2].any()
    late = replace(sniped, updated=np.array([101, 101]), committed=np.array([98, 98]))
    assert run_epoch(replace(late, block=102), Terms()).incentive[2] == 0


def test_a_minority_cabal_moves_nothing_and_earns_little():
    weights = np.zeros((3, 6), np.uint16)
    weights[:2, 3:5] = 65535
    weights[2, 5] = 65535
    found = run_epoch(epoch_of([40, 30, 30, 0, 0, 0], weights), Terms())
    assert found.incentive[5] == found.dividends[2] == 0
    alone = run_epoch(epoch_of([20, 20, 60, 0, 0, 0], weights), Terms())
    assert alone.incentive[5] == ONE  # more than kappa in one hand is the consensus


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"validators": np.array([1, 0])}, "ascending"),
        ({"validators": np.array([0, 3])}, "ascending"),
        ({"stake": (1, 2)}, "weights have the shape"),
        ({"stake": (1, 2, -1)}, "negative"),
        ({"updated": np.zeros(3, np.int64)}, "updated have the shape"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_by_name(change, words):
    good = epoch_of([1, 1, 0], np.zeros((2, 3)))
    with pytest.raises(InputError, match=words):
        replace(good, **change)
