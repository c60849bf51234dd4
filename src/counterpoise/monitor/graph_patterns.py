"""Features of the transfers around one transfer: what laundering looks like from inside.

A transfer is *alike* another if their amounts differ by less than a factor of 1.3, and *fresh* if
neither side had paid the other within the window. Money that is layered moves in alike, fresh
transfers; ordinary money mostly does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from counterpoise.monitor.graph_moves import size_of
from counterpoise.monitor.graph_state import BUDGET, CAP, CLUSTER, HUB, QUEUE, STAMP, TAIL

NAMES = (
    "chain",  # transfers of nearly this amount that lead up to it, one after the other
    "passed_on",  # receipts of the sender that this transfer is 85 % to 101 % of
    "above_largest_in",  # size over that of the sender's largest receipt
    "alike_in_src",
    "fresh_alike_in_src",
    "alike_in_dst",
    "fresh_alike_in_dst",
    "middlemen",  # who paid the receiver alike and were paid by one who paid the sender
    "alike_out_src",
    "fresh_alike_out_src",
    "squares",  # who paid the receiver alike and also paid one whom the sender paid
    "fresh_alike_out_dst",
    "cycle",  # hops of the shortest way of fresh, alike transfers from receiver to sender
    "upstream",  # hops that such ways lead back from the sender
    "upstream_accounts",
    "cluster",  # transfers in the cluster of fresh, alike transfers around this one
    "cluster_accounts",
    "cluster_fan_in",  # most of them that one account received
    "cluster_fan_out",
    "cluster_middles",  # accounts with both, with transfers out only, with transfers in only
    "cluster_sources",
    "cluster_sinks",
    "cluster_chain",  # longest chain in it
    "cluster_spread",  # mean difference of size
    "cluster_density",  # 64 * transfers / accounts
    "cluster_traffic",  # mean size of what its accounts sent and received, in transfers
    "cluster_quietest",  # least of them, of most
    "cluster_busiest",
    "cluster_span",  # seconds since its oldest transfer
    "cluster_unusual",  # mean size of its transfers over the mean of what their senders sent
    "upstream_traffic",  # mean size of what accounts that were looked at upstream moved
)
ALIKE, LEAST_SHARE, MOST_SHARE, PERCENT = 24, 85, 101, 100
NEVER, LONGEST = 999, 20


@njit(cache=True)
def new_stamp(state: Any) -> Any:
    """A number that no account is stamped with yet."""
    state.marks[STAMP] += 1
    return state.marks[STAMP]


@njit(cache=True)
def put_passing(state: Any, src: Any, amount: Any, size: Any, found: Any) -> Any:
    """What the sender received; its payers are stamped. Gives depth, stamp, cut."""
    mask, tail, stamp = len(state.time) - 1, state.marks[TAIL], new_stamp(state)
    number, read, depth, passed, largest, alike, fresh = state.last_in[src], 0, 0, 0, -1, 0, 0
    while number >= tail and read < state.limits[CAP]:
        edge = number & mask
        read += 1
        whole = state.amount[edge]
        if whole * LEAST_SHARE <= amount * PERCENT <= whole * MOST_SHARE:
            passed += 1
            depth = max(depth, state.depth[edge] + 1)
        largest = max(largest, state.size[edge])
        if abs(state.size[edge] - size) <= ALIKE:
            alike += 1
            fresh += state.fresh[edge]
        state.stamps[state.src[edge]] = stamp
        number = state.before_in[edge]
    found[0], found[1] = depth, passed
    found[2] = size - largest if largest >= 0 else NEVER
    found[3], found[4] = alike, fresh
    return depth, stamp, number >= tail


@njit(cache=True)
def was_paid_by(state: Any, account: Any, stamp: Any) -> Any:
    """Whether one with this stamp paid the account in a fresh transfer."""
    mask, tail = len(state.time) - 1, state.marks[TAIL]
    number, read = state.last_in[account], 0
    while number >= tail and read < state.limits[CAP]:
        edge = number & mask
        read += 1
        if state.fresh[edge] and state.stamps[state.src[edge]] == stamp:
            return True
        number = state.before_in[edge]
    return False


@njit(cache=True)
def put_gathering(state: Any, src: Any, dst: Any, size: Any, stamp: Any, found: Any) -> Any:
    """What the receiver received, and from how many with the sender's payers behind them."""
    mask, tail = len(state.time) - 1, state.marks[TAIL]
    number, read, alike, fresh, middlemen = state.last_in[dst], 0, 0, 0, 0
    while number >= tail and read < state.limits[CAP]:
        edge = number & mask
        read += 1
        if abs(state.size[edge] - size) <= ALIKE:
            alike += 1
            if state.fresh[edge]:
                fresh += 1
                payer = state.src[edge]
                middlemen += payer != src and was_paid_by(state, payer, stamp)
        number = state.before_in[edge]
    found[5], found[6], found[7] = alike, fresh, middlemen
    return number >= tail


