"""Wash trades: accounts that trade a token among themselves until nobody's position has changed.

The method of Victor & Weintraud, *Detecting and Quantifying Wash Trading on Decentralized
Cryptocurrency Exchanges* (WWW 2021, arXiv 2102.07001), in integers and in the order of its
authors' pipeline: sets of accounts that trade in circles often, then windows of an hour, a day and
a week in which a set's trades leave every member where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError

HOUR, DAY, WEEK = 3_600, 86_400, 604_800
WINDOWS = (HOUR, DAY, WEEK)
OCCURRENCES = 100
"""A set of accounts is looked at if it traded in circles this often, over all tokens."""

MARGIN = 100
"""Positions may differ by one in so many of the mean trade."""

LARGEST = 1 << 40

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades in order of time; equal lengths.

    Parameters
    ----------
    buyer, seller :
        Numbers of accounts.
    token :
        Numbers of tokens.
    time :
        Seconds, never falling.
    amount :
        Of the token, in its base units or a fixed part of them; from 0 to below 2**40.

    Raises
    ------
    InputError :
        Lengths differ, time falls, or an amount is out of range: named by its row.
    """

    buyer: Integers
    seller: Integers
    token: Integers
    time: Integers
    amount: Integers

    def __post_init__(self) -> None:
        columns = [getattr(self, name) for name in self.__slots__]
        if len({len(column) for column in columns}) != 1:
            raise InputError("columns of different lengths", hint="one row a trade")
        falls = np.flatnonzero(np.diff(self.time) < 0)
        if len(falls):
            raise InputError(f"trade {falls[0] + 1} is earlier than the one before it")
        odd = np.flatnonzero((self.amount < 0) | (self.amount >= LARGEST))
        if len(odd):
            row = int(odd[0])
            raise InputError(
                f"trade {row} has amount {self.amount[row]}",
                hint="scale a token's amounts to below 2**40",
            )

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Wash:
    """What was found.

    Parameters
    ----------
    self_trade :
        ``(trades,)`` bool: buyer and seller are one.
    washed :
        ``(trades,)`` bool: one of a set's trades that left all positions unchanged.
    sets :
        Each set of accounts with how often it traded in circles.
    """

    self_trade: NDArray[np.bool_]
    washed: NDArray[np.bool_]
    sets: dict[tuple[int, ...], int]

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Either of both, ``(trades,)``."""
        return self.self_trade | self.washed


def find_wash_trades(
    trades: Trades,
    *,
    occurrences: int = OCCURRENCES,
    windows: tuple[int, ...] = WINDOWS,
) -> Wash:
    """Label every wash trade.

    Parameters
    ----------
    occurrences :
        How often a set must have traded in circles.
    windows :
        Lengths of the passes, seconds, in order.

    Examples
    --------
    >>> import numpy as np
    >>> back_and_forth = np.arange(200) % 2
    >>> trades = Trades(back_and_forth, 1 - back_and_forth, np.zeros(200, int),
    ...                 np.arange(200) * 10, np.full(200, 5))
    >>> int(find_wash_trades(trades).washed.sum())
    200
    """
    from counterpoise.monitor.wash_kernel import Book, label_windows

    self_trade = trades.buyer == trades.seller
    others = np.flatnonzero(~self_trade)
    washed = np.zeros(len(trades), np.bool_)
    if not len(others):
        return Wash(self_trade, washed, {})
    counts = _circling_sets(trades, others)
    sets = {members: count for members, count in counts.items() if count >= occurrences}
    book = Book(trades.buyer, trades.seller, trades.token, trades.time, trades.amount)
    within = [book.trades_within(members) for members in sorted(sets)]
    start, end = int(trades.time[0]) // DAY * DAY, int(trades.time[-1])
    for length in windows:
        for rows in within:
            label_windows(book.columns, rows, (start, end, length), MARGIN, book.places, washed)
    return Wash(self_trade, washed, sets)


def _circling_sets(trades: Trades, rows: Integers) -> Counter[tuple[int, ...]]:
    """How often each set of accounts was a strongly connected component, over all tokens.

    Every round counts each component once and takes one trade away from each of its edges. As a
    component stays what it is until one of its edges is used up, rounds are taken at once.
    """
    from counterpoise.monitor.wash_kernel import components

    found: Counter[tuple[int, ...]] = Counter()
    # Tokens are apart: an account is another vertex under each token.
    width = int(max(trades.buyer.max(), trades.seller.max())) + 1
    ends = np.concatenate([trades.buyer[rows], trades.seller[rows]])
    keys, numbers = np.unique(np.tile(trades.token[rows], 2) * width + ends, return_inverse=True)
    accounts, sides = keys % width, numbers.reshape(2, -1)
    edges, weights = np.unique(sides[0] * len(keys) + sides[1], return_counts=True)
    src, dst = edges // len(keys), edges % len(keys)
    while len(src):
        home = components(src, dst, len(accounts))
        inside = home[src] == home[dst]
        src, dst, weights = src[inside], dst[inside], weights[inside]
        if not len(src):
            break
        least = np.full(len(accounts), np.iinfo(np.int64).max)
        np.minimum.at(least, home[src], weights)
        for members, root in _grouped(home, src, dst):
            found[tuple(sorted(accounts[members].tolist()))] += int(least[root])
        weights = weights - least[home[src]]
        left = weights > 0
        src, dst, weights = src[left], dst[left], weights[left]
    return found


def _grouped(home: Integers, src: Integers, dst: Integers) -> Iterator[tuple[Integers, int]]:
    """The vertices of each component that still has edges."""
    active = np.unique(np.concatenate([src, dst]))
    active = active[np.argsort(home[active], kind="stable")]
    roots, starts = np.unique(home[active], return_index=True)
    for root, members in zip(roots, np.split(active, starts[1:]), strict=True):
        yield members, int(root)
