# pragma version ~=0.4.3
"""
@title Ordered Keccak trees, leaf by leaf
@license Apache-2.0
@notice The same root as counterpoise.chain.lib.ordered_tree, over up to 65,536 leaves, of which only the whole subtrees
    so far are held.
"""

MAX_DEPTH: constant(uint256) = 16


struct Tree:
    count: uint256
    peaks: bytes32[MAX_DEPTH + 1]  # the root of 2**i leaves, where bit i of the count is set


@internal
@pure
def _with_leaf(tree: Tree, leaf: bytes32) -> Tree:
    """
    @notice Give a tree with one leaf more.
    """
    grown: Tree = tree
    node: bytes32 = leaf
    level: uint256 = 0
    for _: uint256 in range(MAX_DEPTH):
        if (grown.count >> level) & 1 == 0:
            break
        node = keccak256(concat(0x01, grown.peaks[level], node))
        level += 1
    grown.peaks[level] = node
    grown.count += 1
    return grown


@internal
@pure
def _root(tree: Tree) -> bytes32:
    """
    @notice Give the root, the leaves padded with words of zeros to a power of two.
    """
    padding: bytes32 = empty(bytes32)
    node: bytes32 = empty(bytes32)
    is_padded: bool = False
    for level: uint256 in range(MAX_DEPTH + 1):
        if 1 << level >= tree.count:
            return node if is_padded else tree.peaks[level]
        has_peak: bool = (tree.count >> level) & 1 == 1
        if has_peak and is_padded:
            node = keccak256(concat(0x01, tree.peaks[level], node))
        elif has_peak:
            node = keccak256(concat(0x01, tree.peaks[level], padding))
            is_padded = True
        elif is_padded:
            node = keccak256(concat(0x01, node, padding))
        padding = keccak256(concat(0x01, padding, padding))
    raise "tree: too many leaves"
