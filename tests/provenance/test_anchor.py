"""The anchor takes a head only with a proof that the log has grown, and agrees with Python."""

import numpy as np
import pytest

from counterpoise.chain import Account, deploy, dev_account, open_chain
from counterpoise.core import merkle
from counterpoise.core.errors import InputError, Reverted, VerificationError
from counterpoise.provenance import (
    AnchorClient,
    AnchorReference,
    Head,
    LogId,
    check_receipt,
    make_receipt,
    sign,
)

OWNER, STRANGER = dev_account(0), dev_account(1)
HASHES = np.random.default_rng(5).integers(0, 256, (40_000, 32), dtype=np.uint8)
ROOT = {n: merkle.root_of_hashes(HASHES[:n]) for n in range(42)}
FORK = HASHES.copy()
FORK[0, 0] ^= 1
NAME = LogId(OWNER.address, "example.org/log", "vkey")


@pytest.fixture(scope="module")
def deployed():
    chain = open_chain("embedded:")
    yield AnchorClient(deploy(chain, OWNER, "Anchor")), chain
    chain.close()


@pytest.fixture
def client(deployed):
    client, chain = deployed
    before = chain.snapshot()
    yield client
    chain.revert(before)


@pytest.fixture
def contract(client):
    return client._contract


def proof(first, second, hashes=HASHES):
    return merkle.consistency_proof(hashes, first, second)


def trial(contract, size, root, hashes):
    """Whether the owner could anchor this head now; nothing is written."""
    try:
        contract.call("anchor", NAME.identity, size, root, list(hashes), sender=OWNER.address)
    except Reverted as refused:
        return refused.reason
    return "taken"


def python_takes(first, second, hashes, root):
    """What the rule says, of which the contract is a copy."""
    try:
        merkle.check_consistency(first, second, hashes, ROOT[first], root)
    except VerificationError:
        return False
    return True


def test_a_head_is_anchored_and_read_back(client):
    assert client.head(NAME) == Head(0, bytes(32), 0)
    receipt = client.anchor(OWNER, NAME, 3, ROOT[3], [])
    head = client.head(NAME)
    assert (head.size, head.root) == (3, ROOT[3]) and head.time > 0
    (event,) = client._contract.events_in(receipt)
    assert event.name == "Anchored"
    assert event.args == {"log_id": NAME, "owner": OWNER.address, "size": 3, "root": ROOT[3]}
    client.anchor(OWNER, NAME, 40, ROOT[40], proof(3, 40))
    assert client.head(NAME).size == 40


def test_the_id_of_a_log_is_that_of_python(client, contract):
    assert contract.call("log_id_of", OWNER.address, NAME.identity) == NAME
    others = [
        LogId(STRANGER.address, "example.org/log", "vkey"),
        LogId(OWNER.address, "example.org/log2", "vkey"),
        LogId(OWNER.address, "example.org/log", "vkey2"),
    ]
    assert len({bytes(name) for name in (NAME, *others)}) == 4


@pytest.mark.parametrize("first", [1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 17, 24, 31, 32, 33])
def test_consistency_agrees_with_python_for_every_second_size(client, contract, first):
    client.anchor(OWNER, NAME, first, ROOT[first], [])
    for second in range(first + 1, 41):
        right = proof(first, second)
        assert trial(contract, second, ROOT[second], right) == "taken", (first, second)
        assert python_takes(first, second, right, ROOT[second])
    for second in (first + 1, 2 * first if first < 21 else 40, 40):
        right = proof(first, second)
        for wrong in wrong_proofs(right):
            assert trial(contract, second, ROOT[second], wrong) == "anchor: the log has forked"
            assert not python_takes(first, second, wrong, ROOT[second])


def wrong_proofs(right):
    yield right[:-1]
    yield [*right, bytes(32)]
    yield [bytes(32), *right]
    yield []
    yield [bytes(32)] * len(right)
    if len(set(right)) > 1:
        yield right[::-1]
        yield [right[1], right[0], *right[2:]]
    for at in range(len(right)):
        yield [*right[:at], bytes([right[at][0] ^ 1]) + right[at][1:], *right[at + 1 :]]


@pytest.mark.parametrize("first", [3, 6, 7, 8, 12])
def test_a_forked_log_is_refused(client, contract, first):
    client.anchor(OWNER, NAME, first, ROOT[first], [])
    forked = merkle.root_of_hashes(FORK[:20])
    honest, forged = proof(first, 20), proof(first, 20, FORK)
    for hashes in (honest, forged, proof(7, 20), proof(first, 19), proof(9, 20)):
        assert trial(contract, 20, forked, hashes) == "anchor: the log has forked"
        assert not python_takes(first, 20, hashes, forked)
    assert trial(contract, 20, ROOT[19], honest) == "anchor: the log has forked"


