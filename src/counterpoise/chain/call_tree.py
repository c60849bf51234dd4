"""What a transaction did, call by call: the tree that monitors and screens read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event of one call, undecoded."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One call with the calls inside it.

    Parameters
    ----------
    kind :
        As Geth's call tracer says: ``CALL``, ``DELEGATECALL``, ``STATICCALL``, ``CALLCODE``,
        ``CREATE`` or ``SELFDESTRUCT``.
    sender :
        The contract, or the account, that made the call.
    to :
        What was called or created; the code's address for a delegate call.
    failed :
        Why it failed; empty if it did not.
    writes :
        For each write to storage by the call's own code, how many calls it had made before.
        None where the node does not tell.
    """

    kind: str
    sender: bytes
    to: bytes
    value: int
    data: bytes
    output: bytes
    gas_used: int
    failed: str = ""
    calls: tuple[Call, ...] = ()
    events: tuple[Emitted, ...] = ()
    writes: tuple[int, ...] | None = None

    def walk(self) -> Iterator[Call]:
        """Give the call and all calls inside it, in the order in which they began."""
        waiting = [self]
        while waiting:
            call = waiting.pop()
            yield call
            waiting.extend(reversed(call.calls))
