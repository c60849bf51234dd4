"""The code at an address of a chain, and the code that it passes its calls on to."""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.audit.bytecode.code import PROXY_SLOTS, implementation_of
from counterpoise.audit.project import Source
from counterpoise.chain import Chain
from counterpoise.core.digest import keccak
from counterpoise.core.errors import ChainError, InputError

__all__ = ["deployed_sources"]

MOST_HOPS = 5
ASK_BEACON = keccak(b"implementation()")[:4]


def deployed_sources(chain: Chain, address: bytes) -> tuple[Source, ...]:
    """The code at an address, and at every address that it stands for as a proxy.

    Minimal proxies (ERC-1167), the slots of ERC-1967 and ERC-1822, and beacons are followed.

    Raises
    ------
    InputError :
        There is no code at the address.
    """
    code = chain.code(address)
    if not code:
        raise InputError(
            f"there is no code at 0x{address.hex()} on this chain",
            hint="an account, or another chain?",
        )
    found, waiting = {address: code}, [address]
    while waiting and len(found) < MOST_HOPS:
        at = waiting.pop()
        for behind in _behind(chain, at, found[at]):
            code = chain.code(behind)
            if code and behind not in found:
                found[behind] = code
                waiting.append(behind)
    return tuple(Source(f"0x{one.hex()}", code, "bytecode") for one, code in found.items())


def _behind(chain: Chain, address: bytes, code: bytes) -> Iterator[bytes]:
    """Addresses of the code that a proxy runs, or might."""
    clone = implementation_of(code)
    if clone:
        yield clone
    for slot, kind in PROXY_SLOTS.items():
        if slot.to_bytes(32, "big") not in code:
            continue
        stored = chain.storage(address, slot)[12:]
        if stored == bytes(20):
            continue
        if "beacon" not in kind:
            yield stored
            continue
        try:
            yield chain.call(stored, ASK_BEACON)[12:32]
        except ChainError:
            continue
