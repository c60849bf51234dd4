"""Makes the blocks of an embedded chain: what is accepted, sealed, undone and made again."""

from collections.abc import Callable, Sequence
from typing import Any

from counterpoise.chain.backend import FINAL_DEPTH, Block, Log, Receipt
from counterpoise.chain.ledger import Ledger, Mined
from counterpoise.chain.pool import Pool
from counterpoise.core.digest import keccak
from counterpoise.core.errors import ChainError, InputError

GAS_LIMIT = 30_000_000
MAX_INITCODE = 49_152

Edit = Callable[[Any], None]


class Miner:
    """The one authority of an embedded chain.

    Parameters
    ----------
    ledger, machine :
        Where blocks are kept, and what executes them.
    clock :
        Gives the present time in Unix seconds.
    chain_id :
        Must be that of the ledger, if it holds a chain already.
    balances :
        Wei by address at genesis, for a ledger that is empty.
    """

    def __init__(
        self,
        ledger: Ledger,
        machine: Any,
        clock: Callable[[], float],
        chain_id: int,
        balances: dict[bytes, int],
    ) -> None:
        self.ledger = ledger
        self.machine = machine
        self.pool = Pool()
        self._clock = clock
        self._snapshots: list[tuple[str, bytes, int]] = []
        if ledger.height() < 0:
            with ledger.transaction():
                header = machine.genesis(balances, int(clock()), GAS_LIMIT)
                ledger.append(_block_of(header), [])
                ledger.set_meta("chain_id", str(chain_id))
        if ledger.meta("chain_id") != str(chain_id):
            raise InputError(
                f"the folder holds chain {ledger.meta('chain_id')}, wanted {chain_id}",
                hint="give the chain id with which the chain was begun, or another folder",
            )
        self.head = self._stored_head()
        self._offset = int(ledger.meta("offset") or 0)
        self._forks = int(ledger.meta("forks") or 0)

    def _stored_head(self) -> Any:
        block = self.ledger.block(self.ledger.height())
        return self.machine.header(block.hash if block else b"")

    @property
    def base_fee(self) -> int:
        """The base fee of the next block, in wei per gas."""
        return int(self.machine.next_base_fee(self.head))

    def accept(self, signed: Any) -> None:
        """Queue a transaction, or refuse it in the words that wallets know."""
        problem = self._problem(signed)
        if problem:
            raise ChainError(problem)
        self.pool.add(signed)

    def _problem(self, signed: Any) -> str:
        state = self.machine.state(self.head)
        nonce, balance = state.get_nonce(signed.sender), state.get_balance(signed.sender)
        gas, paid, fee = signed.gas, signed.max_fee_per_gas, self.base_fee
        cost, size = signed.value + gas * paid, 0 if signed.to else len(signed.data)
        who = f"0x{signed.sender.hex()}"
        checks = (
            (signed.nonce < nonce, f"nonce too low: next {nonce}, transaction {signed.nonce}"),
            (gas > GAS_LIMIT, f"exceeds block gas limit: {gas} of {GAS_LIMIT}"),
            (
                gas < signed.intrinsic_gas,
                f"intrinsic gas too low: {gas}, needs {signed.intrinsic_gas}",
            ),
            (size > MAX_INITCODE, f"max initcode size exceeded: {size} of {MAX_INITCODE} bytes"),
            (
                signed.max_priority_fee_per_gas > paid,
                f"max priority fee per gas higher than max fee per gas: {paid} wei",
            ),
            (paid < fee, f"max fee per gas less than block base fee: {paid} of {fee} wei"),
            (
                balance < cost,
                f"insufficient funds for gas * price + value: {who} has {balance}, needs {cost}",
            ),
        )
        return next((words for wrong, words in checks if wrong), "")

    def ready(self) -> list[Any]:
        """Give the queued transactions that can be mined now."""
        return list(self.pool.ready(self.machine.state(self.head).get_nonce))

    def seal(self, signed: Sequence[Any], edits: Sequence[Edit] = ()) -> None:
        """Build one block, store it in one step, and tidy the pool.

        A transaction that no longer fits the block's gas waits for the next; one that has
        become invalid is dropped.
        """
        parent = self.head
        when = max(parent.timestamp + 1, int(self._clock()) + self._offset)
        mix = keccak(parent.hash + self._forks.to_bytes(8, "big"))
        with self.ledger.transaction():
            sealed = self.machine.seal(parent, signed, time=when, mix=mix, edits=edits)
            self.ledger.append(_block_of(sealed.header), _mined_of(sealed))
        self.head = sealed.header
        for one in sealed.outcomes:
            self.pool.remove(one.signed)
        for refused, reason in sealed.refused:
            if "gas limit" not in reason:
                self.pool.remove(refused)

    def warp(self, seconds: int) -> None:
        """Move the clock forward; the next block is the first to show it."""
        if seconds < 0:
            raise InputError(f"time runs forward only, not by {seconds} seconds")
        now = max(self.head.timestamp, int(self._clock()) + self._offset)
        self._offset = now + seconds - int(self._clock())
        self.ledger.set_meta("offset", str(self._offset))

    def snapshot(self) -> str:
        """Remember the head and the clock."""
        name = f"0x{len(self._snapshots) + 1:x}"
        self._snapshots.append((name, self.head.hash, self._offset))
        return name

    def revert(self, snapshot: str) -> None:
        """Go back to a remembered head; the pool is emptied."""
        names = [name for name, _, _ in self._snapshots]
        if snapshot not in names:
            raise InputError(f"there is no snapshot {snapshot!r}; there are {names}")
        place = names.index(snapshot)
        _, head, self._offset = self._snapshots[place]
        del self._snapshots[place:]
        found = self.ledger.block(head)
        if found is None:
            raise InputError(f"snapshot {snapshot!r} was on a branch that a reorg removed")
        self.pool = Pool()
        self._cut(found.number)

    def reorg(self, depth: int, kept: Sequence[tuple[bytes, int]] | None) -> None:
        """Replace the last `depth` blocks by as many.

        Parameters
        ----------
        kept :
            Raw transactions for the new blocks, each with its block's distance from the
            first; None mines the old ones again where they were.
        """
        height = self.ledger.height()
        most = min(FINAL_DEPTH, height)
        if not 1 <= depth <= most:
            raise InputError(
                f"a reorg of depth {depth} is not from 1 to {most}",
                hint=f"blocks deeper than {FINAL_DEPTH} are final on this chain",
            )
        lost = self._cut(height - depth)
        first = height - depth + 1
        if kept is None:
            kept = [(one.raw, one.receipt.block_number - first) for one in lost]
        for place in range(depth):
            self.seal([self.machine.decode(raw) for raw, where in kept if where == place])

    def _cut(self, number: int) -> list[Mined]:
        self._forks += 1
        with self.ledger.transaction():
            lost = self.ledger.cut(number)
            self.ledger.set_meta("forks", str(self._forks))
            self.ledger.set_meta("offset", str(self._offset))
        self.head = self._stored_head()
        return lost


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
    number, block_hash = sealed.header.block_number, sealed.header.hash
    mined: list[Mined] = []
    first_log = 0
    for position, one in enumerate(sealed.outcomes):
        tx_hash = bytes(one.signed.hash)
        logs = tuple(
            Log(address, topics, data, number, block_hash, tx_hash, index)
            for index, (address, topics, data) in enumerate(one.logs, first_log)
        )
        first_log += len(logs)
        place = (one.status, one.gas_used, number, block_hash)
        receipt = Receipt(tx_hash, *place, logs, one.contract)
        raw = bytes(one.signed.encode())
        mined.append(Mined(tx_hash, raw, one.signed.sender, receipt, position, one.output))
    return mined
