"""The claims tree agrees with OpenZeppelin's and proves nothing it does not hold."""

import pytest

from counterpoise.core.claims_tree import ClaimsTree, check_claim, claim_leaf
from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError


def claim(i):
    return claim_leaf(b"claim" + i.to_bytes(32, "big"))


def test_the_root_is_that_of_openzeppelins_published_example():
    rows = [("11" * 20, 5 * 10**18), ("22" * 20, 25 * 10**17)]
    leaves = [
        claim_leaf(bytes(12) + bytes.fromhex(account) + amount.to_bytes(32, "big"))
        for account, amount in rows
    ]
    wanted = "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"
    assert ClaimsTree(leaves).root.hex() == wanted


@pytest.mark.parametrize("count", [*range(1, 34), 100, 257])
def test_every_claim_is_proven_and_no_other(count):
    leaves = [claim(i) for i in range(count)]
    tree = ClaimsTree(leaves)
    for i in range(count):
        proof = tree.proof(i)
        assert len(proof) <= (count - 1).bit_length()
        check_claim(leaves[i], proof, tree.root)
        with pytest.raises(VerificationError):
            check_claim(claim(count), proof, tree.root)


def test_the_order_of_the_claims_does_not_change_the_root():
    leaves = [claim(i) for i in range(13)]
    tree, reverse = ClaimsTree(leaves), ClaimsTree(leaves[::-1])
    assert tree.root == reverse.root
    assert tree.proof(3) == reverse.proof(9)


def test_any_change_of_a_claim_changes_the_root():
    leaves = [claim(i) for i in range(9)]
    roots = {ClaimsTree([*leaves[:i], claim(99), *leaves[i + 1 :]]).root for i in range(9)}
    assert len(roots | {ClaimsTree(leaves).root, ClaimsTree(leaves[:8]).root}) == 11


def test_a_changed_proof_is_refused():
    leaves = [claim(i) for i in range(11)]
    tree = ClaimsTree(leaves)
    proof = tree.proof(4)
    forgeries = [proof[:-1], proof[1:], [*proof, claim(0)], proof[::-1], []]
    forgeries += [[*proof[:i], claim(0), *proof[i + 1 :]] for i in range(len(proof))]
    forgeries += [[proof[0][:31], *proof[1:]], [claim(i) for i in range(33)]]
    for forged in forgeries:
        with pytest.raises(VerificationError):
            check_claim(leaves[4], forged, tree.root)


def test_depth_is_bounded_at_32_and_32_is_allowed():
    node, proof = claim(0), []
    for i in range(1, 34):
        if i == 33:
            break
        proof.append(claim(i))
        node = keccak(min(node, proof[-1]) + max(node, proof[-1]))
    check_claim(claim(0), proof, node)
    deeper = keccak(min(node, claim(33)) + max(node, claim(33)))
    with pytest.raises(VerificationError, match="at most 32"):
        check_claim(claim(0), [*proof, claim(33)], deeper)


def test_an_interior_node_is_the_leaf_of_no_claim():
    leaves = [claim(i) for i in range(4)]
    tree = ClaimsTree(leaves)
    pair = sorted([leaves[0], tree.proof(0)[0]])
    node = keccak(pair[0] + pair[1])
    check_claim(node, tree.proof(0)[1:], tree.root)  # the tree alone cannot tell, so:
    assert claim_leaf(pair[0] + pair[1]) != node  # a leaf is hashed twice, a node once


@pytest.mark.parametrize(
    "leaves", [[], [b"short"], [claim(0), claim(1)[:31]], [claim(0), claim(1), claim(0)]]
)
def test_no_tree_is_made_of_nothing_of_wrong_leaves_or_of_twins(leaves):
    with pytest.raises(InputError):
        ClaimsTree(leaves)


@pytest.mark.parametrize("i", [-1, 3, 10**9])
def test_no_proof_is_made_outside_the_tree(i):
    with pytest.raises(InputError):
        ClaimsTree([claim(0), claim(1), claim(2)]).proof(i)


@pytest.mark.parametrize("wrong", [b"", b"\0" * 31, b"\0" * 33])
def test_hashes_of_another_length_are_refused(wrong):
    tree = ClaimsTree([claim(0), claim(1)])
    with pytest.raises(VerificationError):
        check_claim(wrong, tree.proof(0), tree.root)
    with pytest.raises(VerificationError):
        check_claim(claim(0), tree.proof(0), wrong)
