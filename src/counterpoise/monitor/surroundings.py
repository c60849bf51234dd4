"""The picture around one transfer: who else moved such an amount to or from the same accounts.

It is the cluster that the features of `graph_patterns` count, read once more for a person. The
loops are plain Python: they run for what is alerted, not for what goes by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.monitor.graph_state import BUDGET, CAP, HEAD, HUB, TAIL

ALIKE = 24
"""Amounts are alike up to a factor of 1.3: 24 / 64 of a doubling."""

MOST = 60
"""Most transfers in a picture."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A transfer of the window, as the graph keeps it; `amount` in the graph's units."""

    number: int
    src: int
    dst: int
    time: int
    amount: int
    tag: bytes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Transfers around one, oldest first, with it among them.

    Parameters
    ----------
    cut :
        Limits that ended the search early: "cap", "budget", "hub", "picture".
    """

    movements: tuple[Movement, ...]
    cut: tuple[str, ...]


def surroundings_of(state: Any, tags: NDArray[np.uint8], number: int) -> Surroundings:
    """Grow from a transfer's two accounts over fresh transfers of about its amount."""
    mask, cut = len(state.time) - 1, set()
    size, budget = int(state.size[number & mask]), int(state.limits[BUDGET])
    ends = [int(state.src[number & mask]), int(state.dst[number & mask])]
    members, found, read = dict.fromkeys(ends), {number}, 0
    waiting = list(members)
    for at, account in enumerate(waiting):
        if read > budget:
            cut.add("budget")
            break
        if at >= 2 and state.sent[account] + state.received[account] > state.limits[HUB]:
            cut.add("hub")
            continue
        for outgoing in (True, False):
            for one in _listed(state, account, outgoing, cut):
                read += 1
                edge = one & mask
                if not state.fresh[edge] or abs(int(state.size[edge]) - size) > ALIKE:
                    continue
                found.add(one)
                other = int((state.dst if outgoing else state.src)[edge])
                if other not in members:
                    members[other] = None
                    waiting.append(other)
    chosen = sorted(sorted(found, key=lambda one: abs(one - number))[:MOST])
    if len(chosen) < len(found):
        cut.add("picture")
    return Surroundings(tuple(_movement(state, tags, one) for one in chosen), tuple(sorted(cut)))


def _listed(state: Any, account: int, outgoing: bool, cut: set[str]) -> Iterator[int]:
    """The newest transfers of one account, up to twice the cap as clusters are grown."""
    last, before = (
        (state.last_out, state.before_out) if outgoing else (state.last_in, state.before_in)
    )
    mask, tail, head = len(state.time) - 1, int(state.marks[TAIL]), int(state.marks[HEAD])
    number = int(last[account])
    for _ in range(2 * int(state.limits[CAP])):
        if not tail <= number < head:
            return
        yield number
        number = int(before[number & mask])
    if number >= tail:
        cut.add("cap")


def _movement(state: Any, tags: NDArray[np.uint8], number: int) -> Movement:
    edge = number & (len(state.time) - 1)
    columns = (state.src, state.dst, state.time, state.amount)
    src, dst, time, amount = (int(column[edge]) for column in columns)
    tag = tags[number & (len(tags) - 1)].tobytes() if len(tags) else b""
    return Movement(number, src, dst, time, amount, tag)
