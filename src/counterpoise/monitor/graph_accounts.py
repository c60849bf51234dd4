"""Features of a transfer's two accounts over the window, read from running sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from counterpoise.monitor.graph_moves import size_of
from counterpoise.monitor.graph_state import DAY, TAIL
from counterpoise.monitor.pair_table import count_of_pair

NAMES = (
    "size",
    "hour",
    *(f"{what}_{side}" for side in ("src", "dst") for what in ("sent", "received")),
    *(f"{what}_{side}" for side in ("src", "dst") for what in ("receivers", "senders")),
    *(f"{what}_{side}" for side in ("src", "dst") for what in ("sum_out", "sum_in")),
    *(f"{what}_{side}" for side in ("src", "dst") for what in ("mean_out", "mean_in")),
    *(f"{what}_{side}" for side in ("src", "dst") for what in ("spread_out", "spread_in")),
    "above_mean_out_src",
    "above_mean_in_dst",
    "traffic",
    *(f"{what}_{side}" for side in ("src", "dst") for what in ("since_out", "since_in")),
    *(f"{what}_{side}" for side in ("src", "dst") for what in ("age", "seen")),
    "paid_before",
    "paid_back",
    "fresh",
)
"""In the order of the columns. Sizes are 64 * log2; spreads are standard deviations of sizes;
times are seconds; -1 stands for "never"."""


@njit(cache=True)
def mean(total: Any, count: Any) -> Any:
    """Floored mean, -1 of none."""
    return total // count if count else np.int64(-1)


@njit(cache=True)
def spread(count: Any, total: Any, squares: Any) -> Any:
    """Floored standard deviation, -1 of fewer than two.

    The root of an integer below 2**53 is correctly rounded on every machine.
    """
    if count < 2:
        return np.int64(-1)
    return np.int64(np.sqrt(max(np.int64(0), count * squares - total * total) // (count * count)))


@njit(cache=True)
def since(state: Any, now: Any, number: Any) -> Any:
    """Seconds since a transfer, -1 if it left the window or never was."""
    if number < state.marks[TAIL]:
        return np.int64(-1)
    return now - state.time[number & (len(state.time) - 1)]


@njit(cache=True)
def put_side(state: Any, account: Any, now: Any, found: Any, side: Any) -> Any:
    """The columns of one account: 0 for the sender, 1 for the receiver."""
    sent, received = np.int64(state.sent[account]), np.int64(state.received[account])
    found[2 + 2 * side], found[3 + 2 * side] = sent, received
    found[6 + 2 * side] = state.receivers[account]
    found[7 + 2 * side] = state.senders[account]
    found[10 + 2 * side] = size_of(state.sum_out[account])
    found[11 + 2 * side] = size_of(state.sum_in[account])
    found[14 + 2 * side] = mean(state.size_out[account], sent)
    found[15 + 2 * side] = mean(state.size_in[account], received)
    found[18 + 2 * side] = spread(sent, state.size_out[account], state.square_out[account])
    found[19 + 2 * side] = spread(received, state.size_in[account], state.square_in[account])
    found[25 + 2 * side] = since(state, now, state.last_out[account])
    found[26 + 2 * side] = since(state, now, state.last_in[account])
    seen = state.seen[account]
    found[29 + 2 * side] = now - state.first[account] if seen else np.int64(-1)
    found[30 + 2 * side] = seen


@njit(cache=True)
def put_accounts(state: Any, src: Any, dst: Any, now: Any, amount: Any, found: Any) -> Any:
    """All columns of `NAMES`; gives whether the pair is fresh."""
    size = size_of(amount)
    found[0], found[1] = size, (now % DAY) // 3600
    put_side(state, src, now, found, 0)
    put_side(state, dst, now, found, 1)
    found[22] = size - found[14] if found[2] else np.int64(0)
    found[23] = size - found[17] if found[5] else np.int64(0)
    found[24] = found[2] + found[3] + found[4] + found[5]
    found[33] = count_of_pair(state, src, dst)
    found[34] = count_of_pair(state, dst, src)
    fresh = found[33] == 0 and found[34] == 0
    found[35] = fresh
    return fresh
