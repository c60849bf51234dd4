"""The chain inside this process: py-evm executes, SQLite remembers.

One authority, no consensus: whoever holds the process holds the chain. It is for development,
tests and demonstrations, and says so through `Features.local`.
"""

from collections.abc import Sequence

from counterpoise.chain.embedded_reads import EmbeddedReads, locked
from counterpoise.core.errors import ChainError


class EmbeddedChain(EmbeddedReads):
    """A whole chain in this process, in memory or in a folder; see `EmbeddedReads`."""

    @locked
    def send_raw(self, raw: bytes) -> bytes:
        """Take a signed transaction; with `automine`, mine it at once."""
        signed = self._machine.decode(raw)
        tx_hash = bytes(signed.hash)
        if tx_hash in self._miner.pool or self._ledger.mined(tx_hash):
            raise ChainError(f"already known: transaction 0x{tx_hash.hex()}")
        self._miner.accept(signed)
        if self.automine and (ready := self._miner.ready()):
            self._miner.seal(ready)
        return tx_hash

    @locked
    def fund(self, address: bytes, wei: int) -> None:
        """Add `wei` to a balance, in a block of its own."""
        self._miner.seal([], edits=[lambda state: state.delta_balance(address, wei)])

    @locked
    def set_code(self, address: bytes, code: bytes) -> None:
        """Put code at an address, in a block of its own."""
        self._miner.seal([], edits=[lambda state: state.set_code(address, code)])

    @locked
    def mine(self, n: int = 1) -> None:
        """Mine `n` blocks; they take what waits, as far as their gas limits go."""
        for _ in range(n):
            self._miner.seal(self._miner.ready())

    @locked
    def advance(self, seconds: int) -> None:
        """Move the clock forward; the next block shows it."""
        self._miner.warp(seconds)

    @locked
    def warp(self, seconds: int) -> None:
        """Move the clock forward and mine one block there."""
        self._miner.warp(seconds)
        self._miner.seal([])

    @locked
    def snapshot(self) -> str:
        """Remember the present head, for as long as this process runs."""
        return self._miner.snapshot()

    @locked
    def revert(self, snapshot: str) -> None:
        """Go back to a remembered head; what waited in the pool is dropped."""
        self._miner.revert(snapshot)

    @locked
    def reorg(self, depth: int, *, keep: bool = True) -> None:
        """Replace the last `depth` blocks by one more than that."""
        self._miner.reorg(depth, None if keep else ())
        self._miner.seal([])

    @locked
    def replace(self, depth: int, kept: Sequence[tuple[bytes, int]]) -> None:
        """Replace the last `depth` blocks by as many, with raw transactions by their place."""
        self._miner.reorg(depth, kept)

    @locked
    def close(self) -> None:
        """Close the chain's file, if it has one."""
        self._ledger.close()
