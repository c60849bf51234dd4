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
    open_at: dict[bytes, dict[bytes, list[Transfer]]] = {}
    for transfer in transfers:
        if not transfer.amount or transfer.src == transfer.dst:
            continue
        for account in (transfer.src, transfer.dst):
            sums = open_at.setdefault(account, {})
            sums.setdefault(transfer.token, []).append(transfer)
            found = _exchange(account, sums)
            if found is not None:
                sums.clear()
                if found.paid:
                    yield found


NO_SWAP = Swap(0, b"", b"", 0, b"", 0, b"", b"")


def _exchange(account: bytes, sums: dict[bytes, list[Transfer]]) -> Swap | None:
    """The exchange that is complete, `NO_SWAP` for a deposit or withdrawal, None for neither."""
    if len(sums) < 2:
        return None
    nets = {token: net_of(account, moved) for token, moved in sums.items()}
    ins = [token for token, net in nets.items() if net > 0]
    outs = [token for token, net in nets.items() if net < 0]
    if len(ins) == len(outs) == 1:
        paid, got = ins[0], outs[0]
        payer = max((t for t in sums[paid] if t.dst == account), key=lambda t: t.amount)
        taker = max((t for t in sums[got] if t.src == account), key=lambda t: t.amount)
        index = payer.transaction
        return Swap(index, account, paid, nets[paid], got, -nets[got], payer.src, taker.dst)
    return NO_SWAP if len(ins) > 1 or len(outs) > 1 else None


def net_of(account: bytes, transfers: Iterable[Transfer]) -> int:
    """What an account gained in transfers of one token; negative for a loss."""
    return sum(
        transfer.amount * ((transfer.dst == account) - (transfer.src == account))
        for transfer in transfers
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
