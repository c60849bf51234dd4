"""The feature engine is exact within its limits, and what it undoes never was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Reference

from counterpoise.core.errors import InputError, StorageError
from counterpoise.monitor.graph import LARGEST, Graph
from counterpoise.monitor.graph_state import Limits

WIDE = Limits(window=500, cap=100, budget=10_000, hub=12)


def stream(seed, rows, accounts=14, span=2000):
    """Few accounts and few amounts, so that every pattern turns up."""
    draw = np.random.default_rng(seed)
    src = draw.integers(0, accounts, rows)
    dst = (src + draw.integers(1, accounts, rows)) % accounts
    time = np.sort(draw.integers(0, span, rows))
    amount = draw.choice([0, 1, 90, 95, 100, 110, 10_000, 2**41], rows)
    return src, dst, time, amount


def part(columns, start, stop):
    return tuple(column[start:stop] for column in columns)


@pytest.mark.parametrize("seed", range(6))
def test_every_feature_is_what_plain_loops_find(seed):
    columns, graph, reference = stream(seed, 300), Graph(WIDE), Reference(WIDE)
    found = graph.observe(*columns)
    for row, transfer in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        wanted = reference.observe(*transfer)
        assert set(wanted) == set(graph.names)
        assert dict(zip(graph.names, found[row].tolist(), strict=True)) == wanted, row
    assert graph.cuts.lists == graph.cuts.cycles == graph.cuts.clusters == 0


def test_a_stream_in_pieces_is_the_stream_in_one():
    columns, whole, pieces = stream(7, 400), Graph(WIDE), Graph(WIDE)
    at_once = whole.observe(*columns)
    one_by_one = np.concatenate([pieces.observe(*part(columns, i, i + 1)) for i in range(400)])
    assert (at_once == one_by_one).all()
    assert whole.summary() == pieces.summary()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 150), st.integers(0, 150), st.integers(1, 150))
def test_a_fork_that_was_undone_leaves_no_trace(seed, common, forked, after):
    fork = stream(seed + 1, forked, span=3000)
    columns = stream(seed, common + after)
    graph, never = Graph(WIDE), Graph(WIDE)
    graph.observe(*part(columns, 0, common))
    mark, before = graph.mark(), graph.summary()
    late = np.maximum(fork[2], columns[2][common - 1])
    graph.observe(fork[0], fork[1], late, fork[3])
    graph.go_back(mark)
    assert graph.summary() == before
    never.observe(*part(columns, 0, common))
    rest = part(columns, common, common + after)
    assert (graph.observe(*rest) == never.observe(*rest)).all()
    assert graph.summary() == never.summary()


def test_two_forks_back_to_back_over_growing_columns():
    small, graph, never = stream(3, 200), Graph(WIDE), Graph(WIDE)
    graph.observe(*small)
    never.observe(*small)
    mark = graph.mark()
    for seed in (4, 5):
        src, dst, time, amount = stream(seed, 90_000, accounts=9000)
        graph.observe(src, dst, time + 2000, amount)
        graph.go_back(mark)
    assert graph.summary() == never.summary()


def test_what_was_forgotten_cannot_be_gone_back_to():
    graph = Graph(WIDE)
    old = graph.mark()
    graph.observe(*stream(1, 300))
    graph.forget(graph.mark())
    with pytest.raises(InputError, match="no longer knows"):
        graph.go_back(old)


def test_a_saved_graph_goes_on_as_if_it_had_never_stopped():
    columns, graph = stream(9, 400), Graph(WIDE)
    graph.observe(*part(columns, 0, 200))
    again = Graph.from_bytes(graph.to_bytes())
    rest = part(columns, 200, 400)
    assert (graph.observe(*rest) == again.observe(*rest)).all()
    assert graph.summary() == again.summary() and again.limits == WIDE


@pytest.mark.parametrize("damage", [b"", b"no archive", "cut"])
def test_a_damaged_state_is_refused(damage):
    whole = Graph().to_bytes()
    with pytest.raises(StorageError, match="no saved graph"):
        Graph.from_bytes(whole[: len(whole) // 2] if damage == "cut" else damage)


def test_limits_that_cut_a_search_are_counted():
    columns, graph = stream(2, 300), Graph(Limits(window=500, cap=2, budget=5, hub=100))
    graph.observe(*columns)
    cuts = graph.cuts
    assert cuts.transfers == 300
    assert min(cuts.lists, cuts.cycles, cuts.clusters) > 10


def test_a_hub_with_a_hundred_thousand_edges_holds_no_one_up():
    rows = 100_000
    src = np.zeros(rows, np.int64)
    graph = Graph()
    graph.observe(src[:10], np.arange(1, 11), np.arange(10), np.full(10, 5))
    import time

    began = time.process_time()
    graph.observe(src, np.arange(1, rows + 1), np.full(rows, 10), np.full(rows, 100))
    assert time.process_time() - began < 20
    assert graph.cuts.lists > rows // 2


def test_amounts_beyond_the_largest_are_saturated_and_counted():
    graph = Graph()
    huge = np.full(3, 2**62)
    rows = graph.observe(np.arange(3), np.arange(1, 4), np.arange(3), huge)
    assert graph.cuts.saturated == 3
    assert (rows[:, 0] == 64 * LARGEST.bit_length() - 64).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"time": [5, 4]}, "backwards"),
        ({"amount": [1, -1]}, "negative"),
        ({"src": [-1, 0]}, "negative"),
        ({"src": [1]}, "different lengths"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(change, reason):
    graph = Graph()
    graph.observe(*(np.array(c) for c in ([0], [1], [3], [4])))
    before = graph.summary()
    given = {"src": [0, 1], "dst": [1, 2], "time": [3, 4], "amount": [1, 2]} | change
    with pytest.raises(InputError, match=reason):
        graph.observe(*(np.array(c) for c in given.values()))
    assert graph.summary() == before


def test_time_going_backwards_between_calls_is_refused():
    graph = Graph()
    graph.observe(*(np.array([c]) for c in (0, 1, 30, 4)))
    graph.forget(graph.mark())
    with pytest.raises(InputError, match="backwards"):
        graph.observe(*(np.array([c]) for c in (0, 1, 29, 4)))
