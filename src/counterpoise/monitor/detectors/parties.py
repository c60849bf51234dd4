"""Who acts together at a market within a block: accounts, the contracts they use, and purses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counterpoise.monitor.blocks import Transfer
from counterpoise.monitor.detectors.moves import Moves, Swap


def parties_at(swaps: Sequence[Swap], moves: Moves) -> dict[Swap, int]:
    """Give the party of each exchange at one market.

    Joined are exchanges of one sender, of one purse, and those that passed the goods on. A purse is
    the contract that the sender called if itself both paid and was paid, or another account that
    only paid or was only paid in that transaction. A router that turns the coin into a token for
    everybody does one of both; a market on the way of a longer exchange is none either: it pays
    and is paid. Goods passed on join two accounts only if at least half of what was bought went
    over, so that dust sent to a victim joins nobody.
    """
    purses = {swap: frozenset(_purses(swap, moves)) for swap in swaps}
    lead: dict[bytes, bytes] = {}

    def find(account: bytes) -> bytes:
        lead.setdefault(account, account)
        while lead[account] != account:
            account = lead[account]
        return account

    def join(one: bytes, other: bytes) -> None:
        first, second = sorted((find(one), find(other)))
        lead[second] = first

    held: dict[tuple[bytes, bytes], int] = {}
    for swap in swaps:
        sender = moves.transactions[swap.transaction].sender
        for purse in purses[swap]:
            join(sender, purse)
            key = (purse, swap.got_token)
            held[key] = held.get(key, 0) + swap.got
    for transfer in _passed_on(swaps, moves):
        if 2 * transfer.amount >= held.get((transfer.src, transfer.token), 2 * transfer.amount + 1):
            join(transfer.src, transfer.dst)
    leads = {swap: find(moves.transactions[swap.transaction].sender) for swap in swaps}
    numbers = {account: number for number, account in enumerate(sorted(set(leads.values())))}
    return {swap: numbers[account] for swap, account in leads.items()}


def _purses(swap: Swap, moves: Moves) -> Iterator[bytes]:
    transaction = moves.transactions[swap.transaction]
    moved = moves.transfers[swap.transaction]
    yield transaction.sender
    if swap.payer == swap.taker == transaction.to:
        yield swap.payer
    for account in {swap.payer, swap.taker} - {transaction.to}:
        pays = any(t.src == account and t.amount for t in moved)
        is_paid = any(t.dst == account and t.amount for t in moved)
        if not (pays and is_paid):
            yield account


def _passed_on(swaps: Sequence[Swap], moves: Moves) -> Iterator[Transfer]:
    """Transfers of the market's tokens that are no part of an exchange at it."""
    pool, tokens = swaps[0].pool, {swaps[0].paid_token, swaps[0].got_token}
    first, last = swaps[0].transaction, swaps[-1].transaction
    for index in range(first, last + 1):
        for transfer in moves.transfers.get(index, ()):
            if transfer.token in tokens and pool not in (transfer.src, transfer.dst):
                yield transfer
