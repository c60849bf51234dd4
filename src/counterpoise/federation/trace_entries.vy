# pragma version ~=0.4.3
"""
@title Entries of a round's trace
@license Apache-2.0
@notice Opens entries of a trace against its root, and reads what many cells need of them.
@dev The layout is that of counterpoise.federation.rules.round_trace.
@custom:trust Nobody: pure functions of the contracts that use them.
@custom:stop Nothing to stop: they hold nothing.
"""

from counterpoise.chain.lib import rfc6962
from counterpoise.federation import IRoundJudge

TAG: constant(Bytes[22]) = b"counterpoise trace v2\x00"
HEAD: constant(uint256) = 528
SUMMARY: constant(uint256) = 48
UPDATES: constant(uint256) = 1
MEMBERS: constant(uint256) = 64
LEAF: constant(bytes1) = 0x00

# Places in the entry of the section `round`.
NUMBER_AT: constant(uint256) = 64
ENTROPY_AT: constant(uint256) = 72
COUNTS_AT: constant(uint256) = 104
RELEASED_AT: constant(uint256) = 105
EARNED_AT: constant(uint256) = 137
BAR_AT: constant(uint256) = 153
LAST_AT: constant(uint256) = 185
WEIGHTS_AT: constant(uint256) = 205


@internal
@pure
def _check_head(head: Bytes[528], root: bytes32):
    assert len(head) == HEAD, "cells: a head of another length"
    assert sha256(concat(TAG, head)) == root, "cells: not the head of the trace"


@internal
@pure
def _is_misshapen(head: Bytes[528], section: uint256, opening: IRoundJudge.Opening) -> bool:
    """
    @notice Check that an entry is in a section, and say whether it has another size than all must have.
    """
    count: uint256 = convert(slice(head, SUMMARY * section, 8), uint256)
    root: bytes32 = extract32(head, SUMMARY * section + 16)
    leaf: bytes32 = sha256(concat(LEAF, opening.entry))
    included: bool = rfc6962._is_included(leaf, opening.index, count, opening.proof, root)
    assert included, "cells: an entry is not in the trace"
    return len(opening.entry) != convert(slice(head, SUMMARY * section + 8, 8), uint256)


@internal
@pure
def _count(head: Bytes[528], section: uint256) -> uint256:
    return convert(slice(head, SUMMARY * section, 8), uint256)


@internal
@pure
def _members(head: Bytes[528]) -> uint256:
    """
    @notice Give how many members the round has, at most as many as a cell is judged for.
    """
    found: uint256 = convert(slice(head, SUMMARY * UPDATES, 8), uint256)
    assert found <= MEMBERS, "cells: too many members"
    return found


@internal
@pure
def _floor(amount: int256, divisor: int256) -> int256:
    """
    @notice Divide by a positive number, rounding towards minus infinity.
    """
    if amount >= 0:
        return amount // divisor
    return -((divisor - 1 - amount) // divisor)
