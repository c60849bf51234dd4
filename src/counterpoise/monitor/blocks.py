"""What a detector is given: blocks in plain shapes, whatever source they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

CallKind = Literal["call", "delegatecall", "staticcall", "callcode", "create", "selfdestruct"]

TRANSFER = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
"""Topic of ``Transfer(address,address,uint256)``, ERC-20 and ERC-721."""

NATIVE = bytes(20)
"""Stands for the chain's own coin where a token's address is asked for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a transaction, undecoded; `index` counts within the block."""

    index: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One call of a transaction's call tree.

    Parameters
    ----------
    sender, to :
        Who called and what was called; for a delegate call `to` is the code.
    value :
        Wei sent along.
    given :
        The call's input.
    failed :
        Whether it reverted, and with it everything inside.
    writes :
        For each write to storage by the call's own code, how many calls it had made before it;
        None where the source does not tell.
    frames :
        The calls it made, in order.
    """

    kind: CallKind
    sender: bytes
    to: bytes
    value: int
    given: bytes
    failed: bool = False
    writes: tuple[int, ...] | None = None
    frames: tuple[Frame, ...] = ()

    def walk(self) -> Iterator[Frame]:
        """Give the call and all calls inside it, in the order in which they began."""
        waiting = [self]
        while waiting:
            frame = waiting.pop()
            yield frame
            waiting.extend(reversed(frame.frames))


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction with what came of it.

    Parameters
    ----------
    to :
        None for the creation of a contract; its address is then `created`.
    fee :
        Wei that the sender paid for gas.
    trace :
        The call tree; None where the source gives none.
    """

    hash: bytes
    index: int
    sender: bytes
    to: bytes | None
    value: int
    given: bytes
    succeeded: bool
    entries: tuple[Entry, ...] = ()
    fee: int = 0
    created: bytes | None = None
    trace: Frame | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block of transactions; `time` is Unix seconds."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    transactions: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Value that moved: `token` is `NATIVE` for the chain's own coin, `amount` in base units."""

    transaction: int
    token: bytes
    src: bytes
    dst: bytes
    amount: int


def transfers_of(block: Block) -> Iterator[Transfer]:
    """Every movement of the coin and of ERC-20 tokens in a block, in order.

    Without traces the coin that contracts send on is not seen. An ERC-721 transfer, whose third
    value is indexed, is not one.
    """
    for transaction in block.transactions:
        if not transaction.succeeded:
            continue
        yield from _coins(transaction)
        for entry in transaction.entries:
            if len(entry.topics) == 3 and entry.topics[0] == TRANSFER and len(entry.data) == 32:
                src, dst = entry.topics[1][12:], entry.topics[2][12:]
                amount = int.from_bytes(entry.data, "big")
                yield Transfer(transaction.index, entry.address, src, dst, amount)


def _coins(transaction: Transaction) -> Iterator[Transfer]:
    if transaction.trace is None:
        to = transaction.to or transaction.created
        if transaction.value and to is not None:
            yield Transfer(transaction.index, NATIVE, transaction.sender, to, transaction.value)
        return
    waiting = [transaction.trace]
    while waiting:
        frame = waiting.pop()
        if frame.failed:
            continue
        if frame.value and frame.kind in ("call", "create", "selfdestruct"):
            yield Transfer(transaction.index, NATIVE, frame.sender, frame.to, frame.value)
        waiting.extend(reversed(frame.frames))
