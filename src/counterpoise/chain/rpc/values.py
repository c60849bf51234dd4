"""Reads the parameters of JSON-RPC requests strictly, and writes quantities and bytes."""

import re
from typing import Any

from counterpoise.chain.backend import BlockRef
from counterpoise.chain.rpc.faults import PARAMS, RpcError

LOOSE_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
TAGS = ("earliest", "latest", "pending", "safe", "finalized")


def quantity(value: int) -> str:
    """Write an integer.

    >>> quantity(1024)
    '0x400'
    """
    return hex(value)


def hexed(value: bytes) -> str:
    """Write bytes.

    >>> hexed(bytes((0, 255)))
    '0x00ff'
    """
    return f"0x{value.hex()}"


def read_quantity(value: Any, name: str) -> int:
    """Read an integer; leading zeros are let pass, as other nodes do."""
    if isinstance(value, str) and LOOSE_QUANTITY.fullmatch(value):
        return int(value, 16)
    raise RpcError(PARAMS, f"{name}: {_shown(value)} is no quantity such as 0x1f")


def read_bytes(value: Any, name: str, size: int | None = None) -> bytes:
    """Read bytes, of one size if it is given."""
    if isinstance(value, str) and BYTES.fullmatch(value):
        found = bytes.fromhex(value[2:])
        if size is None or len(found) == size:
            return found
    wanted = "0x and an even number of hex digits" if size is None else f"{size} bytes in hex"
    raise RpcError(PARAMS, f"{name}: {_shown(value)} is not {wanted}")


def read_address(value: Any, name: str = "address") -> bytes:
    """Read an address; its checksum is not looked at, as other nodes do not."""
    return read_bytes(value, name, 20)


def read_block(value: Any) -> BlockRef:
    """Read a block: a tag, a number, or an object that names a hash or number (EIP-1898)."""
    if value in TAGS:
        found: BlockRef = value
        return found
    if isinstance(value, dict) and "blockHash" in value:
        return read_bytes(value["blockHash"], "blockHash", 32)
    if isinstance(value, dict) and "blockNumber" in value:
        return read_quantity(value["blockNumber"], "blockNumber")
    return read_quantity(value, "block")


def read_topics(value: Any) -> list[bytes | list[bytes] | None]:
    """Read a filter's topics: each null, a topic, or a list of which one must match."""
    if not isinstance(value, list) or len(value) > 4:
        raise RpcError(PARAMS, f"topics: {_shown(value)} is no list of at most four")
    topics: list[bytes | list[bytes] | None] = []
    for one in value:
        if one is None or one == []:
            topics.append(None)
        elif isinstance(one, list):
            topics.append([read_bytes(each, "topic", 32) for each in one])
        else:
            topics.append(read_bytes(one, "topic", 32))
    return topics


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
