"""Reads a node's answers strictly: another shape than the standard's is an error, not a guess."""

import re
from typing import Any

from counterpoise.chain.backend import Block, BlockRef, Log, Receipt
from counterpoise.core.errors import ChainError

QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def hexed(value: bytes) -> str:
    """Write bytes as JSON-RPC wants them."""
    return f"0x{value.hex()}"


def quantity(value: Any, name: str) -> int:
    """Read an integer."""
    if not isinstance(value, str) or not QUANTITY.fullmatch(value):
        raise ChainError(f"the node gave {value!r} as {name}, wanted a quantity such as 0x1f")
    return int(value, 16)


def data(value: Any, name: str, size: int | None = None) -> bytes:
    """Read bytes, of one size if it is given."""
    if not isinstance(value, str) or not BYTES.fullmatch(value):
        raise ChainError(f"the node gave {value!r} as {name}, wanted bytes in hex")
    found = bytes.fromhex(value[2:])
    if size is not None and len(found) != size:
        raise ChainError(f"the node gave {len(found)} bytes as {name}, wanted {size}")
    return found


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ChainError(f"the node gave {type(value).__name__} as {name}, wanted an object")
    return value


def block(value: Any, ref: BlockRef) -> Block:
    """Read a block's head, and check that it is the one asked for."""
    found = _object(value, "a block")
    read = Block(
        quantity(found.get("number"), "a block's number"),
        data(found.get("hash"), "a block's hash", 32),
        data(found.get("parentHash"), "a block's parent", 32),
        quantity(found.get("timestamp"), "a block's time"),
        quantity(found.get("gasUsed"), "gas used"),
        quantity(found.get("gasLimit"), "gas limit"),
        quantity(found.get("baseFeePerGas", "0x0"), "base fee"),
    )
    if ref not in (read.number, read.hash) and not isinstance(ref, str):
        raise ChainError(f"the node gave block {read.number} where another was asked for")
    return read


def receipt(value: Any, tx_hash: bytes) -> Receipt:
    """Read a receipt, and check that it is of the transaction asked for."""
    found = _object(value, "a receipt")
    if data(found.get("transactionHash"), "a receipt's transaction", 32) != tx_hash:
        raise ChainError("the node gave the receipt of another transaction")
    contract = found.get("contractAddress")
    return Receipt(
        tx_hash,
        quantity(found.get("status"), "a receipt's status"),
        quantity(found.get("gasUsed"), "gas used"),
        quantity(found.get("blockNumber"), "a receipt's block"),
        data(found.get("blockHash"), "a receipt's block", 32),
        tuple(logs(found.get("logs"))),
        data(contract, "a contract's address", 20) if contract else None,
    )


def logs(value: Any, first: int = 0, last: int | None = None) -> list[Log]:
    """Read logs in order; those marked as removed by a reorg are left out.

    Parameters
    ----------
    first, last :
        The range that was asked for; a log outside it is an error.
    """
    if not isinstance(value, list):
        raise ChainError(f"the node gave {type(value).__name__} as logs, wanted a list")
    found = [_object(one, "a log") for one in value]
    read = [_log(one) for one in found if not one.get("removed")]
    for one in read:
        if one.block_number < first or (last is not None and one.block_number > last):
            raise ChainError(f"the node gave a log of block {one.block_number}, not asked for")
    return sorted(read, key=lambda one: (one.block_number, one.log_index))


def _log(found: dict[str, Any]) -> Log:
    topics = found.get("topics")
    if not isinstance(topics, list):
        raise ChainError("the node gave a log without a list of topics")
    return Log(
        data(found.get("address"), "a log's address", 20),
        tuple(data(topic, "a topic", 32) for topic in topics),
        data(found.get("data"), "a log's data"),
        quantity(found.get("blockNumber"), "a log's block"),
        data(found.get("blockHash"), "a log's block", 32),
        data(found.get("transactionHash"), "a log's transaction", 32),
        quantity(found.get("logIndex"), "a log's index"),
    )
