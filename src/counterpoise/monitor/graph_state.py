"""What the feature engine remembers: a window of transfers, by account, in flat arrays.

Transfers stand in a ring under ever-growing numbers; from each account lead two lists through the
ring, newest first, of what it sent and what it received. A number below the tail has left the
window, so a list ends there and nothing is ever unlinked. The whole state follows from the
sequence of transfers: taking the newest away and letting the oldest back in undoes it exactly,
which is how a reorg is rolled back.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np

DAY = 86_400

TAIL, HEAD, STAMP, CUT_LISTS, CUT_CYCLE, CUT_CLUSTER, PAIRS = range(7)
"""Places in `State.marks`: oldest and next number, last stamp, searches cut, pairs known."""

CAP, BUDGET, WINDOW, HUB = range(4)
"""Places in `State.limits`."""

NOTHING = -1
QUEUE = 512
CLUSTER = 128

State = namedtuple(
    "State",
    [
        "src",  # of each transfer in the ring: sender
        "dst",  # receiver
        "time",  # seconds
        "amount",  # base units, saturated
        "size",  # 64 * log2(amount)
        "fresh",  # 1 if neither side had paid the other within the window
        "depth",  # how many transfers of nearly its amount lead up to it
        "before_out",  # number of the sender's transfer before it
        "before_in",  # number of the receiver's receipt before it
        "last_out",  # of each account: number of its newest transfer
        "last_in",
        "sent",  # transfers within the window
        "received",
        "receivers",  # distinct accounts
        "senders",
        "sum_out",  # amounts
        "sum_in",
        "size_out",  # sizes, and their squares
        "size_in",
        "square_out",
        "square_in",
        "first",  # when it was first seen
        "seen",  # transfers ever
        "stamps",  # scratch: which search met an account last
        "pair_keys",  # table of pairs that paid each other within the window
        "pair_counts",
        "queue",  # scratch of searches
        "hops",
        "limits",
        "marks",
    ],
)

_PER_EDGE = 9
_WIDTHS = {"src": "i4", "dst": "i4", "size": "i4", "fresh": "u1", "depth": "i2"}
_PER_ACCOUNT = State._fields[_PER_EDGE : State._fields.index("pair_keys")]
_LINKS = {"before_out", "before_in", "last_out", "last_in", "pair_keys"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the engine looks. Within them every feature is exact.

    Parameters
    ----------
    window :
        Seconds: a transfer counts while it is younger.
    cap :
        Most transfers read from one account's list, newest first.
    budget :
        Most transfers read by one search for a cycle or a cluster.
    hub :
        Clusters do not grow through accounts with more transfers than this.
    """

    window: int = 5 * DAY
    cap: int = 16
    budget: int = 200
    hub: int = 64


def new_state(limits: Limits, *, edges: int = 1 << 16, accounts: int = 1 << 12) -> Any:
    """An empty state with room for so many transfers (a power of two) and accounts."""
    fields: dict[str, Any] = {}
    for name in State._fields[:_PER_EDGE]:
        fields[name] = _column(name, edges)
    for name in _PER_ACCOUNT:
        fields[name] = _column(name, accounts)
    fields["pair_keys"] = _column("pair_keys", 2 * edges)
    fields["pair_counts"] = np.zeros(2 * edges, np.int32)
    fields["queue"], fields["hops"] = np.zeros(QUEUE, np.int64), np.zeros(QUEUE, np.int64)
    given = [limits.cap, limits.budget, limits.window, limits.hub]
    fields["limits"] = np.array(given, np.int64)
    fields["marks"] = np.zeros(7, np.int64)
    return State(**fields)


def with_accounts(state: Any, accounts: int) -> Any:
    """The same state with room for more accounts."""
    grown = {}
    for name in _PER_ACCOUNT:
        column = _column(name, accounts)
        column[: len(getattr(state, name))] = getattr(state, name)
        grown[name] = column
    return state._replace(**grown)


def with_edges(state: Any, edges: int, oldest: int) -> Any:
    """The same state with room for more transfers, kept from number `oldest` on.

    The table of pairs is not carried over: `graph_moves.refill` makes it anew.
    """
    numbers = np.arange(oldest, state.marks[HEAD])
    grown: dict[str, Any] = {}
    for name in State._fields[:_PER_EDGE]:
        column, old = _column(name, edges), getattr(state, name)
        column[numbers & (edges - 1)] = old[numbers & (len(old) - 1)]
        grown[name] = column
    grown["pair_keys"] = _column("pair_keys", 2 * edges)
    grown["pair_counts"] = np.zeros(2 * edges, np.int32)
    return state._replace(**grown)


def _column(name: str, length: int) -> Any:
    return np.full(length, NOTHING if name in _LINKS else 0, np.dtype(_WIDTHS.get(name, "i8")))
