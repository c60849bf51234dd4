"""Laws of the RFC 6962 tree and of both its proofs."""

import hashlib

import numpy as np
import pytest

from counterpoise.core import merkle
from counterpoise.core.errors import InputError, VerificationError

# The test vectors of the Certificate Transparency reference implementation.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
OTHER = hashlib.sha256(b"other").digest()


def recursive_root(entries):
    """The tree exactly as RFC 6962, section 2.1, defines it."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while 2 * split < len(entries):
        split *= 2
    left, right = recursive_root(entries[:split]), recursive_root(entries[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def entries_of(count):
    return [b"entry %d" % i for i in range(count)]


def hashes_of(count):
    return merkle.leaf_hashes(entries_of(count))


def included(index, size):
    """A true claim of inclusion."""
    hashes = hashes_of(size)
    claim = {
        "leaf_hash": hashes[index].tobytes(),
        "index": index,
        "size": size,
        "proof": merkle.inclusion_proof(hashes, index),
        "root": merkle.root_of_hashes(hashes),
    }
    merkle.check_inclusion(**claim)
    return claim


def consistent(first, second):
    """A true claim of consistency."""
    hashes = hashes_of(second)
    claim = {
        "first": first,
        "second": second,
        "proof": merkle.consistency_proof(hashes, first, second),
        "first_root": merkle.root_of_hashes(hashes[:first]),
        "second_root": merkle.root_of_hashes(hashes),
    }
    merkle.check_consistency(**claim)
    return claim


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_certificate_transparency_vectors(size):
    assert merkle.root(CT_LEAVES[:size]).hex() == CT_ROOTS[size]


def test_proofs_are_those_of_the_certificate_transparency_vectors():
    hashes = merkle.leaf_hashes(CT_LEAVES)
    assert [node.hex() for node in merkle.inclusion_proof(hashes, 5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [node.hex() for node in merkle.consistency_proof(hashes, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_roots_follow_the_recursive_definition_at_every_size():
    for size in range(131):
        entries = entries_of(size)
        assert merkle.root(entries) == recursive_root(entries), size


def test_every_leaf_of_every_tree_is_proven_and_at_no_other_place():
    for size in range(1, 131):
        hashes = hashes_of(size)
        root = merkle.root_of_hashes(hashes)
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            leaf = hashes[index].tobytes()
            proof = merkle.inclusion_proof(hashes, index)
            merkle.check_inclusion(leaf, index, size, proof, root)
            for wrong in (index - 1, index + 1, index ^ 1):
                with pytest.raises(VerificationError):
                    merkle.check_inclusion(leaf, wrong, size, proof, root)


def test_an_earlier_tree_is_proven_from_the_later_hashes():
    hashes = hashes_of(50)
    for size in range(1, 51):
        proof = merkle.inclusion_proof(hashes, size - 1, size)
        root = merkle.root_of_hashes(hashes[:size])
        merkle.check_inclusion(hashes[size - 1].tobytes(), size - 1, size, proof, root)


def test_every_pair_of_sizes_is_consistent_and_no_other_pair():
    hashes = hashes_of(41)
    roots = [merkle.root_of_hashes(hashes[:size]) for size in range(42)]
    for second in range(42):
        for first in range(second + 1):
            proof = merkle.consistency_proof(hashes, first, second)
            merkle.check_consistency(first, second, proof, roots[first], roots[second])
            if 0 < first < second:
                with pytest.raises(VerificationError):
                    merkle.check_consistency(first, second, proof, OTHER, roots[second])
                with pytest.raises(VerificationError):
                    merkle.check_consistency(first, second, proof, roots[first], OTHER)


def test_a_consistency_proof_of_one_pair_serves_no_pair_with_other_roots():
    hashes = hashes_of(20)
    roots = [merkle.root_of_hashes(hashes[:size]) for size in range(21)]
    proof = merkle.consistency_proof(hashes, 7, 13)
    for first in range(1, 20):
        for second in range(first + 1, 21):
            if (first, second) != (7, 13):
                with pytest.raises(VerificationError):
                    merkle.check_consistency(first, second, proof, roots[first], roots[second])


def test_a_consistency_proof_that_is_too_short_or_too_long_for_its_sizes_is_refused():
    claim = consistent(4, 5)
    with pytest.raises(VerificationError):  # the roots fit, but nine leaves need another hash
        merkle.check_consistency(**(claim | {"second": 9}))
    with pytest.raises(VerificationError, match="too long"):
        merkle.check_consistency(**(claim | {"proof": [*claim["proof"], OTHER]}))


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (4, 5), (6, 7), (3, 8), (11, 100)])
def test_a_changed_inclusion_proof_is_refused(index, size):
    claim = included(index, size)
    proof = claim["proof"]
    forgeries = [[*proof, OTHER], [OTHER, *proof]]
    for i in range(len(proof)):
        forgeries += [
            proof[:i] + proof[i + 1 :],
            [*proof[:i], OTHER, *proof[i + 1 :]],
            [*proof[: i + 1], *proof[i:]],
            [*proof[:i], proof[i][:31], *proof[i + 1 :]],
        ]
    if len(proof) > 1:
        forgeries += [proof[::-1], [proof[1], proof[0], *proof[2:]]]
    for forged in forgeries:
        with pytest.raises(VerificationError):
            merkle.check_inclusion(**(claim | {"proof": forged}))


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 7), (4, 7), (6, 8), (8, 9), (33, 100)])
def test_a_changed_consistency_proof_is_refused(first, second):
    claim = consistent(first, second)
    proof = claim["proof"]
    forgeries = [[], [*proof, OTHER], [OTHER, *proof], [*proof, *proof]]
    for i in range(len(proof)):
        forgeries += [
            proof[:i] + proof[i + 1 :],
            [*proof[:i], OTHER, *proof[i + 1 :]],
            [*proof[:i], proof[i] + b"\0", *proof[i + 1 :]],
        ]
    if len(proof) > 1:
        forgeries += [proof[::-1], [proof[1], proof[0], *proof[2:]]]
    for forged in forgeries:
        with pytest.raises(VerificationError):
            merkle.check_consistency(**(claim | {"proof": forged}))


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 5},
        {"index": 6},
        {"index": 2**64},
        {"index": -1},
        {"size": 0},
        {"size": 4},
        {"size": 2**64},
        {"leaf_hash": OTHER},
        {"leaf_hash": b""},
        {"root": OTHER},
        {"root": b""},
        {"proof": [OTHER] * 65},
    ],
)
def test_a_false_inclusion_claim_is_refused(changes):
    with pytest.raises(VerificationError):
        merkle.check_inclusion(**(included(3, 5) | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"first": 0},
        {"first": 6},
        {"first": 8},
        {"first": -1},
        {"second": 6},
        {"second": 5},
        {"second": 2**64},
        {"first_root": b""},
        {"second_root": OTHER},
        {"proof": [OTHER] * 65},
    ],
)
def test_a_false_consistency_claim_is_refused(changes):
    with pytest.raises(VerificationError):
        merkle.check_consistency(**(consistent(5, 7) | changes))


def test_trees_of_one_size_must_be_equal_and_need_no_proof():
    root = merkle.root(entries_of(5))
    merkle.check_consistency(5, 5, [], root, root)
    merkle.check_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    for proof, first_root in (([OTHER], root), ([], OTHER)):
        with pytest.raises(VerificationError):
            merkle.check_consistency(5, 5, proof, first_root, root)
    with pytest.raises(VerificationError):
        merkle.check_consistency(0, 0, [], root, root)


def test_only_the_empty_root_grows_from_the_empty_tree():
    root = merkle.root(entries_of(5))
    merkle.check_consistency(0, 5, [], merkle.EMPTY_ROOT, root)
    for proof, first_root in (([OTHER], merkle.EMPTY_ROOT), ([], OTHER), ([], root)):
        with pytest.raises(VerificationError):
            merkle.check_consistency(0, 5, proof, first_root, root)


def test_a_doubled_last_leaf_gives_another_root():
    for size in (1, 3, 5, 6, 7, 9):
        entries = entries_of(size)
        assert merkle.root([*entries, entries[-1]]) != merkle.root(entries)


def test_a_leaf_is_no_node_and_a_node_is_no_leaf():
    hashes = hashes_of(4)
    left = merkle.node_hash(hashes[0].tobytes(), hashes[1].tobytes())
    right = merkle.node_hash(hashes[2].tobytes(), hashes[3].tobytes())
    root = merkle.root_of_hashes(hashes)
    entry_like_a_node = hashes[0].tobytes() + hashes[1].tobytes()
    with pytest.raises(VerificationError):  # the entry is hashed as a leaf, never as a node
        merkle.check_inclusion(merkle.leaf_hash(entry_like_a_node), 0, 2, [right], root)
    with pytest.raises(VerificationError):  # a node at the depth of a leaf
        merkle.check_inclusion(left, 0, 4, [right], root)
    assert merkle.root([entry_like_a_node]) != left


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0), (0, 6), (4, 4)])
def test_no_inclusion_proof_is_made_outside_the_tree(index, size):
    with pytest.raises(InputError):
        merkle.inclusion_proof(hashes_of(5), index, size)


@pytest.mark.parametrize(("first", "second"), [(-1, 3), (4, 3), (2, 6)])
def test_no_consistency_proof_is_made_backwards_or_beyond_the_hashes(first, second):
    with pytest.raises(InputError):
        merkle.consistency_proof(hashes_of(5), first, second)


@pytest.mark.parametrize(
    "hashes",
    [np.zeros((3, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((3, 32), np.int64)],
)
def test_hashes_of_another_shape_or_type_are_refused(hashes):
    with pytest.raises(InputError):
        merkle.root_of_hashes(hashes)


def test_strided_hashes_give_the_same_root():
    wide = np.ascontiguousarray(np.repeat(hashes_of(37), 2, axis=0))
    assert merkle.root_of_hashes(wide[::2]) == merkle.root(entries_of(37))
