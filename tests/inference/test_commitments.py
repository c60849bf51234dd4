"""Ordered trees prove what is in them, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from second_reference import root

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError, VerificationError
from counterpoise.inference import OrderedTree, check_opening, parse_answer, tree_depth


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(1, 40))
def test_every_leaf_opens_and_no_other_passes_in_its_place(count):
    leaves = [keccak(bytes([i])) for i in range(count)]
    tree = OrderedTree(leaves)
    assert tree.root == root(leaves)
    for index, leaf in enumerate(leaves):
        opening = tree.opening(index)
        assert len(opening) == tree_depth(count)
        check_opening(leaf, index, opening, tree.root)
        for other in range(count + 2):
            if other != index:
                with pytest.raises(VerificationError):
                    check_opening(leaf, other, opening, tree.root)
                with pytest.raises(VerificationError):
                    check_opening(keccak(bytes([other])), index, opening, tree.root)


def test_an_index_beyond_the_tree_does_not_wrap_around():
    tree = OrderedTree([keccak(b"a"), keccak(b"b")])
    check_opening(tree.leaves[1], 1, tree.opening(1), tree.root)
    with pytest.raises(VerificationError):
        check_opening(tree.leaves[1], 3, tree.opening(1), tree.root)
    with pytest.raises(InputError):
        tree.opening(2)
    with pytest.raises(InputError):
        tree.opening(-1)


@pytest.mark.parametrize("size", [0, 2, 5, 7, 67, 70])
def test_an_answer_of_another_length_is_refused(size):
    with pytest.raises(InputError, match="an answer of"):
        parse_answer(bytes(size))