@pytest.mark.parametrize("first", [1, 4, 6, 7, 11])
def test_a_size_that_its_proof_does_not_fit_is_refused_as_python_does(client, contract, first):
    client.anchor(OWNER, NAME, first, ROOT[first], [])
    for second in (first + 1, 16, 21, 32):
        right = proof(first, second)
        for claimed in (*range(first + 1, 40), 64, 1_000, 2**40, 2**62):
            taken = trial(contract, claimed, ROOT[second], right) == "taken"
            assert taken == python_takes(first, claimed, right, ROOT[second]), (second, claimed)


def test_a_leaf_cannot_be_split_into_a_subtree(client, contract):
    """One hash more than the shape allows would let a forged tree lead back to the old root."""
    client.anchor(OWNER, NAME, 6, ROOT[6], [])
    four, five, stranger = HASHES[4].tobytes(), HASHES[5].tobytes(), b"x" * 32
    split = merkle.node_hash(four, merkle.node_hash(five, stranger))
    forged = merkle.node_hash(ROOT[4], split)
    hashes = [five, stranger, four, ROOT[4]]
    assert trial(contract, 7, forged, hashes) == "anchor: the log has forked"
    assert not python_takes(6, 7, hashes, forged)


def test_a_log_that_does_not_grow_is_refused(client, contract):
    client.anchor(OWNER, NAME, 8, ROOT[8], [])
    for size in (8, 7, 1, 0):
        for root in (ROOT[8], ROOT[7]):
            assert trial(contract, size, root, []) == "anchor: the log has not grown"
    assert trial(contract, 2**63, ROOT[9], proof(8, 9)) == "anchor: size above 2**63"
    assert trial(contract, 2**256 - 1, ROOT[9], proof(8, 9)) == "anchor: size above 2**63"
    assert trial(contract, 2**63 - 1, ROOT[9], [bytes(32)] * 64) == "anchor: the log has forked"


def test_a_first_head_needs_no_proof_and_takes_none(client, contract):
    assert trial(contract, 5, ROOT[5], [bytes(32)]) == "anchor: a first head has no proof"
    assert trial(contract, 0, ROOT[0], []) == "anchor: the log has not grown"
    assert trial(contract, 5, ROOT[5], []) == "taken"


def test_a_stranger_cannot_squat_a_log(client):
    """Whatever identity a stranger anchors, it stands under an id of its own."""
    theirs = LogId(STRANGER.address, "example.org/log", "vkey")
    client._contract.transact(STRANGER, "anchor", NAME.identity, 9, ROOT[9], [])
    assert client.head(NAME).size == 0 and client.head(theirs).size == 9
    with pytest.raises(InputError, match="does not own"):
        client.anchor(STRANGER, NAME, 9, ROOT[9], [])
    client.anchor(OWNER, NAME, 3, ROOT[3], [])
    assert client.head(NAME).root == ROOT[3]


def test_anyone_may_send_what_the_owner_signed(client):
    signature = client.sign_head(OWNER, NAME, 3, ROOT[3])
    client.anchor_signed(STRANGER, NAME, 3, ROOT[3], [], signature)
    assert client.head(NAME).root == ROOT[3]
    with pytest.raises(Reverted, match="has not grown"):
        client.anchor_signed(STRANGER, NAME, 3, ROOT[3], [], signature)


def test_a_signature_is_good_for_one_head_of_one_log_alone(client):
    signature = client.sign_head(OWNER, NAME, 3, ROOT[3])
    other = LogId(OWNER.address, "example.org/other", "vkey")
    tried = [
        (NAME, 4, ROOT[3], signature),
        (NAME, 3, ROOT[4], signature),
        (other, 3, ROOT[3], signature),
        (LogId(STRANGER.address, "example.org/log", "vkey"), 3, ROOT[3], signature),
        (NAME, 3, ROOT[3], client.sign_head(STRANGER, NAME, 3, ROOT[3])),
        (NAME, 3, ROOT[3], bytes(65)),
        (LogId(bytes(20), "example.org/log", "vkey"), 3, ROOT[3], bytes(65)),
        (NAME, 3, ROOT[3], twin(signature)),
        (NAME, 3, ROOT[3], signature[:64] + bytes([signature[64] - 27])),
    ]
    for name, size, root, bad in tried:
        with pytest.raises(Reverted, match="not signed by the owner"):
            client.anchor_signed(STRANGER, name, size, root, [], bad)
    with pytest.raises(InputError, match="65 bytes"):
        client.anchor_signed(STRANGER, NAME, 3, ROOT[3], [], signature[:64])


