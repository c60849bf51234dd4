"""What a transaction would do if it were sent now: its call tree, bound to the state it ran on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from counterpoise.chain import Block, Call, Chain, Emitted
from counterpoise.core.errors import ChainError, Reverted, Unreachable

TRACE, PLAIN = "trace", "call"
TRIES = 3


@dataclass(frozen=True, slots=True)
class Intent:
    """A transaction that somebody is about to sign.

    Parameters
    ----------
    to :
        None for the creation of a contract.
    value :
        Wei.
    delegates :
        Code to which the sender would delegate its own account (EIP-7702).
    """

    sender: bytes
    to: bytes | None
    data: bytes = b""
    value: int = 0
    delegates: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """The state that something was computed on."""

    number: int
    hash: bytes
    state_root: bytes


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of trying.

    Parameters
    ----------
    how :
        ``trace`` with a call tree; ``call`` where the node gives none: then only `failed` is told.
    failed :
        Why it would fail; empty if it would not.
    """

    at: Bound
    how: str
    failed: str
    tree: Call | None


@runtime_checkable
class _Attempts(Protocol):
    """A chain in this process, which can try an unsigned transaction."""

    def attempt(self, to: bytes | None, data: bytes, *, sender: bytes, value: int = 0) -> Call: ...

    def header(self, ref: Any = "latest") -> dict[str, Any]: ...


@runtime_checkable
class _Asks(Protocol):
    """A chain behind a node that can be asked anything."""

    def request(self, method: str, *params: Any) -> Any: ...


def simulate(chain: Chain, intent: Intent) -> Simulation:
    """Try a transaction on the newest state, without a trace on the chain.

    The embedded chain gives the call tree, and so does a node that offers ``debug_traceCall`` with
    the call tracer; any other node says whether the call would fail.

    Raises
    ------
    ChainError :
        Blocks came faster than the transaction could be tried, three times in a row.
    """
    for _ in range(TRIES):
        before = _bound(chain)
        how, failed, tree = _attempt(chain, intent, before)
        if chain.block("latest").hash == before.hash:
            return Simulation(before, how, failed, tree)
    raise ChainError(
        f"{TRIES} blocks came while the transaction was tried", hint="try again, or a nearer node"
    )


def _attempt(chain: Chain, intent: Intent, at: Bound) -> tuple[str, str, Call | None]:
    try:
        if isinstance(chain, _Attempts):
            tree = chain.attempt(intent.to, intent.data, sender=intent.sender, value=intent.value)
            return TRACE, tree.failed, tree
        if isinstance(chain, _Asks):
            try:
                tree = _traced(chain, intent, at)
            except Unreachable:
                raise
            except ChainError:
                return PLAIN, _plainly(chain, intent, at), None
            return TRACE, tree.failed, tree
        return PLAIN, _plainly(chain, intent, at), None
    except Reverted as refused:
        return TRACE if isinstance(chain, _Attempts) else PLAIN, refused.reason or "reverted", None


def _plainly(chain: Chain, intent: Intent, at: Bound) -> str:
    """Why a call fails, on a node that traces nothing."""
    try:
        if intent.to is None:
            chain.estimate(None, intent.data, sender=intent.sender, value=intent.value)
        else:
            given = (intent.to, intent.data)
            chain.call(*given, sender=intent.sender, block=at.number, value=intent.value)
    except Reverted as refused:
        return refused.reason or "reverted"
    return ""


def _traced(chain: _Asks, intent: Intent, at: Bound) -> Call:
    fields = {"from": _hexed(intent.sender), "data": _hexed(intent.data)}
    if intent.to is not None:
        fields["to"] = _hexed(intent.to)
    if intent.value:
        fields["value"] = hex(intent.value)
    tracer = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
    return call_of_json(chain.request("debug_traceCall", fields, hex(at.number), tracer))


def _bound(chain: Chain) -> Bound:
    if isinstance(chain, _Attempts):
        header = chain.header()
        return Bound(
            int(header["block_number"]), bytes(header["hash"]), bytes(header["state_root"])
        )
    block: Block = chain.block("latest")
    root = b""
    if isinstance(chain, _Asks):
        found = chain.request("eth_getBlockByNumber", hex(block.number), False) or {}
        root = _bytes(found.get("stateRoot", "0x"))
    return Bound(block.number, block.hash, root)


def call_of_json(shown: Mapping[str, Any]) -> Call:
    """Read a call tree as Geth's call tracer writes it.

    Raises
    ------
    ChainError :
        It is none.
    """
    try:
        return _call(shown)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ChainError(f"the node's trace cannot be read: {error!r}") from error


def _call(shown: Mapping[str, Any]) -> Call:
    writes = shown.get("writes")
    return Call(
        kind=str(shown["type"]),
        sender=_bytes(shown["from"]),
        to=_bytes(shown.get("to") or "0x" + "00" * 20),
        value=int(shown.get("value", "0x0"), 16),
        data=_bytes(shown.get("input", "0x")),
        output=_bytes(shown.get("output", "0x")),
        gas_used=int(shown.get("gasUsed", "0x0"), 16),
        failed=str(shown.get("revertReason") or shown.get("error") or ""),
        calls=tuple(_call(inner) for inner in shown.get("calls", ())),
        events=tuple(
            Emitted(
                _bytes(event["address"]),
                tuple(map(_bytes, event["topics"])),
                _bytes(event.get("data", "0x")),
            )
            for event in shown.get("logs", ())
        ),
        writes=None if writes is None else tuple(map(int, writes)),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _hexed(data: bytes) -> str:
    return "0x" + data.hex()
