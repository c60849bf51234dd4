"""Money that goes round: from an agent to its client, before or after the client paid.

A seller who rates itself through others must give them the money, or get it back to them. Both
are seen in the token's transfers: what a payer had from the payee within a few hops before it
paid, and what reaches it from the payee within as many hops after.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from counterpoise.chain import Contract, Event
from counterpoise.core.units import Address
from counterpoise.identity.receipts import Paid

Step = tuple[int, Address, int]
"""The rank of a move in the order of time, the account at its other end, and its amount."""
Steps = Mapping[Address, Sequence[Step]]


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
    return list(read_moves(token.events("Transfer", from_block), hubs))


def read_moves(transfers: Iterable[Event], hubs: Collection[Address] = ()) -> Iterator[Move]:
    """Read transfers as moves of money, without minting, burning and what goes through hubs."""
    silent = {bytes(20), *hubs}
    for event in transfers:
        sender, receiver, amount = (event.args[key] for key in ("sender", "receiver", "amount"))
        if amount and sender != receiver and not silent & {sender, receiver}:
            yield Move(event.block_number, event.log_index, sender, receiver, amount)


class Flows:
    """Moves of money, ordered and indexed for many questions.

    Parameters
    ----------
    moves :
        Transfers, and payments through escrow, in any order.
    """

    def __init__(self, moves: Iterable[Move]) -> None:
        ordered = sorted(moves, key=lambda move: (move.block, move.log_index))
        self.places = [(move.block, move.log_index) for move in ordered]
        self.leaving: dict[Address, list[Step]] = defaultdict(list)
        self.arriving: dict[Address, list[Step]] = defaultdict(list)
        for rank, move in enumerate(ordered):
            self.leaving[move.sender].append((rank, move.receiver, move.amount))
        for rank, move in enumerate(reversed(ordered)):
            self.arriving[move.receiver].append((rank, move.sender, move.amount))

    def returned(self, paid: Sequence[Paid], hops: int) -> int:
        """Give how much of what one client paid went round; see `returned`."""
        if not paid:
            return 0
        payer, payees, size = paid[0].payer, {one.payee for one in paid}, len(self.places)
        since = [bisect_right(self.places, (one.block, one.log_index)) for one in paid]
        until = [bisect_left(self.places, (one.block, one.log_index)) for one in paid]
        later = [(rank, one.payee, one.amount) for rank, one in zip(since, paid, strict=True)]
        earlier = [(size - rank, payer, one.amount) for rank, one in zip(until, paid, strict=True)]
        after = _reaching(later, self.leaving, self.arriving, {payer}, hops)
        before = _reaching(earlier, self.arriving, self.leaving, payees, hops)
        return min(after + before, sum(one.amount for one in paid))


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
    return Flows(moves).returned(paid, hops)


def _reaching(
    starts: Iterable[Step], leaving: Steps, arriving: Steps, ends: set[Address], hops: int
) -> int:
    """Give how much of the money that starts somewhere reaches one of the ends, in time's order.

    Parameters
    ----------
    starts :
        From which rank on an account holds how much.
    leaving, arriving :
        The steps from each account, and those to it.
    """
    trail = _Trail(leaving, _distances(ends, arriving, hops), hops)
    waiting = sorted((one for one in starts if one[1] in trail.far), reverse=True)
    reached = 0
    while trail.due or waiting:
        if waiting and (not trail.due or waiting[-1][0] <= trail.due[0][0]):
            since, account, amount = waiting.pop()
            trail.hold(account, 0, amount, since)
        else:
            reached += trail.follow(ends)
    return reached


class _Trail:
    """Who holds tainted money after how many steps, and the next step of each.

    Only accounts from which an end can still be reached are looked at, and of those only the
    moves that they make while they hold such money.
    """

    def __init__(self, leaving: Steps, far: Mapping[Address, int], hops: int) -> None:
        self.far, self.due = far, list[tuple[int, Address, int]]()
        self._leaving, self._hops = leaving, hops
        self._held: dict[Address, list[int]] = {}

    def hold(self, account: Address, made: int, amount: int, since: int) -> None:
        """Let an account hold money that has made some steps, from a rank on."""
        if account not in self.far or made + self.far[account] > self._hops:
            return
        if account not in self._held:
            self._held[account] = [0] * self._hops
            self._schedule(account, since)
        self._held[account][made] += amount

    def follow(self, ends: Collection[Address]) -> int:
        """Take the next step of all; gives how much reached an end by it."""
        rank, account, at = heappop(self.due)
        _, receiver, left = self._leaving[account][at]
        held, reached = self._held[account], 0
        for made, tainted in enumerate(held):
            part = min(left, tainted)
            if not part:
                continue
            held[made] -= part
            left -= part
            if receiver in ends:
                reached += part
            else:
                self.hold(receiver, made + 1, part, rank + 1)
        if any(held):
            self._schedule(account, rank + 1)
        else:
            del self._held[account]
        return reached

    def _schedule(self, account: Address, since: int) -> None:
        steps = self._leaving.get(account, ())
        at = bisect_left(steps, (since,))
        if at < len(steps):
            heappush(self.due, (steps[at][0], account, at))


def _distances(ends: Iterable[Address], arriving: Steps, hops: int) -> dict[Address, int]:
    """Give the accounts from which an end can be reached in at most `hops` steps, and how many."""
    found = dict.fromkeys(ends, 0)
    frontier = set(found)
    for distance in range(1, hops + 1):
        senders = {sender for account in frontier for _, sender, _ in arriving.get(account, ())}
        frontier = senders - set(found)
        found |= dict.fromkeys(frontier, distance)
    return found
