"""Who paid whom how often within the window: open addressing, one 64-bit key a pair."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from counterpoise.monitor.graph_state import NOTHING, PAIRS


@njit(cache=True)
def home_of(keys: Any, key: Any) -> Any:
    """Where a key would like to stand: its product with an odd constant, upper bits."""
    return ((key * -7046029254386353131) >> 20) & (len(keys) - 1)


@njit(cache=True)
def place_of(keys: Any, key: Any) -> Any:
    """Where a key stands, or the free place where it would."""
    place = home_of(keys, key)
    while keys[place] != NOTHING and keys[place] != key:
        place = (place + 1) & (len(keys) - 1)
    return place


@njit(cache=True)
def free(keys: Any, counts: Any, place: Any) -> Any:
    """Empty a place and move later ones of the same run back, so that none is lost."""
    mask, other = len(keys) - 1, place
    while True:
        other = (other + 1) & mask
        if keys[other] == NOTHING:
            break
        wanted = home_of(keys, keys[other])
        # Its home does not lie between the gap and where it stands, round the end of the table.
        if (wanted - place - 1) & mask >= (other - place) & mask:
            keys[place], counts[place] = keys[other], counts[other]
            place = other
    keys[place], counts[place] = NOTHING, 0


@njit(cache=True)
def add_to_pair(state: Any, src: Any, dst: Any, change: Any) -> Any:
    """Count a pair up or down; give its count afterwards."""
    key = (np.int64(src) << 32) | np.int64(dst)
    place = place_of(state.pair_keys, key)
    if state.pair_keys[place] == NOTHING:
        state.pair_keys[place] = key
        state.marks[PAIRS] += 1
    state.pair_counts[place] += change
    count = state.pair_counts[place]
    if count == 0:
        free(state.pair_keys, state.pair_counts, place)
        state.marks[PAIRS] -= 1
    return count


@njit(cache=True)
def count_of_pair(state: Any, src: Any, dst: Any) -> Any:
    """How often `src` paid `dst` within the window."""
    place = place_of(state.pair_keys, (np.int64(src) << 32) | np.int64(dst))
    return np.int64(state.pair_counts[place])
