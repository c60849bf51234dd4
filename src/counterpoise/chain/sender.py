"""Sends a transaction with the right nonce, fee and gas, and waits for its receipt."""

import threading
import time
from contextlib import suppress
from typing import Protocol, cast, runtime_checkable
from weakref import WeakKeyDictionary

from counterpoise.chain.account import Account, Transaction
from counterpoise.chain.backend import Chain, Receipt
from counterpoise.core.errors import ChainError, Reverted, Unreachable

LOCAL_GAS = 12_000_000
RECEIPT_SECONDS, AGAIN_SECONDS = 120.0, 5.0


@runtime_checkable
class _TellsReasons(Protocol):
    """A back end that remembers why a mined transaction was refused."""

    def revert_reason(self, tx_hash: bytes) -> str: ...


_LOCKS: WeakKeyDictionary[Chain, dict[bytes, threading.Lock]] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()


def send(
    chain: Chain,
    account: Account,
    to: bytes | None,
    data: bytes,
    *,
    value: int = 0,
    gas: int | None = None,
    call: str = "the transaction",
) -> Receipt:
    """Sign, send and wait; a refusal arrives as `Reverted(call, reason)`.

    Nonces of one account are given out under a lock, so that several threads may share a key.
    """
    chain_id = chain.chain_id()
    account.check_allowed_on(chain_id)
    if gas is None:
        gas = _gas(chain, account, to, data, value, call)
    with _lock(chain, account.address):
        base, tip = chain.fees()
        fields = Transaction(
            chain_id, chain.nonce(account.address), tip, 2 * base + tip, gas, to, value, data
        )
        raw = account.sign_transaction(fields)
        tx_hash = chain.send_raw(raw)
    receipt = wait(chain, tx_hash, raw)
    if receipt.status != 1:
        raise Reverted(call, _reason(chain, account, receipt, fields))
    return receipt


def wait(
    chain: Chain, tx_hash: bytes, raw: bytes = b"", *, seconds: float = RECEIPT_SECONDS
) -> Receipt:
    """Wait for a transaction's receipt; `Unreachable` if it does not come in time.

    Parameters
    ----------
    raw :
        The signed transaction: it is sent again every few seconds, since a node or a
        reorganisation may have dropped it; being the same, it counts once.
    """
    deadline, pause = time.monotonic() + seconds, 0.01
    again = time.monotonic() + AGAIN_SECONDS
    while (receipt := chain.receipt(tx_hash)) is None:
        now = time.monotonic()
        if raw and now > again:
            again = now + AGAIN_SECONDS
            with suppress(ChainError):  # it waits there already, or its nonce is used
                chain.send_raw(raw)
        if now > deadline:
            raise Unreachable(
                f"transaction 0x{tx_hash.hex()} was sent, and not mined within {seconds:.0f} s",
                hint="it may still be mined; look it up by its hash before sending again",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)
    return receipt


def _gas(
    chain: Chain, account: Account, to: bytes | None, data: bytes, value: int, call: str
) -> int:
    """A generous limit on a local chain, a tested one with a fifth on top elsewhere."""
    if chain.features.local:
        return LOCAL_GAS
    try:
        return chain.estimate(to, data, sender=account.address, value=value) * 6 // 5
    except Reverted as refused:
        raise Reverted(call, refused.reason) from None


def _reason(chain: Chain, account: Account, receipt: Receipt, fields: Transaction) -> str:
    if receipt.gas_used >= fields.gas:
        return "out of gas"
    if isinstance(chain, _TellsReasons):
        return chain.revert_reason(receipt.tx_hash)
    try:
        before = receipt.block_number - 1
        chain.call(
            fields.to or b"", fields.data, sender=account.address, block=before, value=fields.value
        )
    except Reverted as refused:
        return refused.reason
    return ""


def _lock(chain: Chain, address: bytes) -> threading.Lock:
    with _LOCKS_LOCK:
        locks = _LOCKS.setdefault(chain, cast("dict[bytes, threading.Lock]", {}))
        return locks.setdefault(address, threading.Lock())
