"""The trees of the contracts have the roots of the specification."""

from pathlib import Path

import pytest

from counterpoise.chain import Account, artifact_of, deploy, open_chain
from counterpoise.core.digest import keccak
from counterpoise.inference import OrderedTree, tree_depth

HERE = Path(__file__).parent
LEAVES = [keccak(bytes([i])) for i in range(40)]


@pytest.fixture(scope="module")
def trees():
    chain = open_chain("embedded:")
    yield deploy(chain, Account.local(b"dev 0"), artifact_of(HERE / "contracts" / "Trees.vy"))
    chain.close()


@pytest.mark.parametrize("count", range(1, 17))
def test_a_tree_over_few_leaves_has_the_root_of_the_specification(trees, count):
    assert trees.call("root", LEAVES[:count]) == OrderedTree(LEAVES[:count]).root


@pytest.mark.parametrize("count", [*range(1, 18), 31, 32, 33, 39, 40])
def test_a_tree_that_grows_leaf_by_leaf_has_the_same_root(trees, count):
    assert trees.call("grown", LEAVES[:count]) == OrderedTree(LEAVES[:count]).root


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 33])
def test_every_leaf_leads_to_the_root_from_its_own_place_alone(trees, count):
    tree = OrderedTree(LEAVES[:count])
    for index in range(count):
        path = list(tree.opening(index))
        assert trees.call("root_of", LEAVES[index], index, path) == tree.root
        if count > 1:
            assert trees.call("root_of", LEAVES[index], index ^ 1, path) != tree.root
        beyond = index + (1 << len(path))
        assert trees.call("root_of", LEAVES[index], beyond, path) == bytes(32)


@pytest.mark.parametrize("leaves", [1, 2, 3, 4, 5, 255, 256, 257, 65_535, 65_536])
def test_the_depth_is_that_of_the_specification(trees, leaves):
    assert trees.call("depth", leaves) == tree_depth(leaves)
