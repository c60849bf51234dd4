"""Money that goes round: from an agent to its client, before or after the client paid.

A seller who rates itself through others must give them the money, or get it back to them. Both
are seen in the token's transfers: what a payer had from the payee within a few hops before it
paid, and what reaches it from the payee within as many hops after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from counterpoise.chain import Contract
from counterpoise.core.units import Address
from counterpoise.identity.receipts import Paid

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer of the token: a block and a place in it, from whom, to whom, base units."""

    block: int
    log_index: int
    sender: Address
    receiver: Address
    amount: int


def moves_of(token: Contract, hubs: Collection[Address] = (), from_block: int = 0) -> list[Move]:
    """Fetch a token's transfers from the log, in order.

    Parameters
    ----------
    token :
        An ERC-20 whose ``Transfer`` has the fields of ``CreditToken``.
    hubs :
        Accounts that mix the money of many, such as escrows: what goes through them is left out,
        for it says nothing of who paid whom. Minting and burning are left out as well.
    """
    silent = {bytes(20), *hubs}
    found = []
    for event in token.events("Transfer", from_block):
        sender, receiver, amount = (event.args[key] for key in ("sender", "receiver", "amount"))
        if amount and sender != receiver and not silent & {sender, receiver}:
            found.append(Move(event.block_number, event.log_index, sender, receiver, amount))
    return found


def returned(paid: Sequence[Paid], moves: Iterable[Move], hops: int) -> int:
    """Give how much of what one client paid went round within some hops, in base units.

    Taint first: an account that got tainted money is held to pass that on before its own. So
    splitting a return into many small ones hides nothing, and nobody is held for more than it
    paid.

    Parameters
    ----------
    paid :
        The payments of one client to one agent.
    moves :
        Transfers, and payments through escrow, in any order.
    hops :
        How many accounts the money may pass, the last step included; at least 1.

    >>> paid = [Paid("a", b"client", b"seller", 10, 1, 0)]
    >>> there = [Move(2, 0, b"seller", b"friend", 9), Move(3, 0, b"friend", b"client", 4)]
    >>> returned(paid, there, hops=2), returned(paid, there, hops=1)
    (4, 0)
    """
    if not paid:
        return 0
    ordered = sorted(moves, key=lambda move: (move.block, move.log_index))
    payer, payees = paid[0].payer, {one.payee for one in paid}
    starts = [(one.block, one.log_index, one.payee, one.amount) for one in paid]
    after = _reaching(starts, ordered, {payer}, hops)
    mirrored = [Move(-m.block, -m.log_index, m.receiver, m.sender, m.amount) for m in ordered[::-1]]
    starts = [(-one.block, -one.log_index, payer, one.amount) for one in paid[::-1]]
    before = _reaching(starts, mirrored, payees, hops)
    return min(after + before, sum(one.amount for one in paid))


def _reaching(
    starts: Iterable[tuple[int, int, Address, int]],
    moves: Iterable[Move],
    ends: Collection[Address],
    hops: int,
) -> int:
    """Give how much of the money that starts somewhere reaches one of the ends, in time's order."""
    waiting = sorted(starts, key=lambda start: start[:2])
    held: dict[Address, list[int]] = defaultdict(lambda: [0] * hops)  # by hops already made
    reached = 0
    for move in moves:
        while waiting and waiting[0][:2] < (move.block, move.log_index):
            _, _, account, amount = waiting.pop(0)
            held[account][0] += amount
        if move.sender not in held:
            continue
        left = move.amount
        for made, tainted in enumerate(held[move.sender]):
            part = min(left, tainted)
            held[move.sender][made] -= part
            left -= part
            if move.receiver in ends:
                reached += part
            elif part and made + 1 < hops:
                held[move.receiver][made + 1] += part
    return reached
