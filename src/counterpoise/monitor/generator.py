"""A seeded stream of transfers: ordinary traffic, eight laundering typologies, benign look-alikes.

Real labelled transaction graphs cannot be shipped, so tests and training draw from this one. Its
scores say how one detector compares with another on the same stream; they say nothing about
published data sets and are never printed beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoise.monitor.typologies import (
    LOOK_ALIKE_RULES,
    TYPOLOGY_RULES,
    Accounts,
    Draw,
    Rule,
)

DAY = 86_400
CONTACTS = 8
BASE_UNITS = 10**6  # of one token, in which amounts are written
BACKGROUND, LOOK_ALIKE = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Transfers in order of time.

    Parameters
    ----------
    src, dst :
        ``(rows,)`` int32, account numbers.
    time :
        ``(rows,)`` int64, seconds from the start.
    amount :
        ``(rows,)`` int64, base units (10**6 a token).
    label :
        ``(rows,)`` bool, true for a row of a laundering scheme.
    scheme :
        ``(rows,)`` int32: the scheme's number, -1 background, -2 look-alike.
    typology :
        ``(rows,)`` int8: index into `TYPOLOGIES`, -1 where there is none.
    """

    src: NDArray[np.int32]
    dst: NDArray[np.int32]
    time: NDArray[np.int64]
    amount: NDArray[np.int64]
    label: NDArray[np.bool_]
    scheme: NDArray[np.int32]
    typology: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.src)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much of what is generated.

    Parameters
    ----------
    rows :
        About how many transfers; self-transfers that come up are dropped.
    accounts :
        How many accounts there are.
    days :
        Length of the stream.
    illicit :
        One row in so many belongs to a scheme.
    look_alikes :
        One row in so many belongs to a benign look-alike.
    sizes :
        Least and greatest k of a scheme, inclusive.
    log_amount, amount_spread :
        Mean and deviation of the logarithm of a scheme's amount, in tokens.
    """

    rows: int = 1_000_000
    accounts: int = 103_000
    days: int = 10
    illicit: int = 1_000
    look_alikes: int = 50
    sizes: tuple[int, int] = (2, 16)
    log_amount: float = 8.0
    amount_spread: float = 1.0


class Generator:
    """One population of accounts and the streams it can make."""

    def __init__(self, seed: int, traffic: Traffic | None = None) -> None:
        self.traffic = traffic = traffic or Traffic()
        self.draw: Draw = np.random.default_rng(seed)
        count = traffic.accounts
        activity = self.draw.lognormal(0, 1.6, count)
        hubs = self.draw.choice(count, max(1, count // 500), replace=False)
        activity[hubs] *= 200
        popularity = activity * self.draw.lognormal(0, 0.7, count)
        self._senders = _cumulative(activity)
        self._popular = _cumulative(popularity)
        self._contacts = self._choose(self._popular, (count, CONTACTS))
        self._typical = self.draw.lognormal(5.5, 1.2, count)

    def stream(self) -> Stream:
        """Draw the whole stream, sorted by time; rows of equal time keep their order."""
        traffic = self.traffic
        illicit = traffic.rows // traffic.illicit
        alike = traffic.rows // traffic.look_alikes
        parts = [self._background(traffic.rows - illicit - alike)]
        parts += self._schemes(illicit, self._uniform, TYPOLOGY_RULES, benign=False)
        parts += self._schemes(alike, self._by_popularity, LOOK_ALIKE_RULES, benign=True)
        return _sorted(parts)

    def _background(self, rows: int) -> Stream:
        draw = self.draw
        src = self._choose(self._senders, rows)
        rank = np.minimum(draw.geometric(0.35, rows) - 1, CONTACTS - 1)
        known = self._contacts[src, rank]
        dst = np.where(draw.random(rows) < 0.65, known, self._choose(self._popular, rows))
        hour = np.clip(draw.normal(14, 4.5, rows), 0, 23.999)
        day = draw.integers(0, self.traffic.days, rows)
        time = (day * DAY + hour * 3600).astype(np.int64)
        amount = self._typical[src] * draw.lognormal(0, 0.9, rows)
        return _stream(src, dst, time, amount, label=False, scheme=BACKGROUND, typology=-1)

    def _schemes(
        self,
        rows: int,
        accounts: Accounts,
        rules: tuple[Rule, ...],
        *,
        benign: bool,
    ) -> list[Stream]:
        """Schemes in rotation until there are enough rows; the last may be cut short."""
        draw, traffic = self.draw, self.traffic
        centre, spread = (7.6, 1.2) if benign else (traffic.log_amount, traffic.amount_spread)
        made, number, parts = 0, 0, []
        while made < rows:
            start = draw.uniform(0, 0.93 * traffic.days * DAY)
            span = draw.uniform(0.5, 5) * DAY
            size = int(draw.integers(traffic.sizes[0], traffic.sizes[1] + 1))
            amount = draw.lognormal(centre, spread)
            legs = rules[number % len(rules)](draw, accounts, size)[: rows - made]
            src, dst, place, share = (np.array(column) for column in zip(*legs, strict=True))
            time = np.minimum(start + place * span, traffic.days * DAY - 1).astype(np.int64)
            jitter = draw.lognormal(0, 0.15, len(legs))
            kind = -1 if benign else number % len(rules)
            scheme = LOOK_ALIKE if benign else number
            value = amount * share * jitter
            parts.append(
                _stream(src, dst, time, value, label=not benign, scheme=scheme, typology=kind)
            )
            made, number = made + len(legs), number + 1
        return parts

    def _choose(
        self, cumulative: NDArray[np.float64], shape: int | tuple[int, ...]
    ) -> NDArray[np.int32]:
        return np.searchsorted(cumulative, self.draw.random(shape)).astype(np.int32)

    def _uniform(self, count: int) -> NDArray[np.int32]:
        return self.draw.choice(self.traffic.accounts, count, replace=False).astype(np.int32)

    def _by_popularity(self, count: int) -> NDArray[np.int32]:
        return self._choose(self._popular, count)


def _cumulative(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.cumsum(weights)
    found: NDArray[np.float64] = total / total[-1]
    return found


def _stream(
    src: Any, dst: Any, time: Any, amount: Any, *, label: bool, scheme: int, typology: int
) -> Stream:
    rows = len(src)
    units = np.maximum(1, np.rint(np.asarray(amount) * BASE_UNITS)).astype(np.int64)
    return Stream(
        np.asarray(src, dtype=np.int32),
        np.asarray(dst, dtype=np.int32),
        np.asarray(time, dtype=np.int64),
        units,
        np.full(rows, label),
        np.full(rows, scheme, dtype=np.int32),
        np.full(rows, typology, dtype=np.int8),
    )


def _sorted(parts: list[Stream]) -> Stream:
    names = Stream.__slots__
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.argsort(columns["time"], kind="stable")
    order = order[columns["src"][order] != columns["dst"][order]]
    return Stream(**{name: column[order] for name, column in columns.items()})
