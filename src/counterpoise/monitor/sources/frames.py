"""Call trees of the chain room, and of nodes, as the frames that detectors read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterpoise.chain import Call
from counterpoise.core.errors import ChainError
from counterpoise.monitor.blocks import CallKind, Frame

KINDS: Mapping[str, CallKind] = {
    "CALL": "call",
    "DELEGATECALL": "delegatecall",
    "STATICCALL": "staticcall",
    "CALLCODE": "callcode",
    "CREATE": "create",
    "CREATE2": "create",
    "SELFDESTRUCT": "selfdestruct",
}

MOVE_NOTHING = frozenset({"DELEGATECALL", "STATICCALL"})
"""A delegate call has the value of the call around it, which moved there already."""


def frame_of(call: Call) -> Frame:
    """A call tree of this process's chain."""
    return Frame(
        kind=_kind(call.kind),
        sender=call.sender,
        to=call.to,
        value=0 if call.kind in MOVE_NOTHING else call.value,
        given=call.data,
        failed=bool(call.failed),
        writes=call.writes,
        frames=tuple(frame_of(inner) for inner in call.calls),
    )


def frame_from_json(tree: Any, *, tells_writes: bool) -> Frame:
    """What ``callTracer`` wrote; anything else is a `ChainError`.

    Parameters
    ----------
    tells_writes :
        Whether the node is one of this project, which names a frame's writes where it has any.
    """
    if not isinstance(tree, dict):
        raise ChainError(f"the node's call tree is no object: {tree!r:.60}")
    try:
        writes = tuple(map(int, tree.get("writes", ()))) if tells_writes else None
        inner = tuple(
            frame_from_json(one, tells_writes=tells_writes) for one in tree.get("calls", ())
        )
        return Frame(
            kind=_kind(tree["type"]),
            sender=_octets(tree["from"]),
            to=_octets(tree.get("to") or "0x" + "00" * 20),
            value=0 if tree["type"] in MOVE_NOTHING else int(tree.get("value") or "0x0", 16),
            given=_octets(tree.get("input", "0x")),
            failed="error" in tree,
            writes=writes,
            frames=inner,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ChainError(f"the node's call tree cannot be read: {error!r}") from None


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _kind(name: Any) -> CallKind:
    if name not in KINDS:
        raise ChainError(f"the node traces a call of kind {name!r:.40}, which is none of {KINDS}")
    return KINDS[name]