@njit(cache=True)
def put_scattering(state: Any, src: Any, size: Any, found: Any) -> Any:
    """What the sender sent; those it paid afresh and alike are stamped. Gives stamp, cut."""
    mask, tail, stamp = len(state.time) - 1, state.marks[TAIL], new_stamp(state)
    number, read, alike, fresh = state.last_out[src], 0, 0, 0
    while number >= tail and read < state.limits[CAP]:
        edge = number & mask
        read += 1
        if abs(state.size[edge] - size) <= ALIKE:
            alike += 1
            if state.fresh[edge]:
                fresh += 1
                state.stamps[state.dst[edge]] = stamp
        number = state.before_out[edge]
    found[8], found[9] = alike, fresh
    return stamp, number >= tail


@njit(cache=True)
def payments_to(state: Any, account: Any, stamp: Any) -> Any:
    """Fresh transfers of the account to those with this stamp."""
    mask, tail = len(state.time) - 1, state.marks[TAIL]
    number, read, count = state.last_out[account], 0, 0
    while number >= tail and read < state.limits[CAP]:
        edge = number & mask
        read += 1
        count += state.fresh[edge] and state.stamps[state.dst[edge]] == stamp
        number = state.before_out[edge]
    return count


@njit(cache=True)
def put_layers(state: Any, dst: Any, size: Any, stamp: Any, found: Any) -> Any:
    """Squares of payers and paid, as layers have them; what the receiver sent on already."""
    mask, tail = len(state.time) - 1, state.marks[TAIL]
    number, read, squares = state.last_in[dst], 0, 0
    while number >= tail and read < state.limits[CAP]:
        edge = number & mask
        read += 1
        if state.fresh[edge] and abs(state.size[edge] - size) <= ALIKE:
            squares += payments_to(state, state.src[edge], stamp)
        number = state.before_in[edge]
    number, read, onward = state.last_out[dst], 0, 0
    while number >= tail and read < state.limits[CAP]:
        edge = number & mask
        read += 1
        onward += state.fresh[edge] and abs(state.size[edge] - size) <= ALIKE
        number = state.before_out[edge]
    found[10], found[11] = squares, onward


@njit(cache=True)
def put_upstream(state: Any, src: Any, dst: Any, size: Any, found: Any) -> Any:
    """Go back from the sender over fresh receipts, breadth first, in search of the receiver."""
    mask, tail, stamp = len(state.time) - 1, state.marks[TAIL], new_stamp(state)
    state.queue[0], state.hops[0], state.stamps[src] = src, 0, stamp
    count, at, steps, cycle, longest, busy = 1, 0, 0, 0, 0, np.int64(0)
    while at < count and cycle == 0 and steps <= state.limits[BUDGET]:
        hops = state.hops[at]
        longest = max(longest, hops)
        account = state.queue[at]
        busy += size_of(state.sent[account] + state.received[account])
        number, read = state.last_in[account], 0
        at += 1
        while number >= tail and read < state.limits[CAP] and hops < LONGEST:
            edge = number & mask
            read, steps = read + 1, steps + 1
            # Each hop may have kept up to a tenth or so of what passed through it.
            if state.fresh[edge] and -32 <= state.size[edge] - size <= 64 + 8 * hops:
                payer = state.src[edge]
                if payer == dst:
                    cycle = hops + 1
                    break
                if state.stamps[payer] != stamp and count < QUEUE:
                    state.stamps[payer] = stamp
                    state.queue[count], state.hops[count] = payer, hops + 1
                    count += 1
            number = state.before_in[edge]
    found[12], found[13], found[14] = cycle, longest, count
    found[30] = busy // at
    return steps > state.limits[BUDGET] or count == QUEUE


