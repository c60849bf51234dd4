"""Reads whole blocks from the chain inside this process, call trees included."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from counterpoise.chain import Block as Head
from counterpoise.chain import Call, Chain
from counterpoise.monitor.blocks import Block, Entry, Transaction
from counterpoise.monitor.sources.frames import frame_of


@runtime_checkable
class Runs(Chain, Protocol):
    """A chain that gives its transactions and can run them again."""

    def transactions(self, number: int) -> list[Any]:
        """The transactions of a block, in order."""
        ...

    def call_trees(self, number: int) -> list[Call]:
        """What each of them did, call by call."""
        ...

    def decode(self, raw: bytes) -> Any:
        """Read a signed transaction."""
        ...


class LocalBlocks:
    """Whole blocks of the embedded chain."""

    def __init__(self, chain: Runs) -> None:
        self._chain, self.untraced = chain, 0

    def block(self, head: Head) -> Block | None:
        """The block of a head; None if it was replaced meanwhile."""
        mined = self._chain.transactions(head.number)
        trees = self._chain.call_trees(head.number) if mined else []
        if any(one.receipt.block_hash != head.hash for one in mined) or len(trees) != len(mined):
            return None
        made = [
            self._transaction(one, tree, head.base_fee)
            for one, tree in zip(mined, trees, strict=True)
        ]
        if self._chain.block(head.number).hash != head.hash:
            return None
        return Block(head.number, head.hash, head.parent, head.time, tuple(made))

    def _transaction(self, mined: Any, tree: Call, base_fee: int) -> Transaction:
        signed, receipt = self._chain.decode(mined.raw), mined.receipt
        price = min(signed.max_fee_per_gas, base_fee + signed.max_priority_fee_per_gas)
        return Transaction(
            hash=mined.tx_hash,
            index=mined.position,
            sender=mined.sender,
            to=bytes(signed.to) or None,
            value=int(signed.value),
            given=bytes(signed.data),
            succeeded=receipt.status == 1,
            entries=tuple(
                Entry(log.log_index, log.address, log.topics, log.data) for log in receipt.logs
            ),
            fee=int(price) * receipt.gas_used,
            created=receipt.contract,
            trace=frame_of(tree),
        )
