"""A tree of integers: byte thresholds, leaves of 32 bits, children after their parents."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from counterpoise.core.errors import InputError

MAX_NODES = 255
LIMIT = 2**31
LEAF = 0xFFFF
_SPLIT = struct.Struct(">HBBB3x")
_LEAF = struct.Struct(">HHi")


class Split(NamedTuple):
    """A node that asks: left where ``p[feature] <= threshold``, else right."""

    feature: int
    threshold: int
    left: int
    right: int

    def to_bytes(self) -> bytes:
        """Give its 8 bytes."""
        return _SPLIT.pack(*self)


class Leaf(NamedTuple):
    """A node that answers with a value of 32 bits."""

    value: int

    def to_bytes(self) -> bytes:
        """Give its 8 bytes."""
        return _LEAF.pack(LEAF, 0, self.value)


def parse_node(data: bytes) -> Split | Leaf:
    """Read the 8 bytes of a node; anything but its canonical bytes is an `InputError`."""
    if len(data) != 8:
        raise InputError(f"a node of {len(data)} bytes, 8 wanted")
    if data[:2] == b"\xff\xff":
        node: Split | Leaf = Leaf(_LEAF.unpack(data)[2])
    else:
        node = Split(*_SPLIT.unpack(data))
    if node.to_bytes() != data:
        raise InputError(f"node {data.hex()} is not canonical: its unused bytes are zeros")
    return node


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree: up to 255 nodes, the root first, children after their parents.

    Raises
    ------
    InputError :
        There are too many nodes or none, a child is not after its parent, or a number is out of
        its range: named by its node.
    """

    nodes: tuple[Split | Leaf, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        if not 1 <= len(self.nodes) <= MAX_NODES:
            raise InputError(
                f"a tree of {len(self.nodes)} nodes, 1..{MAX_NODES} wanted",
                hint="train shallower trees, or fewer leaves each (at most 128)",
            )
        for place, node in enumerate(self.nodes):
            if isinstance(node, Leaf):
                if not -LIMIT <= node.value < LIMIT:
                    raise InputError(f"leaf {place} is {node.value}, beyond 32 bits")
            elif not (
                0 <= node.feature < LEAF
                and 0 <= node.threshold <= 255
                and place < node.left < len(self.nodes)
                and place < node.right < len(self.nodes)
            ):
                raise InputError(
                    f"node {place} is {node}: a threshold in 0..255 and children after it wanted"
                )

    def to_bytes(self) -> bytes:
        """Give the nodes, 8 bytes each."""
        return b"".join(node.to_bytes() for node in self.nodes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Tree:
        """Read the nodes of a tree."""
        return cls(tuple(parse_node(data[at : at + 8]) for at in range(0, len(data), 8)))

    @property
    def depth(self) -> int:
        """Splits on the longest way to a leaf."""
        depths = [0] * len(self.nodes)
        for place, node in enumerate(self.nodes):
            if isinstance(node, Split):
                for child in (node.left, node.right):
                    depths[child] = max(depths[child], depths[place] + 1)
        return max(depths)

    @property
    def values(self) -> tuple[int, ...]:
        """What its leaves say."""
        return tuple(node.value for node in self.nodes if isinstance(node, Leaf))
