"""Trades of IDEX and EtherDelta (Zenodo 4540223), labelled as Victor and Weintraud (2021) do.

Their pipeline reckons amounts in floats, this one in integers: a trade on the very edge of the one
per cent margin may be labelled differently. Where the folder has the pipeline's own labels the
share of equal ones is printed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError
from counterpoise.monitor.datasets.report import (
    Figure,
    Progress,
    Report,
    file_in,
    number,
    rows_of,
    silent,
)
from counterpoise.monitor.wash import LARGEST, Trades, find_wash_trades

ETHER = "0x" + 40 * "0"
ETHERDELTA = (
    "transaction_hash",
    "block_number",
    "timestamp",
    "tokenGet",
    "amountGet",
    "tokenGive",
    "amountGive",
    "get",
    "give",
)
IDEX = (
    "transaction_hash",
    "status",
    "block_number",
    "gas",
    "gas_price",
    "timestamp",
    "amountBuy",
    "amountSell",
    "expires",
    "nonce",
    "amount",
    "tradeNonce",
    "feeMake",
    "feeTake",
    "tokenBuy",
    "tokenSell",
    "maker",
    "taker",
)
LABELS = "labels.csv"
"""Optional: ``exchange,transactionHash`` of each trade that the authors' pipeline labelled."""

EVERY = 100_000


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of a token against Ether; amounts in base units."""

    transaction: str
    time: int
    buyer: str
    seller: str
    token: str
    amount: int
    ether: int


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One exchange's trades in order of time, and how many rows were passed over.

    Parameters
    ----------
    ether :
        Of each trade in wei, as floats: for sums in dollars only.
    passed :
        Rows that failed, are incomplete, or are of two tokens.
    """

    trades: Trades
    transactions: tuple[str, ...]
    ether: NDArray[np.float64]
    passed: int


def measure(path: Path, *, seeds: int = 1, on_step: Progress = silent) -> Report:
    """Label both exchanges' trades; nothing is drawn, so `seeds` changes nothing."""
    prices, figures = _prices(file_in(path, "EtherDollarPrice.csv")), []
    counts: dict[str, int] = {}
    total, reference = 0.0, _reference(path / LABELS)
    for exchange, read in (("IDEX", read_idex), ("EtherDelta", read_etherdelta)):
        market = load_market(file_in(path, f"{exchange}Trades.csv"), read, on_step)
        labels = find_wash_trades(market.trades).labels
        dollars = market.ether / 1e18 * _dollars(market.trades.time, prices)
        tokens = len(set(market.trades.token.tolist()))
        touched = len(set(market.trades.token[labels].tolist()))
        total += float(dollars[labels].sum())
        counts |= {f"{exchange} trades": len(labels), f"{exchange} passed over": market.passed}
        figures += [
            Figure(f"{exchange}: share of trades", (float(labels.mean()) if len(labels) else 0.0,)),
            Figure(f"{exchange}: share of tokens", (touched / max(1, tokens),), "> .30 (paper)"),
            Figure(f"{exchange}: USD", (float(dollars[labels].sum()),)),
        ]
        if exchange in reference:
            known = np.array([one in reference[exchange] for one in market.transactions])
            figures.append(Figure(f"{exchange}: labels equal", (float((known == labels).mean()),)))
    figures.append(Figure("both: USD", (total,), "$159M (paper)"))
    notes = (
        "published row counts are not known here: nothing is checked against them",
        "the authors' pipeline takes about 2 h for IDEX and 15 min for EtherDelta (their machine)",
    )
    return Report("washtrades", counts, tuple(figures), notes)


Read = Callable[[Path], Iterator[Trade | None]]


