"""The instructions of the EVM, as Cancun knows them, and code cut into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["ENDS", "SUCCESS", "Instruction", "jump_targets", "listing"]

_TABLE = """
00 STOP 0 0|01 ADD 2 1|02 MUL 2 1|03 SUB 2 1|04 DIV 2 1|05 SDIV 2 1|06 MOD 2 1|07 SMOD 2 1
08 ADDMOD 3 1|09 MULMOD 3 1|0a EXP 2 1|0b SIGNEXTEND 2 1|10 LT 2 1|11 GT 2 1|12 SLT 2 1|13 SGT 2 1
14 EQ 2 1|15 ISZERO 1 1|16 AND 2 1|17 OR 2 1|18 XOR 2 1|19 NOT 1 1|1a BYTE 2 1|1b SHL 2 1|1c SHR 2 1
1d SAR 2 1|1e CLZ 1 1|20 SHA3 2 1|30 ADDRESS 0 1|31 BALANCE 1 1|32 ORIGIN 0 1|33 CALLER 0 1
34 CALLVALUE 0 1|35 CALLDATALOAD 1 1|36 CALLDATASIZE 0 1|37 CALLDATACOPY 3 0|38 CODESIZE 0 1
39 CODECOPY 3 0|3a GASPRICE 0 1|3b EXTCODESIZE 1 1|3c EXTCODECOPY 4 0|3d RETURNDATASIZE 0 1
3e RETURNDATACOPY 3 0|3f EXTCODEHASH 1 1|40 BLOCKHASH 1 1|41 COINBASE 0 1|42 TIMESTAMP 0 1
43 NUMBER 0 1|44 PREVRANDAO 0 1|45 GASLIMIT 0 1|46 CHAINID 0 1|47 SELFBALANCE 0 1|48 BASEFEE 0 1
49 BLOBHASH 1 1|4a BLOBBASEFEE 0 1|50 POP 1 0|51 MLOAD 1 1|52 MSTORE 2 0|53 MSTORE8 2 0|54 SLOAD 1 1
55 SSTORE 2 0|56 JUMP 1 0|57 JUMPI 2 0|58 PC 0 1|59 MSIZE 0 1|5a GAS 0 1|5b JUMPDEST 0 0
5c TLOAD 1 1|5d TSTORE 2 0|5e MCOPY 3 0|a0 LOG0 2 0|a1 LOG1 3 0|a2 LOG2 4 0
a3 LOG3 5 0|a4 LOG4 6 0|f0 CREATE 3 1
f1 CALL 7 1|f2 CALLCODE 7 1|f3 RETURN 2 0|f4 DELEGATECALL 6 1|f5 CREATE2 4 1|fa STATICCALL 6 1
fd REVERT 2 0|fe INVALID 0 0|ff SELFDESTRUCT 1 0
"""

ENDS = frozenset({"STOP", "RETURN", "REVERT", "INVALID", "SELFDESTRUCT", "JUMP", "JUMPI"})
"""Instructions after which the next one is not simply the next."""
SUCCESS = frozenset({"STOP", "RETURN", "SELFDESTRUCT"})
"""Ends that keep what was done."""


class Instruction(NamedTuple):
    """One instruction: its offset, its name, what it takes and gives, and what it pushes."""

    pc: int
    name: str
    pops: int
    pushes: int
    operand: int
    next: int


def _known() -> dict[int, tuple[str, int, int]]:
    rows = (row.split() for line in _TABLE.split("\n") for row in line.split("|") if row)
    found = {int(code, 16): (name, int(pops), int(pushes)) for code, name, pops, pushes in rows}
    for n in range(33):
        found[0x5F + n] = (f"PUSH{n}", 0, 1)
    for n in range(1, 17):
        found[0x7F + n] = (f"DUP{n}", n, n + 1)
        found[0x8F + n] = (f"SWAP{n}", n + 1, n + 1)
    return found


KNOWN = _known()


def listing(code: bytes) -> Iterator[Instruction]:
    """Every instruction in the order of the bytes; what is no instruction is ``INVALID``.

    >>> [(one.name, one.operand) for one in listing(bytes.fromhex("60015500"))]
    [('PUSH1', 1), ('SSTORE', 0), ('STOP', 0)]
    """
    pc = 0
    while pc < len(code):
        byte = code[pc]
        name, pops, pushes = KNOWN.get(byte, ("INVALID", 0, 0))
        size = byte - 0x5F if 0x5F < byte <= 0x7F else 0
        operand = int.from_bytes(code[pc + 1 : pc + 1 + size].ljust(size, b"\0"), "big")
        yield Instruction(pc, name, pops, pushes, operand, pc + 1 + size)
        pc += 1 + size


def jump_targets(instructions: dict[int, Instruction]) -> frozenset[int]:
    """Offsets that may be jumped to."""
    return frozenset(pc for pc, one in instructions.items() if one.name == "JUMPDEST")
