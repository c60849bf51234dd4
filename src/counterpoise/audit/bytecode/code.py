"""What some bytes are: deploying or deployed code, a proxy, with metadata, or nothing to read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from counterpoise.audit.bytecode.graph import explore
from counterpoise.audit.bytecode.instructions import jump_targets, listing
from counterpoise.audit.bytecode.machine import Machine, State
from counterpoise.core.digest import keccak

__all__ = ["Code", "PROXY_SLOTS", "Unreadable", "implementation_of", "read_code"]

EOF_MAGIC = b"\xef\x00"
DELEGATED = b"\xef\x01\x00"


def _slot(name: str) -> int:
    return int.from_bytes(keccak(name.encode()), "big") - 1


PROXY_SLOTS = {
    _slot("eip1967.proxy.implementation"): "EIP-1967",
    _slot("eip1967.proxy.beacon"): "EIP-1967 beacon",
    int.from_bytes(keccak(b"PROXIABLE"), "big"): "EIP-1822",
    int.from_bytes(keccak(b"org.zeppelinos.proxy.implementation"), "big"): "ZeppelinOS",
}
"""Slots in which proxies keep what they stand for: ERC-1967, ERC-1822, and what came before."""

CLONES = (
    re.compile(rb"\A\x36\x3d\x3d\x37\x3d\x3d\x3d\x36\x3d\x73(.{20})\x5a\xf4\x3d\x82\x80\x3e", re.S),
    re.compile(rb"\A\x3d\x3d\x3d\x3d\x36\x3d\x3d\x37\x36\x3d\x73(.{20})\x5a\xf4", re.S),
    re.compile(rb"\A\x36\x5f\x5f\x37\x5f\x5f\x36\x5f\x73(.{20})\x5a\xf4", re.S),
    re.compile(rb"\A\x36\x60\x00\x60\x00\x37.{0,8}\x60?\x00?\x73(.{20})\x5a\xf4", re.S),
)
"""Minimal proxies: ERC-1167, its shorter sisters, and those of compilers of old."""


class Unreadable(Exception):
    """Code that these rules do not read; `reason` says why, `hint` what to do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


@dataclass(frozen=True, slots=True)
class Code:
    """Code that can be walked.

    Parameters
    ----------
    runtime :
        What lies on the chain, without metadata.
    clone_of :
        The 20 bytes that a minimal proxy passes every call to; empty if it is none.
    notes :
        What was done with the bytes that were given.
    """

    runtime: bytes
    clone_of: bytes
    notes: tuple[str, ...]

    def machine(self) -> Machine:
        """A machine over the instructions, without what follows the last of them."""
        found = {one.pc: one for one in listing(self.runtime)}
        return Machine(found, jump_targets(found))


def read_code(content: bytes, until: float = math.inf) -> Code:
    """What the bytes are, with the metadata cut off and deploying code run to what it deploys.

    Parameters
    ----------
    until :
        `time.monotonic` at which to stop looking for deployed code inside.

    Raises
    ------
    Unreadable :
        There is no code; it is of the EOF, or the mark of a delegated account; it is no code.
    """
    if not content:
        raise Unreadable("no code: empty")
    if content.startswith(DELEGATED) and len(content) == 23:
        raise Unreadable(
            f"an account that runs the code at 0x{content[3:].hex()} (EIP-7702)",
            "audit that address",
        )
    if content.startswith(EOF_MAGIC):
        raise Unreadable("code in the EVM object format (EOF), which no live chain runs")
    if content[0] == 0xEF:
        raise Unreadable("code that begins with 0xef, which no chain deploys (EIP-3541)")
    notes = []
    deployed = _deployed(content, until)
    if deployed is not None:
        notes.append(f"deploying code; read is the {len(deployed):,} bytes that it deploys")
    runtime = deployed or content
    bare = without_metadata(runtime)
    if not any(
        one.name in ("STOP", "RETURN", "SELFDESTRUCT", "DELEGATECALL", "SSTORE")
        for one in listing(bare)
    ):
        raise Unreadable("not code: no instruction in it ends well")
    return Code(bare, implementation_of(runtime), tuple(notes))


def implementation_of(runtime: bytes) -> bytes:
    """The address that a minimal proxy passes every call to; empty if it is none.

    >>> code = bytes.fromhex("363d3d373d3d3d363d73" + "11" * 20 + "5af43d82803e903d91602b57fd5bf3")
    >>> implementation_of(code).hex()
    '1111111111111111111111111111111111111111'
    """
    for shape in CLONES:
        found = shape.match(runtime)
        if found:
            return found[1]
    return b""


def without_metadata(code: bytes) -> bytes:
    """The code without the CBOR record that Solidity puts at its end."""
    if len(code) < 4:
        return code
    size = int.from_bytes(code[-2:], "big") + 2
    start = len(code) - size
    marks = (b"bzzr0", b"bzzr1", b"ipfs", b"solc", b"experimental")
    record = code[start:-2]
    known = size > 4 and start > 0 and 0xA1 <= record[0] <= 0xA4 and any(m in record for m in marks)
    return code[:start] if known else code


def _deployed(content: bytes, until: float) -> bytes | None:
    """What deploying code puts on the chain; None if it is deployed code already.

    Deploying code has no call data to load. It copies a part of itself into memory and returns
    that; it is walked like any other, and what it copies and returns is looked up.
    """
    found = {one.pc: one for one in listing(content)}
    machine = Machine(found, jump_targets(found))
    graph = explore(machine, 0, State([]), until=until)
    reached = (one.name for key in graph.outcomes for one in machine.block(key[0]))
    if "CALLDATALOAD" in reached:
        return None
    events = [event for _, _, event in graph.events()]
    returned = {event.values[0].const for event in events if event.name == "RETURN"}
    pieces = []
    for event in events:
        if event.name == "CODECOPY" and returned:
            to, source, size = (one.const for one in event.values)
            if source and size and source + size <= len(content):
                pieces.append((to in returned, size, content[source : source + size]))
    return max(pieces)[2] if pieces else None
