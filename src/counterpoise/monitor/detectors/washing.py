"""Wash trading over the stream: the method of `wash`, run on the last week once an hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoise.core.digest import keccak
from counterpoise.monitor.alert import Edge, Entity, Finding, Severity
from counterpoise.monitor.blocks import NATIVE, Block
from counterpoise.monitor.detector import Context
from counterpoise.monitor.detectors.moves import Moves, moves_of
from counterpoise.monitor.detectors.tables import Recent
from counterpoise.monitor.memory import Table
from counterpoise.monitor.wash import HOUR, LARGEST, OCCURRENCES, WEEK, Trades, find_wash_trades

KEPT = 1 << 15
TRADERS = 1 << 16
PARTNERS = 32
"""Who trades with so many others makes a market, and is no party to a circle."""

SHOWN = 64
ENDS, RUN = -1, -2

Trade = tuple[bytes, bytes, bytes, int, int, bytes, int]
"""Buyer, seller, token, time, amount, transaction, and 1 once it was told."""


@dataclass(frozen=True, slots=True)
class Washing:
    """Finds sets of accounts whose trades among themselves left everybody where they were.

    Parameters
    ----------
    quotes :
        What is paid with; of any other token that is exchanged for them a trade is noted.
    occurrences :
        How often a set must have traded in circles within the week.
    """

    quotes: frozenset[bytes] = frozenset({NATIVE})
    occurrences: int = OCCURRENCES
    name: str = "wash"
    version: int = 1

    def inspect(self, block: Block, context: Context) -> Iterable[Finding]:
        """Note the trades; with the first of an hour, look through the week before."""
        moves = moves_of(block)
        if not moves.swaps:
            return
        table = context.memory.table("wash, trades")
        partners = Recent(context.memory, "wash, partners", TRADERS)
        trades = list(self._trades(moves, partners))
        if not trades:
            return
        newest, oldest, left = table.get(ENDS, (0, 0, 0))
        for trade in trades:
            table.put(newest, trade)
            newest += 1
        while oldest < newest and (
            newest - oldest > KEPT or block.time - table.get(oldest)[3] > WEEK
        ):
            left += block.time - table.get(oldest)[3] <= WEEK
            table.drop(oldest)
            oldest += 1
        table.put(ENDS, (newest, oldest, left))
        if block.time // HOUR > table.get(RUN, 0) and newest - oldest >= self.occurrences:
            table.put(RUN, block.time // HOUR)
            yield from self._found(table, oldest, newest, left)

    def _trades(self, moves: Moves, partners: Recent) -> Iterator[Trade]:
        """Exchanges as their seller sees them: a quote came in, another token went out."""
        for index, swaps in moves.swaps.items():
            for swap in swaps:
                quoted = swap.paid_token in self.quotes and swap.got_token not in self.quotes
                if not quoted or swap.taker == swap.pool:
                    continue
                busy = [_meet(partners, swap.taker, swap.pool)]
                busy.append(_meet(partners, swap.pool, swap.taker))
                if not any(busy):
                    digest = moves.transactions[index].hash
                    time = moves.block.time
                    yield swap.taker, swap.pool, swap.got_token, time, swap.got, digest, 0

    def _found(self, table: Table, oldest: int, newest: int, left: int) -> Iterator[Finding]:
        rows: list[Trade] = [table.get(at) for at in range(oldest, newest)]
        accounts = sorted({account for row in rows for account in row[:2]})
        wash = find_wash_trades(_columns(rows, accounts), occurrences=self.occurrences)
        groups: dict[tuple[int, ...], list[int]] = {}
        place = {account: number for number, account in enumerate(accounts)}
        for at in np.flatnonzero(wash.washed).tolist():
            if rows[at][6]:
                continue
            pair = {place[rows[at][0]], place[rows[at][1]]}
            members = next(members for members in wash.sets if pair <= set(members))
            groups.setdefault(members, []).append(at)
        for members in sorted(groups):
            for at in groups[members]:
                table.put(oldest + at, (*rows[at][:6], 1))
            chosen = [rows[at] for at in groups[members]]
            yield self._finding([accounts[number] for number in members], chosen, left)

    def _finding(self, members: list[bytes], trades: list[Trade], left: int) -> Finding:
        volume: dict[bytes, int] = {}
        for trade in trades:
            volume[trade[2]] = volume.get(trade[2], 0) + trade[4]
        token = max(volume, key=lambda token: (volume[token], token))
        return Finding(
            self.name,
            self.version,
            Severity.MEDIUM,
            900_000,
            tuple(dict.fromkeys(trade[5] for trade in trades[-SHOWN:])),
            tuple(Entity(member, "trader") for member in members[:SHOWN]),
            (
                f"{len(members)} accounts made {len(trades)} trades in circles, of {volume[token]} "
                f"of {token.hex()}, after which nobody's position had moved by more than 1 % of a "
                "trade",
            ),
            tuple(Edge(t[1], t[0], t[2], t[4], t[5]) for t in trades[-SHOWN:]),
            f"circle {keccak(b''.join(members)).hex()[:16]}",
            volume[token],
            token,
            limits=(f"{left} trades of the week left for lack of room",) if left else (),
        )


def _meet(partners: Recent, one: bytes, other: bytes) -> bool:
    """Note a partner; whether there are too many."""
    known: tuple[bytes, ...] = partners.get(one, ())
    if other not in known and len(known) < PARTNERS:
        known = (*known, other)
        partners.put(one, known)
    return len(known) >= PARTNERS


def _columns(rows: list[Trade], accounts: list[bytes]) -> Trades:
    """Accounts and tokens numbered, amounts of each token shifted to below 2**40."""
    tokens = sorted({row[2] for row in rows})
    largest = {token: max(row[4] for row in rows if row[2] == token) for token in tokens}
    bits = LARGEST.bit_length() - 1
    shift = {token: max(0, largest[token].bit_length() - bits) for token in tokens}
    number = {account: at for at, account in enumerate(accounts)}
    token_number = {token: at for at, token in enumerate(tokens)}
    columns: list[list[Any]] = [
        [number[row[0]] for row in rows],
        [number[row[1]] for row in rows],
        [token_number[row[2]] for row in rows],
        [row[3] for row in rows],
        [row[4] >> shift[row[2]] for row in rows],
    ]
    return Trades(*(np.array(column, np.int64) for column in columns))
