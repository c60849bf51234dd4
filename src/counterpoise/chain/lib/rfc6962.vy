# pragma version ~=0.4.3
"""
@title Merkle trees of RFC 6962 with SHA-256
@license Apache-2.0
@notice Says whether a leaf is in a tree, by the proof of RFC 9162, section 2.1.3.2.
@dev Leaves are hashed under 0x00 and nodes under 0x01, so that no node is a leaf; the size fixes the
    length of every proof, so that none can be cut short.
"""

MAX_DEPTH: constant(uint256) = 24
LEAF: constant(bytes1) = 0x00
NODE: constant(bytes1) = 0x01


@internal
@pure
def _is_included(
    leaf: bytes32, index: uint256, size: uint256, proof: DynArray[bytes32, MAX_DEPTH], root: bytes32
) -> bool:
    """
    @notice Say whether a leaf hash is at an index of the tree of `size` leaves under `root`.
    """
    if index >= size:
        return False
    at: uint256 = index
    last: uint256 = unsafe_sub(size, 1)
    node: bytes32 = leaf
    for sibling: bytes32 in proof:
        if at == last:
            # On the right edge there is a left sibling for each set bit, and nothing else.
            if at == 0:
                return False
            node = sha256(concat(NODE, sibling, node))
            at &= unsafe_sub(at, 1)
            last = at
            continue
        if at & 1 == 1:
            node = sha256(concat(NODE, sibling, node))
        else:
            node = sha256(concat(NODE, node, sibling))
        at >>= 1
        last >>= 1
    return last == 0 and node == root
