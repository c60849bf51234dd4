"""The four moves of the engine's state: a transfer comes, leaves the window, and both undone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from counterpoise.monitor.graph_state import HEAD, TAIL, WINDOW
from counterpoise.monitor.pair_table import add_to_pair


@njit(cache=True)
def size_of(amount: Any) -> Any:
    """``64 * log2(amount)`` along chords, in integers: 0 for amounts below 1."""
    if amount < 1:
        return np.int64(0)
    bits, rest = 0, amount
    while rest > 1:
        rest >>= 1
        bits += 1
    part = amount >> (bits - 6) if bits >= 6 else amount << (6 - bits)
    return np.int64(bits * 64 + (part & 63))


@njit(cache=True)
def tally(state: Any, edge: Any, sign: Any) -> Any:
    """Add a transfer to the accounts' sums, or take it away."""
    src, dst = state.src[edge], state.dst[edge]
    amount, size = state.amount[edge] * sign, np.int64(state.size[edge])
    state.sent[src] += sign
    state.received[dst] += sign
    state.sum_out[src] += amount
    state.sum_in[dst] += amount
    state.size_out[src] += sign * size
    state.size_in[dst] += sign * size
    state.square_out[src] += sign * size * size
    state.square_in[dst] += sign * size * size
    count = add_to_pair(state, src, dst, sign)
    if count == (1 if sign == 1 else 0):
        state.receivers[src] += sign
        state.senders[dst] += sign


@njit(cache=True)
def expire(state: Any, now: Any) -> Any:
    """Let what is older than the window leave."""
    mask, tail = len(state.time) - 1, state.marks[TAIL]
    while tail < state.marks[HEAD] and state.time[tail & mask] <= now - state.limits[WINDOW]:
        tally(state, tail & mask, -1)
        tail += 1
    state.marks[TAIL] = tail


@njit(cache=True)
def insert(state: Any, src: Any, dst: Any, time: Any, amount: Any, fresh: Any, depth: Any) -> Any:
    """Take one transfer in, as the newest."""
    number = state.marks[HEAD]
    edge = number & (len(state.time) - 1)
    state.src[edge], state.dst[edge] = src, dst
    state.time[edge], state.amount[edge], state.size[edge] = time, amount, size_of(amount)
    state.fresh[edge], state.depth[edge] = fresh, depth
    state.before_out[edge], state.before_in[edge] = state.last_out[src], state.last_in[dst]
    state.last_out[src], state.last_in[dst] = number, number
    for account in (src, dst):
        if state.seen[account] == 0:
            state.first[account] = time
        state.seen[account] += 1
    tally(state, edge, 1)
    state.marks[HEAD] = number + 1


@njit(cache=True)
def undo(state: Any, head: Any, tail: Any) -> Any:
    """Go back to when `head` transfers had come and `tail` had left."""
    mask = len(state.time) - 1
    while state.marks[HEAD] > head:
        number = state.marks[HEAD] - 1
        edge = number & mask
        if number >= state.marks[TAIL]:
            tally(state, edge, -1)
        src, dst = state.src[edge], state.dst[edge]
        state.last_out[src], state.last_in[dst] = state.before_out[edge], state.before_in[edge]
        for account in (src, dst):
            state.seen[account] -= 1
            if state.seen[account] == 0:
                state.first[account] = 0
        state.marks[HEAD] = number
    # What came and left since is gone by now; the rest comes back.
    for number in range(tail, min(state.marks[TAIL], head)):
        tally(state, number & mask, 1)
    state.marks[TAIL] = tail


@njit(cache=True)
def refill(state: Any) -> Any:
    """Fill the table of pairs from the window; the accounts' sums are left alone."""
    mask = len(state.time) - 1
    for number in range(state.marks[TAIL], state.marks[HEAD]):
        add_to_pair(state, state.src[number & mask], state.dst[number & mask], 1)
