"""A block's movements of value by transaction, and the exchanges among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from counterpoise.monitor.alert import Edge, Finding
from counterpoise.monitor.blocks import Block, Transaction, Transfer, transfers_of


@dataclass(frozen=True, slots=True)
class Swap:
    """One exchange at one account: it took `paid` of one token and gave `got` of another.

    Which of both sides is the market does not show in a single exchange: each exchange is listed
    twice, once at either side. Rules tell them apart by who meets whom again.

    Parameters
    ----------
    transaction :
        Index of the transaction.
    pool :
        The account at which it happened.
    payer, taker :
        Where the payment came from and where the other token went.
    """

    transaction: int
    pool: bytes
    paid_token: bytes
    paid: int
    got_token: bytes
    got: int
    payer: bytes
    taker: bytes


@dataclass(frozen=True, slots=True)
class Moves:
    """What moved in a block.

    Parameters
    ----------
    transactions :
        By index.
    transfers :
        Of all tokens, known or not, by index of the transaction, in order; nothing, zero amounts
        included, is left out.
    swaps :
        By index of the transaction, in order; only transactions that have any.
    """

    block: Block
    transactions: dict[int, Transaction]
    transfers: dict[int, tuple[Transfer, ...]]
    swaps: dict[int, tuple[Swap, ...]]


_last: list[Moves] = []


def moves_of(block: Block) -> Moves:
    """Read a block; whichever detector asks first does it for all."""
    if _last and _last[0].block is block:
        return _last[0]
    grouped: dict[int, list[Transfer]] = {}
    for transfer in transfers_of(block):
        grouped.setdefault(transfer.transaction, []).append(transfer)
    swaps = {index: tuple(swaps_of(moved)) for index, moved in grouped.items() if len(moved) > 1}
    moves = Moves(
        block,
        {transaction.index: transaction for transaction in block.transactions},
        {index: tuple(moved) for index, moved in grouped.items()},
        {index: found for index, found in swaps.items() if found},
    )
    _last[:] = [moves]
    return moves


def swaps_of(transfers: Sequence[Transfer]) -> Iterator[Swap]:
    """Find the exchanges among one transaction's transfers.

    At each account what comes and goes is summed up until exactly two tokens stand against each
    other: that is an exchange, and the sums begin anew. Two tokens in, or two out, are a deposit or
    a withdrawal, and begin anew as well. It is enough for pools that pay first and are paid later,
    and for fees that go out afterwards.
    """
    if len({transfer.token for transfer in transfers}) < 2:
        return
    open_at: dict[bytes, dict[bytes, _Sum]] = {}
    for transfer in transfers:
        if not transfer.amount or transfer.src == transfer.dst:
            continue
        for account in (transfer.src, transfer.dst):
            sums = open_at.setdefault(account, {})
            known = sums.setdefault(transfer.token, _Sum(transfer))
            known.add(transfer, 1 if account == transfer.dst else -1)
            if not known.net:
                del sums[transfer.token]
            elif len(sums) > 1:
                one, other = sums.values()
                sums.clear()
                if one.net > 0 > other.net:
                    yield _swap(account, one, other)
                elif other.net > 0 > one.net:
                    yield _swap(account, other, one)


class _Sum:
    """What came to an account of one token and was not answered yet, less what went."""

    __slots__ = ("largest", "net")

    def __init__(self, first: Transfer) -> None:
        self.net, self.largest = 0, first

    def add(self, transfer: Transfer, sign: int) -> None:
        """Count a transfer; the largest tells whom the exchange is with."""
        self.net += sign * transfer.amount
        if transfer.amount > self.largest.amount:
            self.largest = transfer


def _swap(account: bytes, came: _Sum, went: _Sum) -> Swap:
    paid, got = came.largest, went.largest
    return Swap(
        paid.transaction,
        account,
        paid.token,
        came.net,
        got.token,
        -went.net,
        paid.src,
        got.dst,
    )


def nets_of(accounts: frozenset[bytes], transfers: Iterable[Transfer]) -> dict[bytes, int]:
    """What accounts gained together, by token; what moved among them does not count."""
    nets: dict[bytes, int] = {}
    for transfer in transfers:
        gain = (transfer.dst in accounts) - (transfer.src in accounts)
        if gain:
            nets[transfer.token] = nets.get(transfer.token, 0) + gain * transfer.amount
    return nets


def edge_of(transfer: Transfer, moves: Moves) -> Edge:
    """A transfer as a part of a picture."""
    digest = moves.transactions[transfer.transaction].hash
    return Edge(transfer.src, transfer.dst, transfer.token, transfer.amount, digest)


def one_each(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Only the gravest finding for a set of transactions: an alert's id is of that set."""
    chosen: dict[frozenset[bytes], Finding] = {}
    for finding in findings:
        key = frozenset(finding.transactions)
        known = chosen.get(key)
        if known is None or finding.severity > known.severity:
            chosen[key] = finding
    yield from chosen.values()
