"""Reads whole blocks from a node by JSON-RPC, with call trees where it traces."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from counterpoise.chain import Block as Head
from counterpoise.chain import Chain
from counterpoise.core.errors import ChainError, Unreachable
from counterpoise.monitor.blocks import Block, Entry, Frame, Transaction
from counterpoise.monitor.sources.frames import frame_from_json

TRACER = {"tracer": "callTracer"}
NOT_OFFERED = re.compile(
    r"not (supported|available|found|exist|enabled|allowed|implemented|whitelisted)|"
    r"unsupported|unknown method|disabled|does not exist|no such method",
    re.IGNORECASE,
)


@runtime_checkable
class Node(Chain, Protocol):
    """A chain behind a node that can be asked anything."""

    def request(self, method: str, *params: Any) -> Any:
        """Ask the node, with retries."""
        ...


class NodeBlocks:
    """Whole blocks of a node.

    Parameters
    ----------
    say :
        Told once if the node gives no traces: then what contracts did inside is not seen.
    """

    def __init__(self, node: Node, say: Callable[[str], None] = lambda line: None) -> None:
        self._node, self._say = node, say
        self._ways: list[Callable[[Head, Sequence[bytes]], list[Any]]] = [
            self._trace_block,
            self._trace_each,
        ]
        self._whole_receipts = True
        self._tells_writes: bool | None = None
        self.untraced = 0

    def block(self, head: Head) -> Block | None:
        """The block of a head; None if it was replaced meanwhile."""
        found = self._node.request("eth_getBlockByHash", _hexed(head.hash), True)
        if found is None:
            return None
        rows = _listed(found, "transactions", "a block")
        receipts = self._receipts(head, rows) if rows else []
        if receipts is None:
            return None
        traces = self._traces(head, [_octets(row, "hash", 32) for row in rows])
        made = [
            transaction_of(row, receipt, trace)
            for row, receipt, trace in zip(rows, receipts, traces, strict=True)
        ]
        return Block(head.number, head.hash, head.parent, head.time, tuple(made))

    def _receipts(self, head: Head, rows: Sequence[Any]) -> list[Any] | None:
        """The block's receipts in order; None if the node now has another block there."""
        found: Any = None
        if self._whole_receipts:
            try:
                found = self._node.request("eth_getBlockReceipts", hex(head.number))
            except Unreachable:
                raise
            except ChainError as refused:
                if not _is_not_offered(refused):
                    raise
                self._whole_receipts = False
        if found is None:
            hashes = [row["hash"] for row in rows]
            found = [self._node.request("eth_getTransactionReceipt", one) for one in hashes]
        if not isinstance(found, list) or any(one is None for one in found):
            return None
        wanted = [(_octets(row, "hash", 32), head.hash) for row in rows]
        given = [(_octets(o, "transactionHash", 32), _octets(o, "blockHash", 32)) for o in found]
        return found if given == wanted else None

    def _traces(self, head: Head, hashes: Sequence[bytes]) -> list[Frame | None]:
        """Call trees, or Nones where the node has none for this block."""
        while self._ways and hashes:
            try:
                trees = self._ways[0](head, hashes)
                return [frame_from_json(tree, tells_writes=self._own_node()) for tree in trees]
            except Unreachable:
                raise
            except (ChainError, RecursionError) as refused:
                if not _is_not_offered(refused):
                    break
                self._ways.pop(0)
                if not self._ways:
                    self._say("the node gives no traces: calls inside transactions are not seen")
        self.untraced += len(hashes)
        return [None] * len(hashes)

    def _trace_block(self, head: Head, hashes: Sequence[bytes]) -> list[Any]:
        found = self._node.request("debug_traceBlockByHash", _hexed(head.hash), TRACER)
        if not isinstance(found, list) or len(found) != len(hashes):
            raise ChainError("the node traced another number of transactions")
        return [one.get("result") if isinstance(one, dict) else one for one in found]

    def _trace_each(self, _head: Head, hashes: Sequence[bytes]) -> list[Any]:
        method = "debug_traceTransaction"
        return [self._node.request(method, _hexed(one), TRACER) for one in hashes]

    def _own_node(self) -> bool:
        if self._tells_writes is None:
            name = self._node.request("web3_clientVersion")
            self._tells_writes = isinstance(name, str) and name.startswith("Counterpoise/")
        return self._tells_writes


def transaction_of(row: Any, receipt: Any, trace: Frame | None) -> Transaction:
    """A transaction from a node's own objects for it and for its receipt."""
    to, created = row.get("to"), receipt.get("contractAddress")
    price = receipt.get("effectiveGasPrice") or row.get("gasPrice") or "0x0"
    return Transaction(
        hash=_octets(row, "hash", 32),
        index=_quantity(row, "transactionIndex"),
        sender=_octets(row, "from", 20),
        to=_octets(row, "to", 20) if to else None,
        value=_quantity(row, "value"),
        given=_octets(row, "input"),
        succeeded=receipt.get("status", "0x1") == "0x1",
        entries=tuple(_entry(log) for log in _listed(receipt, "logs", "a receipt")),
        fee=_quantity(receipt, "gasUsed") * _number(price, "a gas price"),
        created=_octets(receipt, "contractAddress", 20) if created else None,
        trace=trace,
    )


def _entry(log: Any) -> Entry:
    topics = tuple(_read(topic, "a topic", 32) for topic in _listed(log, "topics", "a log"))
    index, address = _quantity(log, "logIndex"), _octets(log, "address", 20)
    return Entry(index, address, topics, _octets(log, "data"))


def _is_not_offered(refused: Exception) -> bool:
    return getattr(refused, "code", None) == -32601 or bool(NOT_OFFERED.search(str(refused)))


def _hexed(value: bytes) -> str:
    return f"0x{value.hex()}"


def _listed(found: Any, name: str, what: str) -> list[Any]:
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, list):
        raise ChainError(f"the node gave {what} without a list of {name}")
    return value


def _octets(found: Any, name: str, size: int | None = None) -> bytes:
    return _read(found.get(name) if isinstance(found, dict) else None, name, size)


def _read(value: Any, name: str, size: int | None = None) -> bytes:
    try:
        octets = bytes.fromhex(value.removeprefix("0x"))
    except (AttributeError, ValueError):
        raise ChainError(f"the node gave {value!r:.60} as {name}, wanted bytes in hex") from None
    if size is not None and len(octets) != size:
        raise ChainError(f"the node gave {len(octets)} bytes as {name}, wanted {size}")
    return octets


def _quantity(found: Any, name: str) -> int:
    return _number(found.get(name) if isinstance(found, dict) else None, name)


def _number(value: Any, name: str) -> int:
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        raise ChainError(f"the node gave {value!r:.60} as {name}, wanted a quantity") from None
