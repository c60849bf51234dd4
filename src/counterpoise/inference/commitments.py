"""What a model, an input and a computation are committed to: Keccak-256, each preimage marked.

The bytes are those of docs/explain/integer-models.md. Positions in a tree mean something here (the
row of a model, the layer of a trace), so the tree is ordered: a proof is walked by the index.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError

if TYPE_CHECKING:
    from counterpoise.inference.header import Header

ROW = b"\x00"
NODE = b"\x01"
TRACE_LEAF = b"\x02"
INPUT = b"\x03"
MODEL = b"\x04"
PADDING = bytes(32)


class OrderedTree:
    """A Keccak tree over leaf hashes in order, padded with words of zeros to a power of two.

    Parameters
    ----------
    leaves :
        Hashes of 32 bytes, at least one; a single leaf is its own root.

    Examples
    --------
    >>> tree = OrderedTree([keccak(bytes([i])) for i in range(3)])
    >>> len(tree.opening(2)), tree.opening(2)[0] == PADDING
    (2, True)
    >>> check_opening(tree.leaves[2], 2, tree.opening(2), tree.root)
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves or any(len(leaf) != 32 for leaf in leaves):
            raise InputError(f"a tree wants one leaf or more of 32 bytes each, got {len(leaves)}")
        self.leaves = tuple(leaves)
        self._levels = [list(leaves) + [PADDING] * ((1 << tree_depth(len(leaves))) - len(leaves))]
        while len(self._levels[-1]) > 1:
            below = iter(self._levels[-1])
            pairs = zip(below, below, strict=True)
            self._levels.append([keccak(NODE + left + right) for left, right in pairs])

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._levels[-1][0]

    def opening(self, index: int) -> tuple[bytes, ...]:
        """Give the siblings of a leaf, from its own upwards; as many as the tree is deep."""
        if not 0 <= index < len(self.leaves):
            raise InputError(f"no leaf {index} in a tree of {len(self.leaves)}")
        return tuple(self._levels[h][index >> h ^ 1] for h in range(len(self._levels) - 1))


def tree_depth(leaves: int) -> int:
    """Give how many siblings an opening has in a tree of so many leaves: ceil(log2(leaves))."""
    return (leaves - 1).bit_length()


def check_opening(leaf: bytes, index: int, opening: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash is at an index under a root.

    The caller says how deep the tree is, by `tree_depth`, and compares it with the length of
    the opening: a shorter one would pass an inner node off as a leaf.

    Raises
    ------
    VerificationError :
        It is not, or the index does not fit in as many levels.
    """
    node, place = leaf, index
    for sibling in opening:
        node = keccak(NODE + (sibling + node if place & 1 else node + sibling))
        place >>= 1
    if place or node != root:
        raise VerificationError(f"leaf {index} leads to root {node.hex()}, not to {root.hex()}")


def model_id(header: bytes, row_root: bytes) -> bytes:
    """Give the id of a model from its header and the root of its rows."""
    return keccak(MODEL + header + row_root)


def input_commitment(salt: bytes, values: bytes) -> bytes:
    """Commit to an input, one byte a feature, under a salt of 32 bytes; zeros hide nothing.

    >>> input_commitment(bytes(32), b"age") == input_commitment(b"7" * 32, b"age")
    False
    """
    if len(salt) != 32:
        raise InputError(f"a salt of {len(salt)} bytes, 32 wanted", hint="secrets.token_bytes(32)")
    return keccak(INPUT + salt + values)


def trace_leaf(index: int, payload: bytes) -> bytes:
    """Give the hash of leaf `index` of a trace, from 1 on; leaf 0 is the input commitment."""
    return keccak(TRACE_LEAF + bytes([index]) + len(payload).to_bytes(2, "big") + payload)


class Committed(ABC):
    """What a net and a forest share: a header, rows, a root over them, and an id."""

    @property
    @abstractmethod
    def shape(self) -> Header:
        """The header, read."""

    @abstractmethod
    def row(self, index: int) -> bytes:
        """Give a row as it is hashed."""

    @cached_property
    def header(self) -> bytes:
        """The header's canonical bytes."""
        return self.shape.to_bytes()

    @property
    def outputs(self) -> int:
        """Logits."""
        return self.shape.outputs

    @property
    def rows(self) -> int:
        """How many rows it commits to: neurons; or trees and one row of biases."""
        return self.shape.rows

    @cached_property
    def row_tree(self) -> OrderedTree:
        """The tree over the rows."""
        return OrderedTree([keccak(self.row(index)) for index in range(self.rows)])

    @property
    def row_root(self) -> bytes:
        """The root over the rows, 32 bytes."""
        return self.row_tree.root

    def row_opening(self, index: int) -> tuple[bytes, ...]:
        """Give the siblings of a row, from its own upwards."""
        return self.row_tree.opening(index)

    @cached_property
    def id(self) -> bytes:
        """What the model is called everywhere, 32 bytes."""
        return model_id(self.header, self.row_root)
