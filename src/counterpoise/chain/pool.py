"""Transactions that wait for a block: one queue per sender, in order of nonce."""

from collections.abc import Callable, Iterator
from typing import Any

from counterpoise.core.errors import ChainError

Signed = Any
MAX_PENDING = 10_000


class Pool:
    """Pending transactions by sender and nonce.

    A transaction whose nonce leaves a gap waits until the gap is filled. One that repeats a
    waiting nonce replaces it if it pays at least a tenth more.
    """

    def __init__(self) -> None:
        self._queues: dict[bytes, dict[int, Signed]] = {}
        self._hashes: dict[bytes, Signed] = {}

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, tx_hash: object) -> bool:
        return tx_hash in self._hashes

    def find(self, tx_hash: bytes) -> Signed | None:
        """Give a waiting transaction."""
        return self._hashes.get(tx_hash)

    def add(self, signed: Signed) -> None:
        """Queue a transaction that has been found valid by itself."""
        queue = self._queues.setdefault(signed.sender, {})
        earlier = queue.get(signed.nonce)
        if earlier is not None:
            if signed.max_fee_per_gas * 10 < earlier.max_fee_per_gas * 11:
                raise ChainError(
                    "replacement transaction underpriced: "
                    f"{signed.max_fee_per_gas} wei replaces {earlier.max_fee_per_gas} wei",
                    hint="pay a tenth more, or use the next nonce",
                )
            del self._hashes[earlier.hash]
        elif len(self) >= MAX_PENDING:
            raise ChainError(f"the pool is full with {MAX_PENDING} pending transactions")
        queue[signed.nonce] = self._hashes[signed.hash] = signed

    def remove(self, signed: Signed) -> None:
        """Drop a transaction; nothing happens if it does not wait."""
        if self._hashes.pop(signed.hash, None) is not None:
            queue = self._queues[signed.sender]
            del queue[signed.nonce]
            if not queue:
                del self._queues[signed.sender]

    def next_nonce(self, sender: bytes, first: int) -> int:
        """Give the first nonce from `first` on that no waiting transaction uses."""
        queue = self._queues.get(sender, {})
        while first in queue:
            first += 1
        return first

    def ready(self, nonce_of: Callable[[bytes], int]) -> Iterator[Signed]:
        """Give the transactions without a gap before them, each sender's in order."""
        for sender, queue in self._queues.items():
            nonce = nonce_of(sender)
            while nonce in queue:
                yield queue[nonce]
                nonce += 1
