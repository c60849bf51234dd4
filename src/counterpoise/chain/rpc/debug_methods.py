"""The `debug_` methods that show what transactions did, as Geth's call tracer writes it."""

from collections.abc import Callable
from typing import Any

from counterpoise.chain.call_tree import Call
from counterpoise.chain.embedded import EmbeddedChain
from counterpoise.chain.rpc.faults import PARAMS, RpcError
from counterpoise.chain.rpc.methods import transaction_fields
from counterpoise.chain.rpc.values import hexed, quantity, read_block, read_bytes

TRACER = "callTracer"


class DebugMethods:
    """Call trees of mined transactions, of whole blocks and of transactions not sent yet."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain

    def table(self) -> dict[str, Callable[..., Any]]:
        """Give the methods by name."""
        return {
            "debug_traceTransaction": self.transaction,
            "debug_traceBlockByNumber": self.block,
            "debug_traceBlockByHash": lambda digest, options=None: self.block(
                {"blockHash": digest}, options
            ),
            "debug_traceCall": self.call,
        }

    def transaction(self, digest: Any, options: Any = None) -> dict[str, Any]:
        """Answer `debug_traceTransaction`."""
        with_log = _with_log(options)
        found = self.chain.transaction(read_bytes(digest, "hash", 32))
        if found is None or found[1] is None:
            raise RpcError(PARAMS, "transaction not found")
        mined = found[1]
        trees = self.chain.call_trees(mined.receipt.block_number)
        return call_json(trees[mined.position], with_log=with_log)

    def block(self, ref: Any, options: Any = None) -> list[dict[str, Any]]:
        """Answer `debug_traceBlockByNumber` and `…ByHash`."""
        with_log, number = _with_log(options), self.chain.block(read_block(ref)).number
        hashes = [one.tx_hash for one in self.chain.transactions(number)]
        trees = self.chain.call_trees(number)
        return [
            {"txHash": hexed(digest), "result": call_json(tree, with_log=with_log)}
            for digest, tree in zip(hashes, trees, strict=True)
        ]

    def call(self, fields: Any, _at: Any = "latest", options: Any = None) -> dict[str, Any]:
        """Answer `debug_traceCall`, always on the latest state."""
        with_log = _with_log(options)
        to, data, sender, value = transaction_fields(fields)
        tree = self.chain.attempt(to, data, sender=sender or bytes(20), value=value)
        return call_json(tree, with_log=with_log)


def call_json(call: Call, *, with_log: bool) -> dict[str, Any]:
    """Write a call tree; `writes` is ours, and is left out by other nodes."""
    shown: dict[str, Any] = {
        "type": call.kind,
        "from": hexed(call.sender),
        "to": hexed(call.to),
        "gasUsed": quantity(call.gas_used),
        "input": hexed(call.data),
    }
    if call.kind not in ("STATICCALL", "DELEGATECALL"):
        shown["value"] = quantity(call.value)
    if call.output:
        shown["output"] = hexed(call.output)
    if call.failed:
        shown["error"] = call.failed
    if call.calls:
        shown["calls"] = [call_json(inner, with_log=with_log) for inner in call.calls]
    if with_log and call.events:
        shown["logs"] = [
            {
                "address": hexed(event.address),
                "topics": [hexed(topic) for topic in event.topics],
                "data": hexed(event.data),
            }
            for event in call.events
        ]
    if call.writes:
        shown["writes"] = list(call.writes)
    return shown


def _with_log(options: Any) -> bool:
    given = options or {}
    if not isinstance(given, dict) or given.get("tracer") != TRACER:
        raise RpcError(PARAMS, f'this node traces with {{"tracer": "{TRACER}"}} alone')
    return bool((given.get("tracerConfig") or {}).get("withLog"))
