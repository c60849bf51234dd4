"""One pass over transfers: let the old leave, describe the new one, take it in.

Importing this module compiles its loops, or loads them from numba's cache; `graph` imports it
when the first transfer comes. The cache of a loop goes by its own file alone: whoever changes a
loop that is called from here must touch this file too.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from counterpoise.monitor import graph_accounts, graph_patterns
from counterpoise.monitor.graph_accounts import put_accounts
from counterpoise.monitor.graph_moves import expire, insert, size_of
from counterpoise.monitor.graph_patterns import (
    put_cluster,
    put_gathering,
    put_layers,
    put_passing,
    put_scattering,
    put_upstream,
)
from counterpoise.monitor.graph_state import CUT_CLUSTER, CUT_CYCLE, CUT_LISTS

NAMES = (*graph_accounts.NAMES, *graph_patterns.NAMES)
PATTERNS = len(graph_accounts.NAMES)
COLUMNS = len(NAMES)


@njit(cache=True)
def describe(state: Any, src: Any, dst: Any, now: Any, amount: Any, found: Any) -> Any:
    """Fill the columns of one transfer that has not come yet; gives fresh and depth."""
    fresh = put_accounts(state, src, dst, now, amount, found)
    around, size = found[PATTERNS:], size_of(amount)
    depth, payers, cut_one = put_passing(state, src, amount, size, around)
    cut_two = put_gathering(state, src, dst, size, payers, around)
    paid, cut_three = put_scattering(state, src, size, around)
    put_layers(state, dst, size, paid, around)
    state.marks[CUT_LISTS] += cut_one or cut_two or cut_three
    state.marks[CUT_CYCLE] += put_upstream(state, src, dst, size, around)
    state.marks[CUT_CLUSTER] += put_cluster(state, src, dst, now, size, around)
    return fresh, min(depth, 1000)


@njit(cache=True)
def pass_over(state: Any, src: Any, dst: Any, time: Any, amount: Any, found: Any) -> Any:
    """Describe and take in transfers in order of time; ``found`` is (rows, COLUMNS) int32."""
    for row in range(len(src)):
        expire(state, time[row])
        fresh, depth = describe(state, src[row], dst[row], time[row], amount[row], found[row])
        insert(state, src[row], dst[row], time[row], amount[row], fresh, depth)