def twin(signature):
    """The high-s form of a signature, which anyone can make."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_a_signed_head_cannot_be_replayed_on_another_contract_or_chain(client, monkeypatch):
    """The domain names contract and chain id; a signature made for others is refused."""
    chain = client._contract.chain
    other = AnchorClient(deploy(chain, STRANGER, "Anchor"))
    elsewhere = other.sign_head(OWNER, NAME, 3, ROOT[3])
    with pytest.raises(Reverted, match="not signed by the owner"):
        client.anchor_signed(STRANGER, NAME, 3, ROOT[3], [], elsewhere)
    with monkeypatch.context() as patch:
        patch.setattr(chain, "chain_id", lambda: 1)
        mainnet = client.sign_head(OWNER, NAME, 3, ROOT[3])
    with pytest.raises(Reverted, match="not signed by the owner"):
        client.anchor_signed(STRANGER, NAME, 3, ROOT[3], [], mainnet)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 13, 33])
def test_inclusion_agrees_with_python_for_every_leaf(client, size):
    client.anchor(OWNER, NAME, size, ROOT[size], [])
    hashes, log_id = HASHES[:size], NAME
    for index in range(size):
        leaf, path = hashes[index].tobytes(), merkle.inclusion_proof(hashes, index)
        merkle.check_inclusion(leaf, index, size, path, ROOT[size])
        assert client.check_inclusion(log_id, leaf, index, path)
    for index in {0, size // 2, size - 1}:
        leaf, path = hashes[index].tobytes(), merkle.inclusion_proof(hashes, index)
        for other in (index - 1, index + 1, index ^ 1, size, 2**63, 2**256 - 1):
            if other >= 0:
                assert not client.check_inclusion(log_id, leaf, other, path)
        assert not client.check_inclusion(log_id, bytes(32), index, path)
        assert not client.check_inclusion(bytes(32), leaf, index, path)
        for wrong in wrong_proofs(path):
            if wrong != path:
                assert not client.check_inclusion(log_id, leaf, index, wrong)


def test_a_path_longer_than_the_size_allows_is_refused(client):
    """Even if the owner anchored the root of four leaves as that of two."""
    client.anchor(OWNER, NAME, 2, ROOT[4], [])
    leaf, path = HASHES[3].tobytes(), merkle.inclusion_proof(HASHES[:4], 3)
    assert not client.check_inclusion(NAME, leaf, 1, path)
    with pytest.raises(VerificationError):
        merkle.check_inclusion(leaf, 1, 2, path, ROOT[4])


def test_an_inner_node_is_no_leaf(client):
    client.anchor(OWNER, NAME, 4, ROOT[4], [])
    left = merkle.node_hash(HASHES[0].tobytes(), HASHES[1].tobytes())
    right = merkle.node_hash(HASHES[2].tobytes(), HASHES[3].tobytes())
    assert not client.check_inclusion(NAME, left, 0, [right])
    assert not client.check_inclusion(NAME, ROOT[4], 0, [])


def test_a_log_is_published_step_by_step_and_its_receipts_hold(client, open_log, dataset, signer):
    log = open_log()
    log.append([sign(dataset, signer).to_bytes(), b"b", b"c"])
    first = client.publish(OWNER, log)
    assert isinstance(first, AnchorReference) and first.head.root == log.root
    assert client.publish(OWNER, log) == first
    log.append([b"%d" % i for i in range(600)])
    second = client.publish(OWNER, log)
    name = LogId(OWNER.address, log.origin, log.vkey)
    assert second == client.reference(name) and second.head.size == 603
    assert client.reference(name, size=1) == first
    assert client.heads(name) == [first.head, second.head]
    with pytest.raises(InputError, match="no head of 604"):
        client.reference(name, size=604)
    for anchor in (first, second):
        receipt = make_receipt(log, 0, anchor)
        assert check_receipt(receipt, [signer.verifier], log.vkey, anchored=anchor) == dataset
    leaf = merkle.leaf_hash(log.entry(602))
    assert client.check_inclusion(name, leaf, 602, log.inclusion(602))


def test_a_log_behind_or_beside_its_anchor_is_not_published(client, open_log):
    log, fork = open_log(), open_log("fork")
    log.append([b"a", b"b"])
    client.publish(OWNER, log)
    fork.append([b"a"])
    with pytest.raises(VerificationError, match="behind its anchored head of 2"):
        client.publish(OWNER, fork)
    fork.append([b"x", b"y"])
    with pytest.raises(VerificationError, match="forked"):
        client.publish(OWNER, fork)


def test_nothing_is_known_of_a_log_that_was_never_anchored(client):
    with pytest.raises(InputError, match="no head of any"):
        client.reference(NAME)
    assert client.heads(NAME) == []


@pytest.mark.parametrize(
    ("first", "second"), [(1000, 1003), (10_001, 39_999), (32_767, 40_000), (16_383, 32_769)]
)
def test_an_anchor_with_its_proof_costs_at_most_60000_gas(client, first, second):
    """Receipts of real transactions; the pairs are those whose proofs take most hashes."""
    roots = [merkle.root_of_hashes(HASHES[:n]) for n in (first, second)]
    client.anchor(OWNER, NAME, first, roots[0], [])
    receipt = client.anchor(OWNER, NAME, second, roots[1], proof(first, second))
    assert receipt.gas_used <= 60_000


def test_a_key_from_elsewhere_owns_nothing(client):
    thief = Account.local(b"thief")
    with pytest.raises(InputError):
        client.anchor(thief, NAME, 3, ROOT[3], [])
    with pytest.raises(InputError, match="not its 32 bytes"):
        client.anchor(OWNER, bytes(NAME), 3, ROOT[3], [])
