"""The one interface that every chain back end gives, in plain shapes.

Digests and addresses are bytes (32 and 20 of them), amounts are integers in wei, times are
Unix seconds. Nothing above this file knows which back end runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

LOCAL_CHAIN_ID = 31337
LOCAL_CHAIN_IDS = frozenset({LOCAL_CHAIN_ID, 1337})
FINAL_DEPTH = 64

BlockRef = int | bytes | Literal["earliest", "latest", "pending", "safe", "finalized"]


@dataclass(frozen=True, slots=True)
class Features:
    """What a back end can do besides the common interface."""

    name: str
    local: bool
    persistent: bool
    http: bool = False
    ws: bool = False
    p256: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A block's head: its place, its digest, its parent's, its time in Unix seconds."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    gas_used: int = 0
    gas_limit: int = 0
    base_fee: int = 0


@dataclass(frozen=True, slots=True)
class Log:
    """One event as a contract emitted it; `data` and `topics` are undecoded."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    tx_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one transaction; `status` is 1 for done and 0 for reverted."""

    tx_hash: bytes
    status: int
    gas_used: int
    block_number: int
    block_hash: bytes
    logs: tuple[Log, ...]
    contract: bytes | None = None


@runtime_checkable
class Chain(Protocol):
    """A chain that can be read and be sent signed transactions.

    Every method may raise `Unreachable` when a node does not answer, and `ChainError` when it
    refuses; `call` and `estimate` raise `Reverted` with the contract's own reason.
    """

    @property
    def features(self) -> Features:
        """What this back end can do besides."""
        ...

    def chain_id(self) -> int:
        """Give the EIP-155 chain id."""
        ...

    def block(self, ref: BlockRef = "latest") -> Block:
        """Give a block by number, hash or tag; `InputError` if there is none."""
        ...

    def send_raw(self, raw: bytes) -> bytes:
        """Send a signed transaction and give its hash; it may not be mined yet."""
        ...

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give a mined transaction's receipt, or None while it is not mined."""
        ...

    def call(
        self,
        to: bytes,
        data: bytes,
        *,
        sender: bytes | None = None,
        block: BlockRef = "latest",
        value: int = 0,
    ) -> bytes:
        """Run a call without a transaction and give what it returns."""
        ...

    def logs(
        self,
        from_block: int,
        to_block: int,
        addresses: Sequence[bytes] = (),
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[Log]:
        """Give the logs of a closed range of blocks, in order."""
        ...

    def logs_of_block(self, block_hash: bytes, addresses: Sequence[bytes] = ()) -> list[Log]:
        """Give the logs of exactly one block, named by its hash."""
        ...

    def nonce(self, address: bytes) -> int:
        """Give the next unused nonce, pending transactions counted."""
        ...

    def balance(self, address: bytes, block: BlockRef = "latest") -> int:
        """Give a balance in wei."""
        ...

    def code(self, address: bytes, block: BlockRef = "latest") -> bytes:
        """Give the code at an address, empty if there is none."""
        ...

    def storage(self, address: bytes, slot: int, block: BlockRef = "latest") -> bytes:
        """Give one storage slot, 32 bytes."""
        ...

    def fees(self) -> tuple[int, int]:
        """Give the base fee of the next block and a usual tip, in wei per gas."""
        ...

    def estimate(
        self, to: bytes | None, data: bytes, *, sender: bytes | None = None, value: int = 0
    ) -> int:
        """Give the gas that a transaction would need."""
        ...

    def close(self) -> None:
        """Let go of files, processes and connections."""
        ...


@runtime_checkable
class Workbench(Chain, Protocol):
    """A local chain, on which a developer or a test may also move the furniture."""

    def fund(self, address: bytes, wei: int) -> None:
        """Add `wei` to a balance."""
        ...

    def set_code(self, address: bytes, code: bytes) -> None:
        """Put code at an address without running a constructor."""
        ...

    def mine(self, n: int = 1) -> None:
        """Mine `n` blocks; pending transactions go into the first."""
        ...

    def warp(self, seconds: int) -> None:
        """Move the clock forward and mine one block there."""
        ...

    def snapshot(self) -> str:
        """Remember the present head."""
        ...

    def revert(self, snapshot: str) -> None:
        """Go back to a remembered head; it and later snapshots are used up."""
        ...

    def reorg(self, depth: int, *, keep: bool = True) -> None:
        """Replace the last `depth` blocks by one more than that.

        Parameters
        ----------
        depth :
            How many blocks to replace, from 1 to `FINAL_DEPTH`.
        keep :
            Whether the transactions of the replaced blocks are mined again.
        """
        ...