def load_market(path: Path, read: Read, on_step: Progress = silent) -> Market:
    """One exchange's file, sorted by time; each token scaled so that amounts fit."""
    found: list[Trade] = []
    passed = 0
    for place, trade in enumerate(read(path)):
        if trade is None:
            passed += 1
        else:
            found.append(trade)
        if place % EVERY == 0:
            on_step(path.name, place, 0)
    found.sort(key=lambda trade: trade.time)
    accounts: dict[str, int] = {}
    tokens: dict[str, int] = {}
    most: dict[str, int] = {}
    for trade in found:
        most[trade.token] = max(most.get(trade.token, 0), trade.amount)
    shift = {token: max(0, amount.bit_length() - 40) for token, amount in most.items()}
    rows = [
        (
            accounts.setdefault(trade.buyer, len(accounts)),
            accounts.setdefault(trade.seller, len(accounts)),
            tokens.setdefault(trade.token, len(tokens)),
            trade.time,
            min(trade.amount >> shift[trade.token], LARGEST - 1),
        )
        for trade in found
    ]
    columns = np.array(rows, np.int64).reshape(len(rows), 5).T
    hashes = tuple(trade.transaction for trade in found)
    ether = np.array([float(trade.ether) for trade in found])
    return Market(Trades(*np.ascontiguousarray(columns)), hashes, ether, passed)


def read_etherdelta(path: Path) -> Iterator[Trade | None]:
    """EtherDelta's rows; None for one that is passed over."""
    for line, row in rows_of(path, ETHERDELTA):
        if "" in row:
            yield None
            continue
        hash_, _, time, bought, got, sold, gave, maker, taker = row
        when = int(number(time, path, line))
        sides = (_whole(got, path, line), _whole(gave, path, line))
        yield _trade(hash_, when, (bought, sold), sides, (maker, taker))


def read_idex(path: Path) -> Iterator[Trade | None]:
    """IDEX's rows; None for one that failed, is incomplete, or is passed over otherwise."""
    for line, row in rows_of(path, IDEX):
        named = dict(zip(IDEX, row, strict=True))
        if "" in row or number(named["status"], path, line) != 1:
            yield None
            continue
        amounts = [
            _whole(named[name], path, line) for name in ("amountBuy", "amountSell", "amount")
        ]
        buy, sell, got = amounts
        gave = got * sell // buy if buy else 0
        when = int(number(named["timestamp"], path, line))
        tokens, ends = (named["tokenBuy"], named["tokenSell"]), (named["maker"], named["taker"])
        yield _trade(named["transaction_hash"], when, tokens, (got, gave), ends)


def _trade(
    hash_: str,
    time: int,
    tokens: tuple[str, str],
    amounts: tuple[int, int],
    ends: tuple[str, str],
) -> Trade | None:
    """The maker buys the first token and sells the second; None unless one of them is Ether."""
    (bought, sold), (got, gave), (maker, taker) = tokens, amounts, ends
    if (bought == ETHER) == (sold == ETHER):
        return None
    if bought == ETHER:
        return Trade(hash_, time, taker, maker, sold, gave, got)
    return Trade(hash_, time, maker, taker, bought, got, gave)


def _whole(text: str, path: Path, line: int) -> int:
    """An amount of base units; up to 55 digits, some written as 1e+21."""
    try:
        return int(text)
    except ValueError:
        return int(number(text, path, line))


def _prices(path: Path) -> tuple[list[int], list[float]]:
    found: list[tuple[int, float]] = []
    for line, row in rows_of(path):
        if line > 1:
            found.append((int(number(row[1], path, line)), number(row[2], path, line)))
    if not found:
        raise InputError(f"{path} has no prices")
    found.sort()
    times, dollars = zip(*found, strict=True)
    return list(times), list(dollars)


def _dollars(time: NDArray[np.int64], prices: tuple[list[int], list[float]]) -> NDArray[np.float64]:
    times, dollars = prices
    places = [max(0, bisect_right(times, one) - 1) for one in time.tolist()]
    return np.array([dollars[place] for place in places], float)


def _reference(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    if path.is_file():
        for _, (exchange, hash_) in rows_of(path, ("exchange", "transactionHash")):
            found.setdefault(exchange, set()).add(hash_)
    return found
