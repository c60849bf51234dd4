# pragma version ~=0.4.3
"""
@title Leaves of a trace, and what binds one to its model
@license Apache-2.0
@notice The bytes are those of docs/explain/integer-models.md.
"""

MAX_PAYLOAD: constant(uint256) = 2080  # the salt and 2048 features


@internal
@pure
def _leaf(index: uint256, payload: Bytes[MAX_PAYLOAD]) -> bytes32:
    """
    @notice Give the hash of a leaf; the payload of leaf 0 is the salt and the input.
    """
    if index == 0:
        return keccak256(concat(0x03, payload))
    marks: uint256 = (2 << 24) | (index << 16) | len(payload)
    return keccak256(concat(convert(convert(marks, uint32), bytes4), payload))


@internal
@pure
def _claim(model: bytes32, trace_root: bytes32) -> bytes32:
    return keccak256(concat(0x05, model, trace_root))
