"""The Ethereum virtual machine of py-evm, under Prague rules, driven block by block.

This goes below eth-tester and below py-evm's own `Chain`: the canonical order of blocks,
receipts and logs is kept by `counterpoise.chain.ledger`; py-evm executes, and builds the tries
whose roots make up a block's hash. Not thread-safe: the caller holds a lock.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import rlp
from eth.consensus.context import ConsensusContext
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.db.backends.base import BaseAtomicDB
from eth.db.chain import ChainDB
from eth.exceptions import OutOfGas, Revert, VMError
from eth.vm import message as messages
from eth.vm.chain_context import ChainContext
from eth.vm.forks.london.headers import calculate_expected_base_fee_per_gas
from eth.vm.forks.prague import PragueVM
from eth.vm.header import HeaderSedes
from eth.vm.spoof import SpoofTransaction
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from counterpoise.chain.reasons import reason_of
from counterpoise.core.errors import ChainError, Reverted

Header = Any
Signed = Any
Edit = Callable[[Any], None]
VM: Any = PragueVM

BLOB_TYPE = 3
ZERO = bytes(20)


class Nodes(BaseAtomicDB):
    """Trie nodes, code and headers by their hash, over any mapping.

    Writes are atomic because the mapping is: `Ledger` commits them with the block they belong
    to, in one transaction.
    """

    def __init__(self, mapping: MutableMapping[bytes, bytes]) -> None:
        self.mapping = mapping

    def __getitem__(self, key: bytes) -> bytes:
        return self.mapping[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.mapping[key] = value

    def __delitem__(self, key: bytes) -> None:
        del self.mapping[key]

    def _exists(self, key: bytes) -> bool:
        return key in self.mapping

    @contextmanager
    def atomic_batch(  # type: ignore[override]
        self,
    ) -> Iterator["Nodes"]:
        """Give itself: what is written here is committed with its block."""
        yield self


@dataclass(frozen=True, slots=True)
class Outcome:
    """One executed transaction: its receipt's content, before it has a block hash."""

    signed: Signed
    status: int
    gas_used: int
    contract: bytes | None
    output: bytes
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A block built on its parent, and what became of each transaction in it."""

    header: Header
    outcomes: tuple[Outcome, ...]
    refused: tuple[tuple[Signed, str], ...]


class Machine:
    """Executes transactions and calls on the state that a header names.

    Parameters
    ----------
    mapping :
        Where trie nodes, code and headers are kept, by hash.
    chain_id :
        What the CHAINID instruction answers.
    """

    def __init__(self, mapping: MutableMapping[bytes, bytes], chain_id: int) -> None:
        self.nodes = Nodes(mapping)
        self.chaindb = ChainDB(self.nodes)
        self.context = ChainContext(chain_id)
        self.consensus = ConsensusContext(self.nodes)
        self._read: tuple[bytes, Any] | None = None

    def genesis(self, balances: dict[bytes, int], time: int, gas_limit: int) -> Header:
        """Build block 0 with these balances in wei, and store it."""
        start = VM.create_genesis_header(timestamp=time, gas_limit=gas_limit)
        state = VM.build_state(self.nodes, start, self.context)
        for address, wei in balances.items():
            state.set_balance(address, wei)
        state.persist()
        return self._store(start.copy(state_root=state.state_root))

    def header(self, block_hash: bytes) -> Header:
        """Give a stored header."""
        return rlp.decode(self.nodes[block_hash], sedes=HeaderSedes)

    def decode(self, raw: bytes) -> Signed:
        """Read a signed transaction; refuses what is malformed, and blobs."""
        if raw[:1] == bytes((BLOB_TYPE,)):
            raise ChainError("this chain takes no blob transactions (EIP-4844)")
        try:
            signed = VM.get_transaction_builder().decode(raw)
            signed.validate()
            signed.check_signature_validity()
        except (ValidationError, RLPException, ValueError, TypeError) as error:
            raise ChainError(f"not a valid signed transaction: {error}") from None
        if signed.chain_id not in (None, self.context.chain_id):
            raise ChainError(
                f"invalid chain id: signed for {signed.chain_id}, this is {self.context.chain_id}"
            )
        return signed

    def seal(
        self,
        parent: Header,
        transactions: Sequence[Signed],
        *,
        time: int,
        mix: bytes,
        edits: Sequence[Edit] = (),
    ) -> Sealed:
        """Build the next block from those of the transactions that are valid in order."""
        header = self._next_header(parent, time, mix)
        vm = self._vm(header)
        outcomes, refused = [], []
        for signed in transactions:
            try:
                receipt, computation = vm.apply_transaction(header, signed)
            except ValidationError as error:
                refused.append((signed, str(error)))
                continue
            used = receipt.gas_used - header.gas_used
            header = vm.add_receipt_to_header(header, receipt)
            outcomes.append((_outcome(signed, used, receipt, computation), receipt))
        for edit in edits:
            edit(vm.state)
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(), header, [o.signed for o, _ in outcomes], [r for _, r in outcomes]
        )
        block = vm.finalize_block(filled).block
        return Sealed(self._store(block.header), tuple(o for o, _ in outcomes), tuple(refused))

    def next_base_fee(self, header: Header) -> int:
        """Give the base fee of the block after this one, in wei per gas."""
        return int(calculate_expected_base_fee_per_gas(header))

    def state(self, header: Header) -> Any:
        """Give the state after a block; callers undo what they change."""
        if self._read is None or self._read[0] != header.hash:
            self._read = (header.hash, self._vm(header).state)
        return self._read[1]

    def call(self, header: Header, to: bytes, data: bytes, sender: bytes, value: int) -> bytes:
        """Run a call on the state after a block, and undo it."""
        state, build = self.state(header), cast(Any, messages.Message)
        saved = state.snapshot()
        try:
            message = build(
                gas=header.gas_limit,
                to=to,
                sender=sender,
                value=value,
                data=data,
                code=state.get_transaction_executor().get_code_at_address(to)[0],
            )
            context = state.get_transaction_context_class()(gas_price=0, origin=sender)
            if value:
                state.set_balance(sender, state.get_balance(sender) + value)
            computation = state.computation_class.apply_message(state, message, context)
        finally:
            state.revert(saved)
            state.clear_transient_storage()
        if computation.is_error:
            raise Reverted(f"call to 0x{to.hex()}", _reason(computation.error))
        return bytes(computation.output)

    def estimate(self, header: Header, spoof: dict[str, Any], sender: bytes) -> int:
        """Give the least gas limit, to within 0.5 %, with which a transaction succeeds."""
        state = self.state(header)
        low, high = 20_999, header.gas_limit
        used = self._try(state, spoof, sender, high)
        low, high = used - 1, min(high, used * 64 // 63 + 5_000)
        while not self._enough(state, spoof, sender, high):
            low, high = high, min(header.gas_limit, high * 2)
        while high - low > max(1, high // 200):
            middle = (low + high) // 2
            if self._enough(state, spoof, sender, middle):
                high = middle
            else:
                low = middle
        return int(high)

    def _enough(self, state: Any, spoof: dict[str, Any], sender: bytes, gas: int) -> bool:
        try:
            self._try(state, spoof, sender, gas)
        except Reverted:
            return False
        return True

    def _try(self, state: Any, spoof: dict[str, Any], sender: bytes, gas: int) -> int:
        """Run a transaction without charging for it; gives the gas that it used."""
        unsigned = VM.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=self.context.chain_id,
            nonce=state.get_nonce(sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=state.execution_context.base_fee_per_gas,
            gas=gas,
            access_list=(),
            **spoof,
        )
        signed = SpoofTransaction(unsigned, from_=sender)
        saved = state.snapshot()
        try:
            wei = spoof["value"] + gas * state.execution_context.base_fee_per_gas
            state.set_balance(sender, state.get_balance(sender) + wei)
            computation = state.apply_transaction(signed)
        except ValidationError as error:
            raise Reverted("the transaction", str(error)) from None
        finally:
            state.revert(saved)
        if computation.is_error:
            raise Reverted("the transaction", _reason(computation.error))
        gross = gas - computation.get_gas_remaining()
        return int(max(gross, gross + computation.data_floor_gas))

    def _vm(self, header: Header) -> Any:
        return VM(header, self.chaindb, self.context, self.consensus)

    def _next_header(self, parent: Header, time: int, mix: bytes) -> Header:
        return VM.create_header_from_parent(
            parent, timestamp=time, gas_limit=parent.gas_limit, mix_hash=mix, coinbase=ZERO
        )

    def _store(self, header: Header) -> Header:
        self.nodes[header.hash] = rlp.encode(header)
        return header


def _outcome(signed: Signed, used: int, receipt: Any, computation: Any) -> Outcome:
    logs = tuple(
        (log.address, tuple(topic.to_bytes(32, "big") for topic in log.topics), log.data)
        for log in receipt.logs
    )
    created = computation.msg.storage_address if signed.to == CREATE_CONTRACT_ADDRESS else None
    failed = computation.is_error
    output = _revert_bytes(computation.error) if failed else b""
    return Outcome(signed, int(not failed), used, created, output, logs)


def _revert_bytes(error: VMError) -> bytes:
    if isinstance(error, Revert) and error.args and isinstance(error.args[0], bytes):
        return error.args[0]
    return b""


def _reason(error: VMError) -> str:
    data = _revert_bytes(error)
    if data or isinstance(error, Revert):
        return reason_of(data)
    return "out of gas" if isinstance(error, OutOfGas) else f"{type(error).__name__}: {error}"
