"""Runs on a state of py-evm that leave no trace: calls, and the search for a gas limit."""

from typing import Any

from eth.exceptions import OutOfGas, Revert, VMError
from eth.vm import message as messages
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_utils.exceptions import ValidationError

from counterpoise.chain.reasons import Refused, reason_of
from counterpoise.core.errors import Reverted

BUILDER: Any = PragueVM.get_transaction_builder()
MESSAGE: Any = messages.Message
SEARCH_PARTS = 200


def run_call(state: Any, gas: int, to: bytes, data: bytes, sender: bytes, value: int) -> bytes:
    """Run a message call and undo it; the sender is lent the value it sends."""
    saved = state.snapshot()
    try:
        message = MESSAGE(
            gas=gas,
            to=to,
            sender=sender,
            value=value,
            data=data,
            code=state.get_transaction_executor().get_code_at_address(to)[0],
        )
        context = state.get_transaction_context_class()(gas_price=0, origin=sender)
        if value:
            state.delta_balance(sender, value)
        computation = state.computation_class.apply_message(state, message, context)
    finally:
        state.revert(saved)
        state.clear_transient_storage()
    if computation.is_error:
        raise _refused(f"call to 0x{to.hex()}", computation.error)
    return bytes(computation.output)


def least_gas(state: Any, most: int, fields: dict[str, Any], sender: bytes) -> int:
    """Search the least gas limit with which a transaction succeeds."""
    used = _gas_used(state, fields, sender, most)
    low, high = used - 1, min(most, used * 64 // 63 + 5_000)
    while not _is_enough(state, fields, sender, high):
        low, high = high, min(most, high * 2)
    while high - low > max(1, high // SEARCH_PARTS):
        middle = (low + high) // 2
        if _is_enough(state, fields, sender, middle):
            high = middle
        else:
            low = middle
    return high


def _is_enough(state: Any, fields: dict[str, Any], sender: bytes, gas: int) -> bool:
    try:
        _gas_used(state, fields, sender, gas)
    except Reverted:
        return False
    return True


def _gas_used(state: Any, fields: dict[str, Any], sender: bytes, gas: int) -> int:
    """Give the gas a transaction uses, refunds not counted."""
    computation = run_unsigned(state, fields, sender, gas, lent=fields["value"])
    if computation.is_error:
        raise _refused("the transaction", computation.error)
    used = gas - computation.get_gas_remaining()
    return int(used + computation.data_floor_gas)


def run_unsigned(
    state: Any, fields: dict[str, Any], sender: bytes, gas: int, *, lent: int = 0
) -> Any:
    """Run a transaction that nobody signed and undo it; gives its computation.

    The sender is lent what the gas costs, and `lent` in wei beside it.
    """
    fee = state.execution_context.base_fee_per_gas
    unsigned = BUILDER.new_unsigned_dynamic_fee_transaction(
        **fields,
        nonce=state.get_nonce(sender),
        max_priority_fee_per_gas=0,
        max_fee_per_gas=fee,
        gas=gas,
        access_list=(),
    )
    saved = state.snapshot()
    try:
        state.delta_balance(sender, lent + gas * fee)
        return state.apply_transaction(SpoofTransaction(unsigned, from_=sender))
    except ValidationError as error:
        raise Reverted("the transaction", str(error)) from None
    finally:
        state.revert(saved)
        state.clear_transient_storage()


def _refused(call: str, error: VMError) -> Refused:
    data = revert_data(error)
    if data or isinstance(error, Revert):
        return Refused(call, reason_of(data), data)
    reason = "out of gas" if isinstance(error, OutOfGas) else f"{type(error).__name__}: {error}"
    return Refused(call, reason, b"")


def revert_data(error: VMError) -> bytes:
    """Give the bytes with which a contract reverted, empty if it failed in another way."""
    if isinstance(error, Revert) and error.args and isinstance(error.args[0], bytes):
        return error.args[0]
    return b""
