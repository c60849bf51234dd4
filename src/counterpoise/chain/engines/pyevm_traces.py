"""Runs of py-evm that are watched: each call, event and write to storage in its order."""

from collections.abc import Sequence
from typing import Any

from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.opcode import Opcode

from counterpoise.chain.call_tree import Call, Emitted
from counterpoise.chain.engines.pyevm_runs import revert_data, run_unsigned
from counterpoise.chain.reasons import reason_of

SSTORE, TSTORE = 0x55, 0x5D
COMPUTATION: Any = PragueComputation


class _Watched(PragueComputation):
    """Notes, for each write to storage, how many calls were made before it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.writes: list[int] = []


def _noted(opcode: Any) -> Any:
    def run(computation: Any) -> Any:
        computation.writes.append(len(computation.children))
        return opcode(computation)

    return Opcode.as_opcode(run, opcode.mnemonic, 0)


_Watched.opcodes = {
    **COMPUTATION.opcodes,
    SSTORE: _noted(COMPUTATION.opcodes[SSTORE]),
    TSTORE: _noted(COMPUTATION.opcodes[TSTORE]),
}


def watched(state_class: Any) -> Any:
    """Give a state class whose computations are watched."""
    return type(f"Watched{state_class.__name__}", (state_class,), {"computation_class": _Watched})


def trees_of(vm: Any, header: Any, transactions: Sequence[Any]) -> list[Call]:
    """Run a block's transactions again, on the state before it; give the tree of each."""
    trees = []
    for signed in transactions:
        receipt, computation = vm.apply_transaction(header, signed)
        used = receipt.gas_used - header.gas_used
        header = vm.add_receipt_to_header(header, receipt)
        trees.append(tree_of(computation, signed.sender, used))
    return trees


def try_transaction(state: Any, fields: dict[str, Any], sender: bytes, gas: int) -> Call:
    """Run a transaction that nobody signed, as if its gas were paid for, and undo it."""
    computation = run_unsigned(state, fields, sender, gas)
    return tree_of(computation, sender, gas - computation.get_gas_remaining())


def tree_of(computation: Any, sender: bytes, gas_used: int) -> Call:
    """Give what a computation did; `sender` is who made the outermost call."""
    message = computation.msg
    own, kind = message.storage_address, _kind(message, sender)
    children = [tree_of(child, own, child.get_gas_used()) for child in computation.children]
    children += [
        Call("SELFDESTRUCT", own, heir, 0, b"", b"", 0) for heir in computation.beneficiaries
    ]
    return Call(
        kind=kind,
        sender=sender,
        to=message.code_address if kind in ("DELEGATECALL", "CALLCODE") else own,
        value=message.value,
        data=bytes(message.code if message.is_create else message.data),
        output=bytes(computation.output),
        gas_used=gas_used,
        failed=_failure(computation),
        calls=tuple(children),
        events=tuple(
            Emitted(address, tuple(t.to_bytes(32, "big") for t in topics), bytes(data))
            for _, address, topics, data in computation._log_entries
        ),
        writes=tuple(computation.writes),
    )


def _kind(message: Any, sender: bytes) -> str:
    if message.is_create:
        return "CREATE"
    borrowed = message._code_address is not None and message.storage_address == sender
    if message.should_transfer_value:
        return "CALLCODE" if borrowed else "CALL"
    return "DELEGATECALL" if borrowed else "STATICCALL"


def _failure(computation: Any) -> str:
    if not computation.is_error:
        return ""
    return reason_of(revert_data(computation.error)) or type(computation.error).__name__
