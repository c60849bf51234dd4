"""The Ethereum virtual machine of py-evm, under Prague rules, driven block by block.

This goes below eth-tester and below py-evm's own `Chain`: the canonical order of blocks,
receipts and logs is kept by `counterpoise.chain.ledger`; py-evm executes, and builds the tries
whose roots make up a block's hash. Not thread-safe: the caller holds a lock.
"""

import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import eth
import rlp
from eth.consensus.context import ConsensusContext
from eth.constants import CREATE_CONTRACT_ADDRESS, SECPK1_N
from eth.db.backends.base import BaseAtomicDB
from eth.db.chain import ChainDB
from eth.db.trie import make_trie_root_and_nodes
from eth.exceptions import PyEVMError
from eth.vm.chain_context import ChainContext
from eth.vm.forks.london.headers import calculate_expected_base_fee_per_gas
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.prague.state import PragueState
from eth.vm.header import HeaderSedes
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from counterpoise.chain.call_tree import Call
from counterpoise.chain.engines.pyevm_runs import least_gas, revert_data, run_call
from counterpoise.chain.engines.pyevm_traces import trees_of, try_transaction, watched
from counterpoise.core.errors import ChainError

# py-ecc raises the limit to 100,000, at which a request of nested brackets overflows the stack
# of the machine instead of raising RecursionError. py-evm's own limit suffices for the EVM.
sys.setrecursionlimit(eth.EVM_RECURSION_LIMIT)

Header = Any
Signed = Any
Edit = Callable[[Any], None]
MALFORMED = (BadSignature, PyEVMError, RLPException, TypeError, ValidationError, ValueError)
HALF_ORDER = SECPK1_N // 2


class _State(PragueState):
    """Prague's state without the look for system contracts, which are not on this chain."""

    def set_system_contracts(self) -> None:
        return


class _VM(PragueVM):
    _state_class = _State


class _WatchedVM(_VM):
    _state_class = watched(_State)


VM: Any = _VM
HEADER: Any = PragueBlockHeader

BLOB_TYPE = 3


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
        self._tried: tuple[bytes, Any] | None = None

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
            _ = signed.sender
        except MALFORMED as error:
            raise ChainError(f"not a valid signed transaction: {error}") from None
        if signed.s > HALF_ORDER:
            raise ChainError("not a valid signed transaction: its signature is of the high-s form")
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
        outcomes, receipts, refused = [], [], []
        for signed in transactions:
            try:
                receipt, computation = vm.apply_transaction(header, signed)
            except ValidationError as error:
                refused.append((signed, str(error)))
                continue
            used = receipt.gas_used - header.gas_used
            header = vm.add_receipt_to_header(header, receipt)
            receipts.append(receipt)
            outcomes.append(_outcome(signed, used, receipt, computation))
        for edit in edits:
            edit(vm.state)
        vm.state.persist()
        vm.state.lock_changes()  # forgets which slots the block has warmed
        sealed = header.copy(
            state_root=vm.state.state_root,
            transaction_root=make_trie_root_and_nodes([one.signed for one in outcomes])[0],
            receipt_root=make_trie_root_and_nodes(receipts)[0],
        )
        self._read = (sealed.hash, vm.state)
        return Sealed(self._store(sealed), tuple(outcomes), tuple(refused))

    def next_base_fee(self, header: Header) -> int:
        """Give the base fee of the block after this one, in wei per gas."""
        return int(calculate_expected_base_fee_per_gas(header))

    def state(self, header: Header) -> Any:
        """Give the state after a block; callers undo what they change."""
        if self._read is None or self._read[0] != header.hash:
            self._read = (header.hash, self._vm(header).state)
        return self._read[1]

    def call(self, header: Header, to: bytes, data: bytes, sender: bytes, value: int) -> bytes:
        """Run a call on the state after a block, and undo it; `Refused` if it is refused."""
        return run_call(self.state(header), header.gas_limit, to, data, sender, value)

    def estimate(self, header: Header, fields: dict[str, Any], sender: bytes) -> int:
        """Give the least gas limit, to within 0.5 %, with which a transaction succeeds."""
        fields = {**fields, "chain_id": self.context.chain_id}
        return least_gas(self.state(header), header.gas_limit, fields, sender)

    def trees(self, parent: Header, header: Header, transactions: Sequence[Signed]) -> list[Call]:
        """Run a stored block's transactions again and give what each did, call by call."""
        again = self._next_header(parent, header.timestamp, header.mix_hash)
        vm: Any = _WatchedVM(again, self.chaindb, self.context, self.consensus)
        return trees_of(vm, again, transactions)

    def attempt(self, header: Header, fields: dict[str, Any], sender: bytes) -> Call:
        """Run an unsigned transaction on the state after a block, and undo it."""
        if self._tried is None or self._tried[0] != header.hash:
            vm: Any = _WatchedVM(header, self.chaindb, self.context, self.consensus)
            self._tried = (header.hash, vm.state)
        fields = {**fields, "chain_id": self.context.chain_id}
        return try_transaction(self._tried[1], fields, sender, header.gas_limit)

    def _vm(self, header: Header) -> Any:
        return VM(header, self.chaindb, self.context, self.consensus)

    def _next_header(self, parent: Header, time: int, mix: bytes) -> Header:
        """Begin a block; what py-evm derives through eight forks' headers is set at once."""
        return HEADER(
            difficulty=0,
            block_number=parent.block_number + 1,
            gas_limit=parent.gas_limit,
            timestamp=time,
            parent_hash=parent.hash,
            state_root=parent.state_root,
            mix_hash=mix,
            nonce=bytes(8),
            base_fee_per_gas=self.next_base_fee(parent),
            requests_hash=parent.requests_hash,
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
    output = revert_data(computation.error) if failed else b""
    return Outcome(signed, int(not failed), used, created, output, logs)
