"""The feature engine: transfers in, one row of integers for each out, any of it undone."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError, StorageError
from counterpoise.monitor.graph_state import (
    CUT_CLUSTER,
    CUT_CYCLE,
    CUT_LISTS,
    HEAD,
    NOTHING,
    PAIRS,
    TAIL,
    Limits,
    State,
    new_state,
    with_accounts,
    with_edges,
)

if TYPE_CHECKING:
    from counterpoise.monitor.surroundings import Surroundings

LARGEST = 1 << 42
"""Amounts are saturated here, so that no sum over a window can leave 63 bits."""

FORMAT = "counterpoise-graph/1"

TAG = 34
"""Bytes that may be kept with each transfer within the window."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point to go back to: how many transfers had come, and how many had left."""

    head: int
    tail: int


@dataclass(frozen=True, slots=True)
class Cuts:
    """How often a limit ended a search before its end, of so many transfers.

    Parameters
    ----------
    lists :
        An account had more transfers within the window than were read.
    cycles, clusters :
        A search used up its budget.
    saturated :
        Amounts above `LARGEST`.
    """

    transfers: int
    lists: int
    cycles: int
    clusters: int
    saturated: int


class Graph:
    """Transfers within a sliding window, and what they say of the next one.

    Accounts are small numbers, given out by the caller. One writer; every figure is an integer, so
    that going back over a reorg leaves the very state of never having seen it.

    Examples
    --------
    >>> import numpy as np
    >>> graph = Graph()
    >>> rows = graph.observe(*(np.array(c) for c in ([0, 1], [1, 2], [10, 20], [500, 495])))
    >>> rows[1, graph.names.index("chain")]  # the second passes the first one's money on
    np.int32(1)
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._state = new_state(self.limits)
        self._tags = np.zeros((0, TAG), np.uint8)  # room is made when the first tag comes
        self._oldest = 0
        self._saturated = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of `observe`."""
        from counterpoise.monitor.graph_kernel import NAMES

        return NAMES

    @property
    def cuts(self) -> Cuts:
        """How often a limit cut a search, since the beginning; not undone by `go_back`."""
        marks = self._state.marks
        lists, cycles, clusters = marks[[CUT_LISTS, CUT_CYCLE, CUT_CLUSTER]].tolist()
        return Cuts(int(marks[HEAD]), lists, cycles, clusters, self._saturated)

    def observe(
        self,
        src: NDArray[np.integer[Any]],
        dst: NDArray[np.integer[Any]],
        time: NDArray[np.integer[Any]],
        amount: NDArray[np.integer[Any]],
        *,
        tags: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.int32]:
        """Describe each transfer by what came before it, and take it in.

        Parameters
        ----------
        src, dst :
            ``(rows,)`` numbers of accounts, from 0 to below 2**31.
        time :
            ``(rows,)`` seconds, never falling.
        amount :
            ``(rows,)`` base units, not negative.
        tags :
            ``(rows, TAG)``, given back by `around`; changes no feature. None: zeros.

        Returns
        -------
        NDArray[np.int32]
            ``(rows, len(names))``.

        Raises
        ------
        InputError :
            Time goes backwards, or an amount or an account is negative.
        """
        from counterpoise.monitor.graph_kernel import COLUMNS, pass_over

        self._check(src, dst, time, amount)
        found = np.zeros((len(src), COLUMNS), np.int32)
        if len(src):
            self._make_room(len(src), int(max(src.max(), dst.max())) + 1)
            self._saturated += int((amount > LARGEST).sum())
            who, whom, when = (column.astype(np.int64) for column in (src, dst, time))
            what = np.minimum(amount, LARGEST).astype(np.int64)
            first = int(self._state.marks[HEAD])
            pass_over(self._state, who, whom, when, what, found)
            self._put_tags(first, len(src), tags)
        return found

    def window(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The transfers within the window, oldest first, as `observe` takes them."""
        numbers = np.arange(self._state.marks[TAIL], self._state.marks[HEAD])
        places = numbers & (len(self._state.time) - 1)
        src, dst, time, amount = (getattr(self._state, name)[places] for name in State._fields[:4])
        return src, dst, time, amount

    def window_tags(self) -> NDArray[np.uint8]:
        """The tags of the transfers within the window, ``(rows, TAG)``; no rows if none had any."""
        numbers = np.arange(self._state.marks[TAIL], self._state.marks[HEAD])
        return self._tags[numbers & (len(self._tags) - 1)] if len(self._tags) else self._tags

    def around(self, number: int) -> Surroundings:
        """The cluster of fresh, alike transfers around one of the window.

        Parameters
        ----------
        number :
            Of the transfer: how many had come before it, as `Mark.head` counts.
        """
        from counterpoise.monitor.surroundings import surroundings_of

        return surroundings_of(self._state, self._tags, number)

    def mark(self) -> Mark:
        """Where the engine stands now, to go back to."""
        return Mark(int(self._state.marks[HEAD]), int(self._state.marks[TAIL]))

    def go_back(self, mark: Mark) -> None:
        """Undo everything since a mark; `forget` says how far back marks are good."""
        from counterpoise.monitor.graph_moves import undo

        if mark.tail < self._oldest or mark.head > self._state.marks[HEAD]:
            raise InputError(
                f"the graph no longer knows transfer {mark.tail}, its oldest is {self._oldest}",
                hint="rebuild it from a snapshot or from the source",
            )
        undo(self._state, mark.head, mark.tail)

    def forget(self, mark: Mark) -> None:
        """Promise never to go back beyond a mark, so that its transfers may be overwritten."""
        self._oldest = max(self._oldest, mark.tail)

    def summary(self) -> dict[str, Any]:
        """Everything a feature can depend on, in a form in which equal states are equal."""
        state = self._state
        numbers = np.arange(state.marks[TAIL], state.marks[HEAD])
        places = numbers & (len(state.time) - 1)
        known = state.pair_keys != NOTHING
        order = np.argsort(state.pair_keys[known])
        found = {name: getattr(state, name)[places].tolist() for name in State._fields[:7]}
        found["tags"] = self._tags[places].tolist() if len(self._tags) else []
        active = np.flatnonzero(state.seen)
        for name in State._fields[9 : State._fields.index("stamps")]:
            column = getattr(state, name)[active]
            if name in ("last_out", "last_in"):
                column = np.where(column < state.marks[TAIL], NOTHING, column)
            found[name] = column.tolist()
        found["accounts"] = active.tolist()
        found["pairs"] = state.pair_keys[known][order].tolist()
        found["pair_counts"] = state.pair_counts[known][order].tolist()
        return found

    def to_bytes(self) -> bytes:
        """The state as bytes, to be written in one atomic step by the caller."""
        buffer = io.BytesIO()
        own = np.array([self._oldest, self._saturated], np.int64)
        columns = self._state._asdict() | {"tags": self._tags}
        np.savez(buffer, format=np.array(FORMAT), own=own, **columns)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Graph:
        """A graph as `to_bytes` left it; other bytes are a `StorageError`."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                if str(file["format"]) != FORMAT:
                    raise StorageError(f"a graph of format {file['format']}, not {FORMAT}")
                state = State(**{name: file[name] for name in State._fields})
                own, tags = file["own"].tolist(), file["tags"]
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise StorageError(
                f"these bytes are no saved graph: {error}", hint="start from the source again"
            ) from error
        cap, budget, window, hub = state.limits.tolist()
        graph = cls(Limits(window, cap, budget, hub))
        graph._state, graph._tags, (graph._oldest, graph._saturated) = state, tags, own
        return graph

    def _check(self, src: Any, dst: Any, time: Any, amount: Any) -> None:
        if len({len(src), len(dst), len(time), len(amount)}) != 1:
            raise InputError("columns of different lengths", hint="one row a transfer")
        if not len(src):
            return
        if min(src.min(), dst.min(), amount.min()) < 0:
            raise InputError("an account or an amount is negative")
        state, newest = self._state, int(time[0])
        if state.marks[HEAD]:
            last = (int(state.marks[HEAD]) - 1) & (len(state.time) - 1)
            newest = int(state.time[last])
        if time[0] < newest or (np.diff(time) < 0).any():
            raise InputError("time goes backwards", hint="order transfers by block and index")

    def _put_tags(self, first: int, rows: int, tags: NDArray[np.uint8] | None) -> None:
        """Keep tags in a ring of their own: what is undone is overwritten by what comes next."""
        if tags is None and not len(self._tags):
            return
        size = len(self._state.time)
        if len(self._tags) != size:
            grown = np.zeros((size, TAG), np.uint8)
            if len(self._tags):
                kept = np.arange(min(self._oldest, int(self._state.marks[TAIL])), first)
                grown[kept & (size - 1)] = self._tags[kept & (len(self._tags) - 1)]
            self._tags = grown
        self._tags[np.arange(first, first + rows) & (size - 1)] = 0 if tags is None else tags

    def _make_room(self, rows: int, accounts: int) -> None:
        """Grow the columns before they are full: nothing is ever dropped."""
        from counterpoise.monitor.graph_moves import refill

        state = self._state
        if accounts > len(state.first):
            state = with_accounts(state, 1 << (accounts - 1).bit_length())
        wanted = int(state.marks[HEAD]) + rows - min(self._oldest, int(state.marks[TAIL]))
        if wanted > len(state.time):
            oldest = min(self._oldest, int(state.marks[TAIL]))
            state = with_edges(state, 1 << (wanted - 1).bit_length(), oldest)
            state.marks[PAIRS] = 0
            refill(state)
        self._state = state
