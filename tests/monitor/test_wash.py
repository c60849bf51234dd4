"""Wash trades are those that the method's own words find, written down a second time."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.core.errors import InputError
from counterpoise.monitor.wash import DAY, HOUR, WINDOWS, Trades, find_wash_trades


def trades_of(rows):
    columns = zip(*sorted(rows, key=lambda row: row[3]), strict=True)
    return Trades(*(np.array(column, np.int64) for column in columns))


def strong_components(edges):
    """Sets of more than one account, each of which reaches each other one."""
    reach = {}
    for vertex in {end for edge in edges for end in edge}:
        known, waiting = {vertex}, [vertex]
        while waiting:
            at = waiting.pop()
            for source, target in edges:
                if source == at and target not in known:
                    known.add(target)
                    waiting.append(target)
        reach[vertex] = known
    return {
        frozenset(o for o in known if vertex in reach[o]) for vertex, known in reach.items()
    } - {frozenset([vertex]) for vertex in reach}


def by_the_book(trades, occurrences):
    """One round at a time, one trade dropped at a time, balances as fractions."""
    rows = list(zip(*(getattr(trades, n).tolist() for n in trades.__slots__), strict=True))
    counts = Counter()
    for token in {row[2] for row in rows}:
        edges = Counter((b, s) for b, s, t, _, _ in rows if t == token and b != s)
        while edges:
            counts.update(strong_components(list(edges)))
            edges = Counter({edge: n - 1 for edge, n in edges.items() if n > 1})
    washed, start = set(), rows[0][3] // DAY * DAY
    for length in WINDOWS:
        for members in sorted(tuple(sorted(m)) for m, n in counts.items() if n >= occurrences):
            for token in {row[2] for row in rows}:
                left = start
                while left <= rows[-1][3]:
                    closed = left + length >= rows[-1][3]
                    part = [
                        i
                        for i, (b, s, t, time, _) in enumerate(rows)
                        if i not in washed
                        and t == token
                        and b != s
                        and {b, s} <= set(members)
                        and (left <= time < left + length or (closed and time == left + length))
                    ]
                    washed |= set(balanced(rows, part))
                    if closed:
                        break
                    left += length
    return counts, washed


def balanced(rows, part):
    while len(part) >= 2:
        balance = Counter()
        for i in part:
            balance[rows[i][0]] += rows[i][4]
            balance[rows[i][1]] -= rows[i][4]
        total = sum(rows[i][4] for i in part)
        if all(100 * len(part) * abs(v) <= total for v in balance.values()):
            return part
        part = part[:-1]
    return []


trade = st.tuples(
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(0, 1),
    st.one_of(st.integers(0, 3 * HOUR), st.sampled_from([HOUR, DAY, 2 * DAY, 9 * DAY])),
    st.sampled_from([0, 1, 100, 1000, 1001, 1005, 5000]),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(trade, min_size=1, max_size=40), st.integers(1, 4))
def test_it_is_what_the_method_says_on_random_graphs(rows, occurrences):
    trades = trades_of(rows)
    found = find_wash_trades(trades, occurrences=occurrences)
    counts, washed = by_the_book(trades, occurrences)
    assert found.sets == {tuple(sorted(m)): n for m, n in counts.items() if n >= occurrences}
    assert set(np.flatnonzero(found.washed).tolist()) == washed
    assert (found.self_trade == (trades.buyer == trades.seller)).all()


def circle(accounts, token, rounds, start, amount):
    return [
        (one, other, token, start + 60 * (len(accounts) * n + i), amount)
        for n in range(rounds)
        for i, (one, other) in enumerate(zip(accounts, accounts[1:] + accounts[:1], strict=True))
    ]


def test_a_ring_of_three_is_found_and_its_honest_twin_is_not():
    ring = circle([1, 2, 3], 7, 120, 0, 1000)
    twin = [(b, s + 10 * n, 7, t, a) for n, (b, s, _, t, a) in enumerate(ring, 1)]
    assert find_wash_trades(trades_of(ring)).washed.all()
    assert not find_wash_trades(trades_of(twin)).labels.any()


def test_occurrences_are_summed_over_tokens():
    rows = circle([1, 2], 1, 50, 0, 10) + circle([1, 2], 2, 50, 0, 10)
    assert find_wash_trades(trades_of(rows)).washed.all()
    assert not find_wash_trades(trades_of(rows[:-2])).washed.any()


def test_a_position_that_grows_is_no_wash():
    rows = circle([1, 2], 1, 150, 0, 1000)
    lopsided = [(b, s, t, time, a + 25 * (b == 1)) for b, s, t, time, a in rows]
    assert not find_wash_trades(trades_of(lopsided)).washed.any()


def test_trading_with_oneself_is_told_apart():
    found = find_wash_trades(trades_of([(4, 4, 0, 5, 9), (4, 5, 0, 6, 9)]))
    assert found.self_trade.tolist() == [True, False] and not found.washed.any()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(1, 2, 0, 0, -1)], "trade 0 has amount -1"),
        ([(1, 2, 0, 0, 1), (1, 2, 0, 0, 2**40)], "trade 1 has amount"),
    ],
)
def test_amounts_out_of_range_are_named_by_their_row(rows, reason):
    with pytest.raises(InputError, match=reason):
        trades_of(rows)


def test_time_that_falls_is_named():
    with pytest.raises(InputError, match="trade 2 is earlier"):
        Trades(*(np.array(c) for c in ([1, 1, 1], [2, 2, 2], [0] * 3, [5, 6, 4], [1] * 3)))
