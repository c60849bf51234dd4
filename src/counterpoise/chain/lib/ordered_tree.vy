# pragma version ~=0.4.3
"""
@title Ordered Keccak trees
@license Apache-2.0
@notice Leads a leaf, its index and its siblings to a root, as counterpoise.inference commits to rows and traces.
@dev Leaves are padded with words of zeros to a power of two; a node is keccak(01 || left || right). The caller compares
    the number of siblings with `_depth`: a shorter path would pass an inner node off as a leaf.
"""

MAX_DEPTH: constant(uint256) = 16
NODE: constant(bytes1) = 0x01


@internal
@pure
def _depth(leaves: uint256) -> uint256:
    """
    @notice Give how many siblings a leaf has in a tree of so many leaves: ceil(log2(leaves)).
    """
    depth: uint256 = 0
    for _: uint256 in range(MAX_DEPTH):
        if 1 << depth >= leaves:
            break
        depth += 1
    return depth


@internal
@pure
def _root_of(leaf: bytes32, index: uint256, path: DynArray[bytes32, MAX_DEPTH]) -> bytes32:
    """
    @notice Give the root that a leaf leads to from its place; an index beyond the path leads nowhere.
    """
    node: bytes32 = leaf
    place: uint256 = index
    for sibling: bytes32 in path:
        if place & 1 == 0:
            node = keccak256(concat(NODE, node, sibling))
        else:
            node = keccak256(concat(NODE, sibling, node))
        place >>= 1
    if place != 0:
        return empty(bytes32)
    return node


@internal
@pure
def _root(leaves: DynArray[bytes32, MAX_DEPTH]) -> bytes32:
    """
    @notice Give the root over a few leaves, from 1 to 16, in order.
    """
    level: bytes32[MAX_DEPTH] = empty(bytes32[MAX_DEPTH])
    count: uint256 = 0
    for leaf: bytes32 in leaves:
        level[count] = leaf
        count += 1
    width: uint256 = 1 << self._depth(count)
    for _: uint256 in range(4):
        if width == 1:
            break
        width >>= 1
        for place: uint256 in range(width, bound=MAX_DEPTH):
            level[place] = keccak256(concat(NODE, level[2 * place], level[2 * place + 1]))
    return level[0]
