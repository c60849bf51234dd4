# pragma version ~=0.4.3
"""
@title Sorted-pair Keccak trees
@license Apache-2.0
@notice Leads a leaf and a proof to a root, as counterpoise.core.claims_tree builds them.
@dev Pairs are hashed in ascending order, so a proof carries no directions. Leaves must be hashed
    twice by the contract that uses this, so that no inner node (the hash of 64 bytes) is a leaf.
"""

MAX_DEPTH: constant(uint256) = 32


@internal
@pure
def _root_of(leaf: bytes32, proof: DynArray[bytes32, MAX_DEPTH]) -> bytes32:
    """
    @notice Give the root that a leaf and a proof lead to; the caller compares it.
    """
    node: bytes32 = leaf
    for sibling: bytes32 in proof:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(concat(node, sibling))
        else:
            node = keccak256(concat(sibling, node))
    return node


@internal
@pure
def _leaf_of(packed_hash: bytes32) -> bytes32:
    """
    @notice Give the leaf of a claim: the second of its two hashes.
    @param packed_hash The Keccak-256 of the claim's ABI-encoded fields.
    """
    return keccak256(packed_hash)
