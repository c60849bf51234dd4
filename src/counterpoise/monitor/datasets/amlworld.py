"""AMLworld: generated bank transfers with laundering (Altman et al. 2023, arXiv 2306.16424)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.monitor.datasets.report import Progress, check_counts, number, rows_of, silent
from counterpoise.monitor.graph import Graph
from counterpoise.monitor.graph_state import DAY, Limits

COLUMNS = (
    "Timestamp",
    "From Bank",
    "Account",
    "To Bank",
    "Account",
    "Amount Received",
    "Receiving Currency",
    "Amount Paid",
    "Payment Currency",
    "Payment Format",
    "Is Laundering",
)
COUNTS = {
    "HI-Small": {"rows": 5_078_345, "accounts": 515_080, "laundering": 5_177},
    "LI-Small": {"rows": 6_924_049, "accounts": 705_903},
}
"""Of the published files, by the beginning of their names."""

EVERY, CHUNK = 200_000, 200_000
OWN = ("time", "received", "receiving currency", "paid", "payment currency", "format", "self")
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Transfers:
    """The rows of a file in its own order, ``(rows,)`` each.

    Parameters
    ----------
    src, dst :
        Numbers of accounts: bank and account together are one.
    time :
        Seconds.
    received, paid :
        Hundredths of the currency.
    laundering :
        Bool.
    """

    src: Integers
    dst: Integers
    time: Integers
    received: Integers
    receiving: Integers
    paid: Integers
    paying: Integers
    form: Integers
    laundering: NDArray[np.bool_]
    accounts: dict[str, int]
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.src)


def load_amlworld(
    path: Path,
    on_step: Progress = silent,
    published: dict[str, dict[str, int]] | None = None,
) -> Transfers:
    """Read a ``…_Trans.csv``.

    Raises
    ------
    InputError :
        A row is malformed, or the counts are not those of the published file of that name.
    """
    accounts: dict[str, int] = {}
    codes: dict[str, int] = {}
    days: dict[str, int] = {}
    columns = [array("q") for _ in range(9)]
    for line, row in rows_of(path, COLUMNS):
        stamp, bank, account, bank_to, account_to, got, got_in, paid, paid_in, form, flag = row
        if flag not in ("0", "1"):
            raise InputError(f"{path}, line {line}: Is Laundering {flag!r}, wanted 0 or 1")
        values = (
            accounts.setdefault(f"{bank}/{account}", len(accounts)),
            accounts.setdefault(f"{bank_to}/{account_to}", len(accounts)),
            seconds_of(stamp, days, path, line),
            round(100 * number(got, path, line)),
            codes.setdefault(got_in, len(codes)),
            round(100 * number(paid, path, line)),
            codes.setdefault(paid_in, len(codes)),
            codes.setdefault(form, len(codes)),
            int(flag),
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
        if len(columns[0]) % EVERY == 0:
            on_step("rows", len(columns[0]), 0)
    *found, flags = (np.array(column, np.int64) for column in columns)
    laundering = flags.astype(bool)
    counts = {"rows": len(laundering), "accounts": len(accounts)}
    counts["laundering"] = int(laundering.sum())
    known = COUNTS if published is None else published
    wanted = next((known[name] for name in known if path.name.startswith(name)), None)
    check_counts(path.name, counts, wanted)
    src, dst, time, received, receiving, paid_, paying, form_ = found
    own = (src, dst, time, received, receiving, paid_, paying, form_)
    return Transfers(*own, laundering, accounts, counts)


def seconds_of(stamp: str, days: dict[str, int], path: Path, line: int) -> int:
    """Seconds of ``YYYY/MM/DD HH:MM`` since the year 1; `days` remembers dates."""
    day, _, clock = stamp.partition(" ")
    try:
        if day not in days:
            year, month, number_ = map(int, day.split("/"))
            days[day] = date(year, month, number_).toordinal()
        hours, minutes = map(int, clock.split(":"))
    except ValueError as error:
        raise InputError(f"{path}, line {line}: {stamp!r} is no YYYY/MM/DD HH:MM") from error
    return days[day] * DAY + hours * 3600 + minutes * 60


def features_of(
    transfers: Transfers, window: int = DAY, on_step: Progress = silent
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Each row with what came before it in time, ``(rows, columns)``, in the file's order.

    Transfers of an account to itself do not enter the graph; their graph features are -1.
    """
    graph = Graph(Limits(window=window))
    names = (*OWN, *graph.names)
    found = np.full((len(transfers), len(names)), -1, np.int32)
    start = int(transfers.time.min(initial=1 << 62))
    own: tuple[Any, ...] = (
        transfers.time - start,
        np.minimum(transfers.received, 2**31 - 1),
        transfers.receiving,
        np.minimum(transfers.paid, 2**31 - 1),
        transfers.paying,
        transfers.form,
        transfers.src == transfers.dst,
    )
    for place, column in enumerate(own):
        found[:, place] = column
    order = np.argsort(transfers.time, kind="stable")
    order = order[transfers.src[order] != transfers.dst[order]]
    for begin in range(0, len(order), CHUNK):
        rows = order[begin : begin + CHUNK]
        columns = (transfers.src, transfers.dst, transfers.time, transfers.received)
        found[rows, len(OWN) :] = graph.observe(*(column[rows] for column in columns))
        graph.forget(graph.mark())
        on_step("features", begin + len(rows), len(order))
    return found, names


def split_by_days(time: Integers) -> tuple[NDArray[np.bool_], ...]:
    """Train, validation and test by whole days, as near to 60/20/20 as whole days come.

    Convention (a), of IBM's Multi-GNN: of all pairs of borders the one whose largest relative
    deviation from the shares is least.
    """
    days = (time - time.min()) // DAY
    counts = np.bincount(days)
    shares, wanted = np.cumsum(counts) / len(time), np.array([0.6, 0.2, 0.2])
    best, borders = np.inf, (1, 2)
    for first in range(1, len(counts) - 1):
        for second in range(first + 1, len(counts)):
            one, two = shares[first - 1], shares[second - 1]
            found = np.array([one, two - one, 1 - two])
            apart = float((np.abs(found - wanted) / wanted).max())
            if apart < best:
                best, borders = apart, (first, second)
    train, test = days < borders[0], days >= borders[1]
    return train, ~train & ~test, test


def split_by_place(rows: int) -> tuple[NDArray[np.bool_], ...]:
    """Train, validation and test by the file's order, 60/20/20: convention (b), of the GFP papers.

    The file is not sorted by time, so rows to train on can be later than rows to score.
    """
    place = np.arange(rows)
    train, test = place < int(rows * 0.6), place >= int(rows * 0.8)
    return train, ~train & ~test, test
