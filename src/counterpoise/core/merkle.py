"""Merkle trees of RFC 6962 with SHA-256, and the proofs of RFC 9162.

A leaf is SHA-256 of 0x00 and the entry, a node SHA-256 of 0x01 and its two children; the tree of
n leaves splits at the largest power of two below n. Level by level this means: pair the hashes
from the left, and carry an odd last one up unchanged.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError, VerificationError
from counterpoise.core.hashing import hash_leaves, hash_pairs, prepare

Hashes: TypeAlias = npt.NDArray[np.uint8]
"""Leaf or node hashes, shape (n, 32)."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_PROOF = 64
PART = 2**16
"""Leaves of a subtree that is hashed in one go, within the processor's cache."""


def leaf_hash(entry: bytes) -> bytes:
    """Give the leaf hash of an entry, 32 bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of a node from its two children's."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes] | Hashes) -> Hashes:
    """Give the leaf hashes of entries, shape (n, 32).

    Parameters
    ----------
    entries :
        Byte strings; or, much faster for many, entries of one length as an array of shape
        (n, length) uint8.

    Raises
    ------
    InputError :
        An array has another shape or type.
    """
    if isinstance(entries, np.ndarray):
        if entries.dtype != np.uint8 or entries.ndim != 2:
            raise InputError(f"entries of shape (n, length) uint8 wanted, got {entries.shape}")
        return hash_leaves(entries)
    return _joined(leaf_hash(entry) for entry in entries)


def root(leaves: Sequence[bytes] | Hashes) -> bytes:
    """Give the root of the tree over entries, as `leaf_hashes` takes them.

    Examples
    --------
    >>> root([b"a", b"b"]) == node_hash(leaf_hash(b"a"), leaf_hash(b"b"))
    True
    """
    prepare(len(leaves))
    return root_of_hashes(_joined(_root_of_part(leaf_hashes(part)) for part in _parts(leaves)))


def root_of_hashes(hashes: Hashes) -> bytes:
    """Give the root of the tree over leaf hashes, shape (n, 32); of none it is SHA-256 of b""."""
    level = _checked(hashes)
    if not len(level):
        return EMPTY_ROOT
    prepare(len(level))
    while len(level) > PART:
        level = _joined(_root_of_part(part) for part in _parts(level))
    return _root_of_part(level)


def _root_of_part(level: Hashes) -> bytes:
    while len(level) > 1:
        level = parents(level)
    return bytes(level[0])


def _parts(leaves: Sequence[bytes] | Hashes) -> Iterator[Any]:
    """Split leaves where the tree does: each part is a subtree, small enough for the cache."""
    return (leaves[at : at + PART] for at in range(0, len(leaves), PART))


def _joined(hashes: Iterable[bytes]) -> Hashes:
    return np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, 32)


def parents(level: Hashes) -> Hashes:
    """Give the next level above hashes of shape (n, 32): shape ((n + 1) // 2, 32)."""
    nodes = hash_pairs(level)
    return np.concatenate([nodes, level[-1:]]) if len(level) % 2 else nodes


def inclusion_proof(hashes: Hashes, index: int, size: int | None = None) -> list[bytes]:
    """Prove that the leaf at `index` is in the tree over the first `size` hashes.

    Parameters
    ----------
    hashes :
        Leaf hashes, shape (n, 32).
    index :
        Position of the leaf, 0 <= index < size.
    size :
        Number of leaves in the tree; all hashes if None.

    Returns
    -------
    list[bytes]
        Siblings from the leaf's own up to the root's child.

    Raises
    ------
    InputError :
        `size` is larger than the number of hashes, or `index` is not below it.
    """
    size = len(hashes) if size is None else size
    if not 0 <= index < size <= len(hashes):
        raise InputError(f"no leaf {index} in a tree of {size} over {len(hashes)} hashes")
    level = _checked(hashes)[:size]
    proof: list[bytes] = []
    while len(level) > 1:
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1].tobytes())
        index >>= 1
        level = parents(level)
    return proof


def check_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an inclusion proof by RFC 9162, section 2.1.3.2.

    Raises
    ------
    VerificationError :
        The index is not below the size, a hash is not 32 bytes long, the proof is too short or
        too long, or it leads to another root.
    """
    _check_shapes((leaf_hash, root), proof, size)
    if not 0 <= index < size:
        raise VerificationError(f"no leaf {index} in a tree of {size}")
    node, at, last = leaf_hash, index, size - 1
    for sibling in proof:
        if last == 0:
            raise VerificationError(f"an inclusion proof of {len(proof)} hashes is too long")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise VerificationError(f"an inclusion proof of {len(proof)} hashes is too short")
    if node != root:
        raise VerificationError(f"the leaf leads to root {node.hex()}, not to {root.hex()}")


def consistency_proof(hashes: Hashes, first: int, second: int) -> list[bytes]:
    """Prove that the tree of `first` leaves is a prefix of the tree of `second` leaves.

    The proof from an empty tree, and from a tree to itself, is empty.

    Raises
    ------
    InputError :
        Not 0 <= first <= second <= the number of hashes.
    """
    if not 0 <= first <= second <= len(hashes):
        raise InputError(f"no consistency from {first} to {second} over {len(hashes)} hashes")
    level = _checked(hashes)
    proof: list[bytes] = []
    low, high, whole = 0, second, True
    while first not in (0, high - low):
        middle = low + _split(high - low)
        if low + first <= middle:
            proof.append(root_of_hashes(level[middle:high]))
            high = middle
        else:
            proof.append(root_of_hashes(level[low:middle]))
            first, low, whole = first - (middle - low), middle, False
    if first and not whole:
        proof.append(root_of_hashes(level[low:high]))
    return proof[::-1]


def check_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Check a consistency proof by RFC 9162, section 2.1.4.2.

    From an empty tree the proof is empty and `first_root` must be the empty root.

    Raises
    ------
    VerificationError :
        The sizes shrink, a hash is not 32 bytes long, or the proof does not join both roots.
    """
    _check_shapes((first_root, second_root), proof, second)
    if not 0 <= first <= second:
        raise VerificationError(f"a tree cannot go from {first} leaves to {second}")
    if first in (0, second):
        same = first_root == (EMPTY_ROOT if first == 0 else second_root)
        if proof or not same or (second == 0 and second_root != EMPTY_ROOT):
            raise VerificationError(f"trees of {first} and {second} leaves do not join")
        return
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if len(path) < 2 and not proof:
        raise VerificationError("an empty consistency proof between trees of two sizes")
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError(f"a consistency proof of {len(proof)} hashes is too long")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise VerificationError(f"the tree of {second} does not continue the tree of {first}")


def _split(count: int) -> int:
    """Give the largest power of two below a count of at least two."""
    return 1 << ((count - 1).bit_length() - 1)


def _check_shapes(roots: Sequence[bytes], proof: Sequence[bytes], size: int) -> None:
    if len(proof) > MAX_PROOF or size >= 1 << MAX_PROOF:
        raise VerificationError(f"a proof of {len(proof)} hashes for a tree of {size} is too large")
    if any(len(hash_) != 32 for hash_ in (*roots, *proof)):
        raise VerificationError("a root or a proof has a hash that is not 32 bytes long")


def _checked(hashes: Hashes) -> Hashes:
    if hashes.dtype != np.uint8 or hashes.ndim != 2 or hashes.shape[1] != 32:
        raise InputError(f"hashes of shape (n, 32) uint8 wanted, got {hashes.shape} {hashes.dtype}")
    return hashes
