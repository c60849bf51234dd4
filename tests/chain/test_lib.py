"""The Vyper modules agree with the pure Python they stand for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.chain import Account, Domain, deploy, eip712_digest, open_chain, struct_hash
from counterpoise.chain.account import ORDER
from counterpoise.core.claims_tree import ClaimsTree, claim_leaf, root_of_claim
from counterpoise.core.digest import keccak
from counterpoise.core.errors import Reverted

WORD = st.binary(min_size=32, max_size=32)


@pytest.fixture(scope="module")
def library(library_artifact):
    chain = open_chain("embedded:")
    yield deploy(chain, Account.local(b"dev 0"), library_artifact)
    chain.close()


@settings(max_examples=30, deadline=None)
@given(WORD, st.lists(WORD, max_size=32))
def test_any_proof_leads_to_the_same_root(library, leaf, proof):
    assert library.call("root_of", leaf, proof) == root_of_claim(leaf, proof)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 33])
def test_every_leaf_of_a_tree_is_proven(library, count):
    packed = [bytes([place]) * 64 for place in range(count)]
    leaves = [claim_leaf(one) for one in packed]
    tree = ClaimsTree(leaves)
    for place in (0, count // 2, count - 1):
        assert library.call("leaf_of", keccak(packed[place])) == leaves[place]
        assert library.call("root_of", leaves[place], tree.proof(place)) == tree.root
        assert library.call("root_of", claim_leaf(b"other"), tree.proof(place)) != tree.root


def test_a_proof_deeper_than_32_is_refused(library):
    with pytest.raises(Reverted):
        library.call("root_of", bytes(32), [bytes(32)] * 33)


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(codec="ascii"), max_size=32), st.integers(0, 2**256 - 1))
def test_a_digest_is_bound_to_this_contract_and_chain(library, name, amount):
    kind = "Order(uint256 amount)"
    domain = Domain(name, "1", 31337, library.address)
    found = library.call("digest", name, "1", struct_hash(kind, (amount,)))
    assert found == eip712_digest(domain, kind, (amount,))


def test_the_signer_is_recovered_from_the_low_form_only(library):
    account, digest = Account.local(b"alice"), keccak(b"message")
    signature = account.sign_digest(digest)
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    v = signature[64]
    assert library.call("signer", digest, v, r, s) == account.address
    assert library.call("signer", keccak(b"other"), v, r, s) != account.address
    for wrong in ((55 - v, r, ORDER - s), (v - 27, r, s), (29, r, s), (v, 0, s), (v, r, 0)):
        assert library.call("signer", digest, *wrong) == bytes(20)
