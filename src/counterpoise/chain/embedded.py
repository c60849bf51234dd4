"""The chain inside this process: py-evm executes, SQLite remembers.

One authority, no consensus: whoever holds the process holds the chain. It is for development,
tests and demonstrations, and says so through `Features.local`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from counterpoise.chain.account import Account
from counterpoise.chain.backend import (
    FINAL_DEPTH,
    LOCAL_CHAIN_ID,
    Block,
    BlockRef,
    Features,
    Log,
    Receipt,
)
from counterpoise.chain.ledger import Ledger, Mined
from counterpoise.chain.pool import Pool
from counterpoise.chain.reasons import reason_of
from counterpoise.core.digest import keccak
from counterpoise.core.errors import ChainError, InputError

GAS_LIMIT = 30_000_000
USUAL_TIP = 10**9
MAX_INITCODE = 49_152
DEV_ACCOUNTS = 10
DEV_BALANCE = 10_000 * 10**18
FAUCET_BALANCE = 2**160
ZERO = bytes(20)

P = ParamSpec("P")
T = TypeVar("T")


def _locked(
    method: Callable[Concatenate[EmbeddedChain, P], T],
) -> Callable[Concatenate[EmbeddedChain, P], T]:
    """Run a method under the chain's lock: py-evm is not thread-safe."""

    @wraps(method)
    def guarded(self: EmbeddedChain, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._mutex:
            return method(self, *args, **kwargs)

    return guarded


def dev_account(index: int) -> Account:
    """Give one of the development accounts that every local chain of ours funds at genesis."""
    return Account.local(b"dev %d" % index)


class EmbeddedChain:
    """A whole chain in this process, in memory or in a folder.

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
        self._clock = clock
        self._mutex = threading.RLock()
        self._ledger = Ledger(folder)
        self._machine = Machine(self._ledger.nodes, chain_id)
        self._pool = Pool()
        self._snapshots: list[tuple[str, bytes, int]] = []
        self._chain_id = chain_id
        if self._ledger.height() < 0:
            self._begin()
        if self._ledger.meta("chain_id") != str(chain_id):
            raise InputError(
                f"{folder} holds chain {self._ledger.meta('chain_id')}, wanted {chain_id}"
            )
        self._head = self._machine.header(self.block().hash)
        self._offset = int(self._ledger.meta("offset") or 0)
        self._forks = int(self._ledger.meta("forks") or 0)

    def _begin(self) -> None:
        balances = {dev_account(i).address: DEV_BALANCE for i in range(DEV_ACCOUNTS)}
        balances[Account.local(b"faucet").address] = FAUCET_BALANCE
        with self._ledger.transaction():
            header = self._machine.genesis(balances, int(self._clock()), GAS_LIMIT)
            self._ledger.append(_block_of(header), [])
            self._ledger.set_meta("chain_id", str(self._chain_id))

    @property
    def features(self) -> Features:
        """What this back end can do: everything local, no HTTP, no P-256."""
        return Features("embedded", local=True, persistent=self._ledger.persistent)

    def chain_id(self) -> int:
        """Give the chain id."""
        return self._chain_id

    @_locked
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

    @_locked
    def send_raw(self, raw: bytes) -> bytes:
        """Take a signed transaction; with `automine`, mine it at once."""
        signed = self._machine.decode(raw)
        tx_hash = bytes(signed.hash)
        if tx_hash in self._pool or self._ledger.mined(tx_hash):
            raise ChainError(f"already known: transaction 0x{tx_hash.hex()}")
        self._check_acceptable(signed)
        self._pool.add(signed)
        if self.automine:
            self._mine_ready()
        return tx_hash

    def _check_acceptable(self, signed: Any) -> None:
        state = self._machine.state(self._head)
        nonce = state.get_nonce(signed.sender)
        price = self._next_base_fee()
        cost = signed.value + signed.gas * signed.max_fee_per_gas
        problem = ""
        if signed.nonce < nonce:
            problem = f"nonce too low: next nonce {nonce}, transaction nonce {signed.nonce}"
        elif signed.gas > GAS_LIMIT:
            problem = f"exceeds block gas limit: {signed.gas} of {GAS_LIMIT}"
        elif signed.gas < signed.intrinsic_gas:
            problem = f"intrinsic gas too low: {signed.gas}, needs {signed.intrinsic_gas}"
        elif not signed.to and len(signed.data) > MAX_INITCODE:
            problem = f"max initcode size exceeded: {len(signed.data)} of {MAX_INITCODE} bytes"
        elif signed.max_fee_per_gas < price:
            problem = f"max fee per gas less than block base fee: {signed.max_fee_per_gas}, {price}"
        elif state.get_balance(signed.sender) < cost:
            problem = (
                f"insufficient funds for gas * price + value: 0x{signed.sender.hex()} "
                f"has {state.get_balance(signed.sender)} wei, needs {cost}"
            )
        if problem:
            raise ChainError(problem)

    @_locked
    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Give a mined transaction's receipt."""
        mined = self._ledger.mined(tx_hash)
        return mined.receipt if mined else None

    @_locked
    def revert_reason(self, tx_hash: bytes) -> str:
        """Give the reason with which a mined transaction was refused, "" if it was not."""
        mined = self._ledger.mined(tx_hash)
        return reason_of(mined.output) if mined else ""

    @_locked
    def transaction(self, tx_hash: bytes) -> tuple[bytes, Mined | None] | None:
        """Give a transaction's raw bytes, and its place if it is mined."""
        mined = self._ledger.mined(tx_hash)
        if mined:
            return mined.raw, mined
        waiting = self._pool.find(tx_hash)
        return (waiting.encode(), None) if waiting is not None else None

    @_locked
    def transactions(self, number: int) -> list[Mined]:
        """Give the transactions of a block, in order."""
        return self._ledger.mined_in(number)

    @_locked
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

    @_locked
    def estimate(
        self, to: bytes | None, data: bytes, *, sender: bytes | None = None, value: int = 0
    ) -> int:
        """Give the gas limit with which a transaction succeeds on the present state."""
        fields = {"to": to or b"", "data": data, "value": value}
        return self._machine.estimate(self._head, fields, sender or ZERO)

    @_locked
    def logs(
        self,
        from_block: int,
        to_block: int,
        addresses: Sequence[bytes] = (),
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> list[Log]:
        """Give the logs of a closed range of blocks."""
        return self._ledger.logs(from_block, to_block, addresses, topics)

    @_locked
    def logs_of_block(self, block_hash: bytes, addresses: Sequence[bytes] = ()) -> list[Log]:
        """Give the logs of one canonical block."""
        number = self.block(block_hash).number
        return self._ledger.logs(number, number, addresses, ())

    @_locked
    def nonce(self, address: bytes) -> int:
        """Give the next unused nonce, waiting transactions counted."""
        mined = self._machine.state(self._head).get_nonce(address)
        return self._pool.next_nonce(address, mined)

    @_locked
    def balance(self, address: bytes, block: BlockRef = "latest") -> int:
        """Give a balance in wei."""
        return int(self._machine.state(self._header(block)).get_balance(address))

    @_locked
    def code(self, address: bytes, block: BlockRef = "latest") -> bytes:
        """Give the code at an address."""
        return bytes(self._machine.state(self._header(block)).get_code(address))

    @_locked
    def storage(self, address: bytes, slot: int, block: BlockRef = "latest") -> bytes:
        """Give one storage slot."""
        value = self._machine.state(self._header(block)).get_storage(address, slot)
        return int(value).to_bytes(32, "big")

    @_locked
    def fees(self) -> tuple[int, int]:
        """Give the base fee of the next block and a usual tip."""
        return self._next_base_fee(), USUAL_TIP

    def _next_base_fee(self) -> int:
        return self._machine.next_base_fee(self._head)

    def _header(self, ref: BlockRef) -> Any:
        if ref in ("latest", "pending"):
            return self._head
        return self._machine.header(self.block(ref).hash)

    @_locked
    def fund(self, address: bytes, wei: int) -> None:
        """Add `wei` to a balance, in a block of its own."""
        self._seal([], edits=[lambda state: state.delta_balance(address, wei)])

    @_locked
    def set_code(self, address: bytes, code: bytes) -> None:
        """Put code at an address, in a block of its own."""
        self._seal([], edits=[lambda state: state.set_code(address, code)])

    @_locked
    def mine(self, n: int = 1) -> None:
        """Mine `n` blocks; the first takes what waits, as far as its gas limit goes."""
        for _ in range(n):
            self._seal(self._ready())

    def _mine_ready(self) -> None:
        ready = self._ready()
        if ready:
            self._seal(ready)

    def _ready(self) -> list[Any]:
        return list(self._pool.ready(self._machine.state(self._head).get_nonce))

    @_locked
    def warp(self, seconds: int) -> None:
        """Move the clock forward and mine one block there."""
        if seconds < 0:
            raise InputError(f"time runs forward only, not by {seconds} seconds")
        now = max(self._head.timestamp, int(self._clock()) + self._offset)
        self._offset = now + seconds - int(self._clock())
        self._ledger.set_meta("offset", str(self._offset))
        self._seal([])

    @_locked
    def snapshot(self) -> str:
        """Remember the present head."""
        name = f"0x{len(self._snapshots) + 1:x}"
        self._snapshots.append((name, self._head.hash, self._offset))
        return name

    @_locked
    def revert(self, snapshot: str) -> None:
        """Go back to a remembered head; what waited in the pool is dropped."""
        names = [name for name, _, _ in self._snapshots]
        if snapshot not in names:
            raise InputError(f"there is no snapshot {snapshot!r}; there are {names}")
        place = names.index(snapshot)
        _, head, self._offset = self._snapshots[place]
        del self._snapshots[place:]
        self._pool = Pool()
        self._cut(self.block(head).number)

    @_locked
    def reorg(self, depth: int, *, keep: bool = True) -> None:
        """Replace the last `depth` blocks by one more than that."""
        height = self._ledger.height()
        if not 1 <= depth <= min(FINAL_DEPTH, height):
            raise InputError(
                f"a reorg of depth {depth} is not from 1 to {min(FINAL_DEPTH, height)}",
                hint=f"blocks deeper than {FINAL_DEPTH} are final on this chain",
            )
        lost = self._cut(height - depth)
        for number in range(height - depth + 1, height + 1):
            raws = [m.raw for m in lost if m.receipt.block_number == number] if keep else []
            self._seal([self._machine.decode(raw) for raw in raws])
        self._seal([])

    def _cut(self, number: int) -> list[Mined]:
        self._forks += 1
        with self._ledger.transaction():
            lost = self._ledger.cut(number)
            self._ledger.set_meta("forks", str(self._forks))
            self._ledger.set_meta("offset", str(self._offset))
        self._head = self._machine.header(self.block().hash)
        return lost

    def _seal(self, signed: Sequence[Any], edits: Sequence[Callable[[Any], None]] = ()) -> None:
        """Build one block, store it in one SQLite transaction, and tidy the pool."""
        parent = self._head
        when = max(parent.timestamp + 1, int(self._clock()) + self._offset)
        mix = keccak(parent.hash + self._forks.to_bytes(8, "big"))
        with self._ledger.transaction():
            sealed = self._machine.seal(parent, signed, time=when, mix=mix, edits=edits)
            self._ledger.append(_block_of(sealed.header), _mined_of(sealed))
        self._head = sealed.header
        for one in sealed.outcomes:
            self._pool.remove(one.signed)
        for refused, reason in sealed.refused:
            if "gas limit" not in reason:
                self._pool.remove(refused)

    @_locked
    def close(self) -> None:
        """Close the chain's file, if it has one."""
        self._ledger.close()


def _block_of(header: Any) -> Block:
    return Block(
        header.block_number,
        header.hash,
        header.parent_hash,
        header.timestamp,
        header.gas_used,
        header.gas_limit,
        header.base_fee_per_gas,
    )


def _mined_of(sealed: Any) -> list[Mined]:
    """Give each outcome its hashes and the places of its logs."""
    block, mined, log_index = sealed.header, [], 0
    for position, one in enumerate(sealed.outcomes):
        tx_hash, logs = bytes(one.signed.hash), []
        for address, topics, data in one.logs:
            place = (block.block_number, block.hash, tx_hash, log_index)
            logs.append(Log(address, topics, data, *place))
            log_index += 1
        receipt = Receipt(
            tx_hash,
            one.status,
            one.gas_used,
            block.block_number,
            block.hash,
            tuple(logs),
            one.contract,
        )
        raw = bytes(one.signed.encode())
        mined.append(Mined(tx_hash, raw, one.signed.sender, receipt, position, one.output))
    return mined
