"""Strongly connected components, sets' trades and balanced beginnings, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True)
def adjacency(src: Any, dst: Any, count: Any) -> Any:
    """Where each vertex's targets begin, and the targets."""
    starts = np.zeros(count + 1, np.int64)
    for vertex in src:
        starts[vertex + 1] += 1
    starts = np.cumsum(starts)
    place, targets = starts.copy(), np.empty(len(src), np.int64)
    for edge in range(len(src)):
        targets[place[src[edge]]] = dst[edge]
        place[src[edge]] += 1
    return starts, targets


@njit(cache=True)
def components(src: Any, dst: Any, count: Any) -> Any:
    """The component of each vertex, named by one of its members; Tarjan's method, unrolled."""
    starts, targets = adjacency(src, dst, count)
    order, low, home = np.full(count, -1), np.zeros(count, np.int64), np.full(count, -1)
    place, path, open_ = starts[:-1].copy(), np.empty(count, np.int64), np.empty(count, np.int64)
    clock, depth, height = 0, 0, 0
    for root in range(count):
        if order[root] >= 0:
            continue
        path[0], depth = root, 1
        while depth:
            vertex = path[depth - 1]
            if order[vertex] < 0:
                order[vertex] = low[vertex] = clock
                clock += 1
                open_[height] = vertex
                height += 1
            if place[vertex] < starts[vertex + 1]:
                other = targets[place[vertex]]
                place[vertex] += 1
                if order[other] < 0:
                    path[depth] = other
                    depth += 1
                elif home[other] < 0:
                    low[vertex] = min(low[vertex], order[other])
                continue
            depth -= 1
            if depth:
                low[path[depth - 1]] = min(low[path[depth - 1]], low[vertex])
            if low[vertex] == order[vertex]:
                member = -1
                while member != vertex:
                    height -= 1
                    member = open_[height]
                    home[member] = vertex
    return home


class Book:
    """Trades by their buyer, and scratch memory for one set at a time.

    Parameters
    ----------
    columns :
        Buyers, sellers, tokens, times and amounts, one of each a trade, int64.
    """

    def __init__(self, *columns: Any) -> None:
        self.columns = tuple(np.ascontiguousarray(column, np.int64) for column in columns)
        buyers, sellers, tokens = self.columns[:3]
        accounts = int(max(buyers.max(), sellers.max())) + 1
        self._order = np.lexsort((np.arange(len(buyers)), tokens, buyers))
        self._starts = np.searchsorted(buyers[self._order], np.arange(accounts + 1))
        self.places = np.full(accounts, -1, np.int64)

    def trades_within(self, members: tuple[int, ...]) -> Any:
        """The trades with both sides in a set and apart, by token, then in order."""
        who = np.array(members, np.int64)
        self.places[who] = np.arange(len(who))
        buyers, sellers = self.columns[:2]
        rows = gather(who, self._starts, self._order, buyers, sellers, self.places)
        self.places[who] = -1
        return rows[np.lexsort((rows, self.columns[2][rows]))]


@njit(cache=True)
def gather(members: Any, starts: Any, order: Any, buyers: Any, sellers: Any, places: Any) -> Any:
    """The trades of a set's buyers whose seller is in the set, too, and is another."""
    found, count = np.empty(64, np.int64), 0
    for member in members:
        for at in range(starts[member], starts[member + 1]):
            row = order[at]
            if places[sellers[row]] < 0 or sellers[row] == buyers[row]:
                continue
            if count == len(found):
                found = np.concatenate((found, np.empty(count, np.int64)))
            found[count] = row
            count += 1
    return found[:count]


@njit(cache=True)
def label_windows(columns: Any, rows: Any, span: Any, margin: Any, places: Any, washed: Any) -> Any:
    """Label the balanced beginning of each token's trades in each window of one set.

    `span` is first day, time of the last trade, length of a window. The last window is closed.
    """
    buyers, sellers, tokens, times, amounts = columns
    start, end, length = span
    last = (end - start - 1) // length if end > start else 0
    part, count, token, window = np.empty(len(rows), np.int64), 0, -1, -1
    for at in range(len(rows) + 1):
        row = rows[at] if at < len(rows) else -1
        if row >= 0 and washed[row]:
            continue
        here = min((times[row] - start) // length, last) if row >= 0 else -1
        if row < 0 or tokens[row] != token or here != window:
            balanced = balanced_prefix(buyers, sellers, amounts, part[:count], margin, places)
            for done in range(balanced):
                washed[part[done]] = True
            if row < 0:
                break
            count, token, window = 0, tokens[row], here
        part[count] = row
        count += 1


@njit(cache=True)
def balanced_prefix(
    buyers: Any, sellers: Any, amounts: Any, rows: Any, margin: Any, places: Any
) -> Any:
    """How many of the first trades leave every position within 1 / margin of the mean trade.

    The longest such beginning of at least two trades; 0 if there is none. `places` is -1 for
    every account, before and after.
    """
    if len(rows) < 2:
        return 0
    balance, accounts, total = np.zeros(2 * len(rows), np.int64), 0, np.int64(0)
    for row in rows:
        for account in (buyers[row], sellers[row]):
            if places[account] < 0:
                places[account] = accounts
                accounts += 1
        balance[places[buyers[row]]] += amounts[row]
        balance[places[sellers[row]]] -= amounts[row]
        total += amounts[row]
    count = len(rows)
    while count > 1:
        worst = np.int64(0)
        for account in range(accounts):
            worst = max(worst, abs(balance[account]))
        # margin * count * worst <= total, without leaving 63 bits.
        if worst <= total // (margin * count):
            break
        count -= 1
        balance[places[buyers[rows[count]]]] -= amounts[rows[count]]
        balance[places[sellers[rows[count]]]] += amounts[rows[count]]
        total -= amounts[rows[count]]
    for row in rows:
        places[buyers[row]], places[sellers[row]] = -1, -1
    return count if count > 1 else 0
