"""What can be read from the chain inside this process, by one thread at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from counterpoise.chain.backend import (
    FINAL_DEPTH,
    LOCAL_CHAIN_ID,
    Block,
    BlockRef,
    Features,
    Log,
    Receipt,
)
from counterpoise.chain.call_tree import Call
from counterpoise.chain.dev_accounts import dev_balances
from counterpoise.chain.ledger import Ledger, Mined
from counterpoise.chain.mining import Miner
from counterpoise.chain.reasons import reason_of
from counterpoise.core.errors import InputError

USUAL_TIP = 10**9
ZERO = bytes(20)

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound="EmbeddedReads")


def locked(method: Callable[Concatenate[C, P], T]) -> Callable[Concatenate[C, P], T]:
    """Run a method under the chain's lock: py-evm is not thread-safe."""

    @wraps(method)
    def guarded(self: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.mutex:
            return method(self, *args, **kwargs)

    return guarded


class EmbeddedReads:
    """The reading half of `EmbeddedChain`, in memory or in a folder.

    Parameters
    ----------
    folder :
        Where the chain is kept; None keeps it in memory.
    clock :
        Gives the present time in Unix seconds; each block is later than its parent by at
        least one second, whatever the clock says.
    automine :
        Whether every transaction is mined at once into a block of its own.

    Raises
    ------
    Busy :
        Another process holds the folder.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        automine: bool = True,
        chain_id: int = LOCAL_CHAIN_ID,
    ) -> None:
        from counterpoise.chain.engines.pyevm import Machine

        self.automine = automine
        self.mutex = threading.RLock()
        self._chain_id = chain_id
        self._ledger = Ledger(folder)
        try:
            self._machine = Machine(self._ledger.nodes, chain_id)
            self._miner = Miner(self._ledger, self._machine, clock, chain_id, dev_balances())
        except BaseException:
            self._ledger.close()
            raise

    @property
    def features(self) -> Features:
        """What this back end can do: everything local, no HTTP, no P-256."""
        return Features("embedded", local=True, persistent=self._ledger.persistent)

    def chain_id(self) -> int:
        """Give the chain id."""
        return self._chain_id

    @locked
    def block(self, ref: BlockRef = "latest") -> Block:
        """Give a block by number, hash or tag."""
        found = self._ledger.block(self._place(ref))
        if found is None:
            shown = f"0x{ref.hex()}" if isinstance(ref, bytes) else ref
            raise InputError(f"there is no block {shown} on this chain")
        return found

    def _place(self, ref: BlockRef) -> int | bytes:
        if isinstance(ref, (int, bytes)):
            return ref
        height = self._ledger.height()
        if ref in ("latest", "pending"):
            return height
        if ref in ("safe", "finalized"):
            return max(0, height - FINAL_DEPTH)
        if ref == "earliest":
            return 0
        raise InputError(f"there is no block tag {ref!r}")

    @locked
    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give a mined transaction's receipt."""
        mined = self._ledger.mined(tx_hash)
        return mined.receipt if mined else None

    @locked
    def revert_reason(self, tx_hash: bytes) -> str:
        """Give the reason with which a mined transaction was refused, "" if it was not."""
        mined = self._ledger.mined(tx_hash)
        return reason_of(mined.output) if mined else ""

    @locked
    def transaction(self, tx_hash: bytes) -> tuple[bytes, Mined | None] | None:
        """Give a transaction's raw bytes, and its place if it is mined."""
        mined = self._ledger.mined(tx_hash)
        if mined:
            return mined.raw, mined
        waiting = self._miner.pool.find(tx_hash)
        return (waiting.encode(), None) if waiting is not None else None

    @locked
    def transactions(self, number: int) -> list[Mined]:
        """Give the transactions of a block, in order."""
        return self._ledger.mined_in(number)

    @locked
    def call_trees(self, number: int) -> list[Call]:
        """Give what each transaction of a block did, call by call, by running them again."""
        mined = self._ledger.mined_in(number)
        if not mined:
            return []
        signed = [self._machine.decode(one.raw) for one in mined]
        return self._machine.trees(self._header(number - 1), self._header(number), signed)

    @locked
    def attempt(self, to: bytes | None, data: bytes, *, sender: bytes, value: int = 0) -> Call:
        """Give what a transaction would do on the present state; its gas is not charged."""
        fields = {"to": to or b"", "data": data, "value": value}
        return self._machine.attempt(self._miner.head, fields, sender)

    @locked
    def positions(self, tx_hashes: set[bytes]) -> dict[bytes, int]:
        """Give the places of mined transactions in their blocks."""
        return self._ledger.positions(tx_hashes)

    def decode(self, raw: bytes) -> Any:
        """Read a signed transaction, as py-evm represents it."""
        return self._machine.decode(raw)

    @locked
    def call(
        self,
        to: bytes,
        data: bytes,
        *,
        sender: bytes | None = None,
        block: BlockRef = "latest",
        value: int = 0,
    ) -> bytes:
        """Run a call on the state after a block."""
        return self._machine.call(self._header(block), to, data, sender or ZERO, value)

    @locked
    def estimate(
        self, to: bytes | None, data: bytes, *, sender: bytes | None = None, value: int = 0
    ) -> int:
        """Give the gas limit with which a transaction succeeds on the present state."""
        fields = {"to": to or b"", "data": data, "value": value}
        return self._machine.estimate(self._miner.head, fields, sender or ZERO)

    @locked
    def logs(
        self,
        from_block: int,
        to_block: int,
        addresses: Sequence[bytes] = (),
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[Log]:
        """Give the logs of a closed range of blocks."""
        return self._ledger.logs(from_block, to_block, addresses, topics)

    @locked
    def logs_of_block(self, block_hash: bytes, addresses: Sequence[bytes] = ()) -> list[Log]:
        """Give the logs of one canonical block."""
        number = self.block(block_hash).number
        return self._ledger.logs(number, number, addresses, ())

    @locked
    def nonce(self, address: bytes) -> int:
        """Give the next unused nonce, waiting transactions counted."""
        mined = self._machine.state(self._miner.head).get_nonce(address)
        return self._miner.pool.next_nonce(address, mined)

    @locked
    def nonce_at(self, address: bytes, block: BlockRef) -> int:
        """Give the nonce after a block."""
        return int(self._machine.state(self._header(block)).get_nonce(address))

    @locked
    def balance(self, address: bytes, block: BlockRef = "latest") -> int:
        """Give a balance in wei."""
        return int(self._machine.state(self._header(block)).get_balance(address))

    @locked
    def code(self, address: bytes, block: BlockRef = "latest") -> bytes:
        """Give the code at an address."""
        return bytes(self._machine.state(self._header(block)).get_code(address))

    @locked
    def storage(self, address: bytes, slot: int, block: BlockRef = "latest") -> bytes:
        """Give one storage slot."""
        value = self._machine.state(self._header(block)).get_storage(address, slot)
        return int(value).to_bytes(32, "big")

    @locked
    def fees(self) -> tuple[int, int]:
        """Give the base fee of the next block and a usual tip."""
        return self._miner.base_fee, USUAL_TIP

    @locked
    def next_base_fee(self, ref: BlockRef) -> int:
        """Give the base fee of the block after one."""
        return int(self._machine.next_base_fee(self._header(ref)))

    def _header(self, ref: BlockRef) -> Any:
        if ref in ("latest", "pending"):
            return self._miner.head
        return self._machine.header(self.block(ref).hash)

    @locked
    def header(self, ref: BlockRef = "latest") -> dict[str, Any]:
        """Give every field of a block's header, as the Yellow Paper's successors name them."""
        header = self._header(ref)
        return {**header.as_dict(), "hash": header.hash}
