"""The Keccak tree of cumulative claims: sorted pairs, so that a proof needs no directions.

The layout is OpenZeppelin's StandardMerkleTree: leaves sorted by hash, a complete binary tree in
one list, each node the hash of its two children in ascending order. A leaf is hashed twice, so
that no interior node (the hash of 64 bytes) can be passed off as a claim.
"""

from collections.abc import Sequence

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError

MAX_DEPTH = 32


def claim_leaf(packed: bytes) -> bytes:
    """Give the leaf of a claim: Keccak-256, twice, of its ABI-encoded fields."""
    return keccak(keccak(packed))


class ClaimsTree:
    """A tree over claims, with one root for the contract and one proof for each claim.

    Parameters
    ----------
    leaves :
        Leaf hashes of 32 bytes, from `claim_leaf`; distinct, at least one, at most 2**32.

    Raises
    ------
    InputError :
        There is no leaf, two are the same, one is not 32 bytes long, or there are too many.

    Examples
    --------
    >>> leaves = [claim_leaf(bytes([i]) * 32) for i in range(3)]
    >>> tree = ClaimsTree(leaves)
    >>> check_claim(leaves[2], tree.proof(2), tree.root)
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not 0 < len(leaves) <= 1 << MAX_DEPTH:
            raise InputError(f"{len(leaves)} claims, between 1 and 2**{MAX_DEPTH} wanted")
        if any(len(leaf) != 32 for leaf in leaves):
            raise InputError("a claim's leaf is not 32 bytes long", hint="pass it to claim_leaf")
        if len(set(leaves)) != len(leaves):
            raise InputError("two claims are the same")
        count = len(leaves)
        self._nodes = [b""] * (count - 1) + sorted(leaves, reverse=True)
        self._place = {leaf: i for i, leaf in enumerate(self._nodes[count - 1 :], count - 1)}
        self._leaves = list(leaves)
        for i in range(count - 2, -1, -1):
            self._nodes[i] = _pair(self._nodes[2 * i + 1], self._nodes[2 * i + 2])

    @property
    def root(self) -> bytes:
        """The root, 32 bytes; a single leaf is its own root."""
        return self._nodes[0]

    def proof(self, i: int) -> list[bytes]:
        """Give the siblings from leaf `i`, in the order given, up to the root.

        Raises
        ------
        InputError :
            There is no leaf `i`.
        """
        if not 0 <= i < len(self._leaves):
            raise InputError(f"no claim {i} among {len(self._leaves)}")
        place = self._place[self._leaves[i]]
        siblings: list[bytes] = []
        while place:
            siblings.append(self._nodes[place + 1 if place % 2 else place - 1])
            place = (place - 1) // 2
        return siblings


def root_of_claim(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Give the root that a leaf and a proof lead to, as the contract computes it."""
    node = leaf
    for sibling in proof:
        node = _pair(node, sibling)
    return node


def check_claim(leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a claim is in the tree with this root.

    Raises
    ------
    VerificationError :
        The proof is deeper than 32, has an element that is not 32 bytes long, or leads to another
        root.
    """
    if len(proof) > MAX_DEPTH:
        raise VerificationError(f"a claim's proof of {len(proof)} hashes, at most {MAX_DEPTH}")
    if any(len(node) != 32 for node in (leaf, root, *proof)):
        raise VerificationError("a claim's leaf, root and proof must be hashes of 32 bytes")
    found = root_of_claim(leaf, proof)
    if found != root:
        raise VerificationError(f"the claim leads to root {found.hex()}, not to {root.hex()}")


def _pair(a: bytes, b: bytes) -> bytes:
    return keccak(a + b if a < b else b + a)
