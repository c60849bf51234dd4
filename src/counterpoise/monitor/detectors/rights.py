"""Rights to take somebody's tokens, as events give and take them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from counterpoise.core.digest import keccak
from counterpoise.monitor.blocks import Entry

APPROVAL = keccak(b"Approval(address,address,uint256)")
FOR_ALL = keccak(b"ApprovalForAll(address,address,bool)")
PERMIT2_APPROVAL = keccak(b"Approval(address,address,address,uint160,uint48)")
PERMIT2_PERMIT = keccak(b"Permit(address,address,address,uint160,uint48,uint48)")


@dataclass(frozen=True, slots=True)
class Approval:
    """What an event lets a spender take; `amount` 0 takes the right back."""

    owner: bytes
    token: bytes
    spender: bytes
    amount: int


def approvals_of(entries: Iterable[Entry]) -> Iterator[Approval]:
    """The rights that a transaction's events give or take back, whatever granted them.

    ERC-20 ``Approval`` (so ``increaseAllowance`` and ``permit`` too), ``ApprovalForAll`` of
    ERC-721 and ERC-1155, and both events of Permit2, where the right is to the token that it names.
    """
    for entry in entries:
        topics, data = entry.topics, entry.data
        if len(topics) == 3 and topics[0] in (APPROVAL, FOR_ALL) and len(data) >= 32:
            amount = int.from_bytes(data[:32], "big")
            yield Approval(topics[1][12:], entry.address, topics[2][12:], amount)
        elif len(topics) == 4 and topics[0] in (PERMIT2_APPROVAL, PERMIT2_PERMIT):
            amount = int.from_bytes(data[:32], "big")
            yield Approval(topics[1][12:], topics[2][12:], topics[3][12:], amount)
        elif len(topics) == 4 and topics[0] == APPROVAL and not data:
            yield Approval(topics[1][12:], entry.address, topics[2][12:], int(any(topics[2])))