@njit(cache=True)
def grow(
    state: Any, account: Any, size: Any, outgoing: Any, stamp: Any, count: Any, tally: Any
) -> Any:
    """Read one list of a cluster's account; gives how many belong, and the new count.

    `tally` gathers steps, differences of size, the longest chain, the oldest time and how far
    sizes lie above their sender's mean.
    """
    mask, tail = len(state.time) - 1, state.marks[TAIL]
    number = state.last_out[account] if outgoing else state.last_in[account]
    read, belong = 0, 0
    while number >= tail and read < 2 * state.limits[CAP]:
        edge = number & mask
        read += 1
        apart = abs(state.size[edge] - size)
        if state.fresh[edge] and apart <= ALIKE:
            belong += 1
            if outgoing:
                tally[1] += apart
                tally[2] = max(tally[2], state.depth[edge])
                tally[3] = min(tally[3], state.time[edge])
                tally[4] += state.size[edge] - state.size_out[account] // state.sent[account]
            other = state.dst[edge] if outgoing else state.src[edge]
            if state.stamps[other] != stamp and count < CLUSTER:
                state.stamps[other] = stamp
                state.queue[count] = other
                count += 1
        number = state.before_out[edge] if outgoing else state.before_in[edge]
    tally[0] += read
    return belong, count


@njit(cache=True)
def put_cluster(state: Any, src: Any, dst: Any, now: Any, size: Any, found: Any) -> Any:
    """Grow a cluster from both accounts over fresh, alike transfers of the window."""
    stamp, tally = new_stamp(state), state.hops[:5]
    tally[:] = 0
    tally[3] = now
    state.queue[0], state.queue[1] = src, dst
    state.stamps[src], state.stamps[dst] = stamp, stamp
    count, at, edges = 2, 0, 0
    busy, quietest, busiest = np.int64(0), np.int64(NEVER), np.int64(0)
    most_in, most_out, middles, sources, sinks = 0, 0, 0, 0, 0
    while at < count and tally[0] <= state.limits[BUDGET]:
        account = state.queue[at]
        at += 1
        traffic = state.sent[account] + state.received[account]
        busyness = size_of(traffic)
        busy += busyness
        quietest, busiest = min(quietest, busyness), max(busiest, busyness)
        if at > 2 and traffic > state.limits[HUB]:
            continue
        outgoing, count = grow(state, account, size, True, stamp, count, tally)
        incoming, count = grow(state, account, size, False, stamp, count, tally)
        edges += outgoing
        most_in, most_out = max(most_in, incoming), max(most_out, outgoing)
        middles += outgoing > 0 and incoming > 0
        sources += outgoing > 0 and incoming == 0
        sinks += incoming > 0 and outgoing == 0
    found[15], found[16], found[17], found[18] = edges, count, most_in, most_out
    found[19], found[20], found[21], found[22] = middles, sources, sinks, tally[2]
    found[23] = tally[1] // edges if edges else ALIKE
    found[24] = 64 * edges // count
    found[25], found[26], found[27] = busy // at, quietest, busiest
    found[28] = now - tally[3]
    found[29] = tally[4] // edges if edges else 0
    return tally[0] > state.limits[BUDGET] or count == CLUSTER
