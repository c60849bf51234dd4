# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title The trees of the room, to be called; for tests alone
@license Apache-2.0
"""

from counterpoise.chain.lib import ordered_tree
from counterpoise.verification.lib import growing_tree


@pure
@external
def depth(leaves: uint256) -> uint256:
    return ordered_tree._depth(leaves)


@pure
@external
def root_of(leaf: bytes32, index: uint256, path: DynArray[bytes32, 16]) -> bytes32:
    return ordered_tree._root_of(leaf, index, path)


@pure
@external
def root(leaves: DynArray[bytes32, 16]) -> bytes32:
    return ordered_tree._root(leaves)


@pure
@external
def grown(leaves: DynArray[bytes32, 40]) -> bytes32:
    tree: growing_tree.Tree = empty(growing_tree.Tree)
    for leaf: bytes32 in leaves:
        tree = growing_tree._with_leaf(tree, leaf)
    return growing_tree._root(tree)
