"""Who has lately paid whom: what a screen needs to know a look-alike and a neighbour by."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from counterpoise.monitor.blocks import Block, transfers_of

PAID, NEIGHBOURS = 64, 256
ENDS = 2
"""Bytes at either end of an address that people compare: four hex digits."""


class _Known:
    """One account's counterparties, newest last."""

    __slots__ = ("is_hub", "neighbours", "paid")

    def __init__(self) -> None:
        self.paid: OrderedDict[bytes, None] = OrderedDict()
        self.neighbours: OrderedDict[bytes, None] = OrderedDict()
        self.is_hub = False


class Contacts:
    """Recent counterparties of recent accounts, bounded in both.

    It is a convenience of one screen and no evidence: rebuilt from recent blocks, not journalled.

    Parameters
    ----------
    accounts :
        How many accounts are kept; the longest idle goes first.

    Examples
    --------
    >>> contacts = Contacts()
    >>> contacts.pay(b"a" * 20, b"b" * 20)
    >>> contacts.paid(b"a" * 20) == (b"b" * 20,)
    True
    """

    def __init__(self, accounts: int = 100_000) -> None:
        self._most = accounts
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def observe(self, block: Block) -> None:
        """Take the payments of a block in; what moved nothing is a trap, and no acquaintance."""
        for transfer in transfers_of(block):
            if transfer.amount and transfer.src != transfer.dst:
                sender = block.transactions[transfer.transaction].sender
                self.pay(transfer.src, transfer.dst, by_itself=sender == transfer.src)

    def pay(self, src: bytes, dst: bytes, *, by_itself: bool = True) -> None:
        """Note a payment; `by_itself` if the payer signed it."""
        for account, other in ((src, dst), (dst, src)):
            known = self._account(account)
            if account == src and by_itself:
                _put(known.paid, other, PAID)
            if not known.is_hub:
                _put(known.neighbours, other, NEIGHBOURS + 1)
                if len(known.neighbours) > NEIGHBOURS:
                    known.is_hub = True
                    known.neighbours.clear()

    def paid(self, account: bytes) -> tuple[bytes, ...]:
        """Whom an account has paid itself of late, oldest first, at most `PAID`."""
        known = self._known.get(account)
        return tuple(known.paid) if known else ()

    def neighbours(self, account: bytes) -> tuple[bytes, ...]:
        """With whom an account has dealt; none for a hub, through which everybody knows all."""
        known = self._known.get(account)
        return tuple(known.neighbours) if known else ()

    def within(self, account: bytes, hops: int, most: int) -> Iterator[tuple[bytes, int]]:
        """Give accounts within some hops, nearest first, each once, at most `most` of them."""
        seen, edge = {account}, [account]
        for hop in range(1, hops + 1):
            beyond: list[bytes] = []
            for one in edge:
                for other in self.neighbours(one):
                    if other not in seen:
                        if len(seen) > most:
                            return
                        seen.add(other)
                        beyond.append(other)
                        yield other, hop
            edge = beyond

    def looked_like(self, account: bytes, other: bytes) -> bytes | None:
        """The contact of `account` that `other` could be mistaken for; None if there is none."""
        paid = self.paid(account)
        return None if other in paid else next((one for one in paid if alike(one, other)), None)

    def _account(self, account: bytes) -> _Known:
        known = self._known.get(account)
        if known is None:
            known = self._known[account] = _Known()
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        self._known.move_to_end(account)
        return known


def alike(one: bytes, other: bytes) -> bool:
    """Whether two addresses differ, and not where people look: at both ends."""
    return one != other and one[:ENDS] == other[:ENDS] and one[-ENDS:] == other[-ENDS:]


def _put(held: OrderedDict[bytes, None], other: bytes, most: int) -> None:
    held[other] = None
    held.move_to_end(other)
    if len(held) > most:
        held.popitem(last=False)
