"""The fast path and hashlib give the same digests, and the fast path is taken only if it pays."""

import hashlib
import random
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from counterpoise.core import hashing, merkle, merkle_kernel

SIZES = [1, 2, 3, 5, 7, 17, 100, 513, 1003]
SIZES += sorted(random.Random(7).sample(range(1, 3000), 12))


@pytest.fixture(params=["hashlib", "kernel"])
def path(request, monkeypatch):
    """Force one of both paths for every call."""
    worth = 0 if request.param == "kernel" else sys.maxsize
    monkeypatch.setattr(hashing, "WORTH_CALLING", worth)
    monkeypatch.setattr(hashing, "WORTH_LOADING", worth)
    assert (hashing.kernel(1) is None) == (request.param == "hashlib")


def noise(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def recursive_root(entries):
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1 << ((len(entries) - 1).bit_length() - 1)
    left, right = recursive_root(entries[:split]), recursive_root(entries[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", SIZES)
def test_both_paths_give_the_root_of_the_definition(path, size):
    entries = noise(size, 40)
    texts = [entry.tobytes() for entry in entries]
    wanted = recursive_root(texts)
    assert merkle.root_of_hashes(merkle.leaf_hashes(entries)) == wanted
    assert merkle.root(texts) == wanted


@pytest.mark.parametrize("size", [31, 32, 33, 1000])
def test_a_tree_hashed_in_parts_has_the_root_of_the_whole(path, size, monkeypatch):
    monkeypatch.setattr(merkle, "PART", 4)
    entries = noise(size, 40)
    texts = [entry.tobytes() for entry in entries]
    wanted = recursive_root(texts)
    assert merkle.root(entries) == merkle.root(texts) == wanted
    assert merkle.root_of_hashes(merkle.leaf_hashes(entries)) == wanted


@pytest.mark.parametrize("size", [3, 40, 1003])
def test_both_paths_give_proofs_that_hold(path, size):
    hashes = merkle.leaf_hashes(noise(size, 9))
    root = merkle.root_of_hashes(hashes)
    for index in (0, size // 2, size - 1):
        proof = merkle.inclusion_proof(hashes, index)
        merkle.check_inclusion(hashes[index].tobytes(), index, size, proof, root)
        proof = merkle.consistency_proof(hashes, index + 1, size)
        first = merkle.root_of_hashes(hashes[: index + 1])
        merkle.check_consistency(index + 1, size, proof, first, root)


def test_both_paths_hash_leaves_of_every_length(path):
    for length in range(200):
        entries = noise(35, length)
        wanted = [hashlib.sha256(b"\x00" + entry.tobytes()).digest() for entry in entries]
        assert [leaf.tobytes() for leaf in hashing.hash_leaves(entries)] == wanted, length


def test_both_paths_take_hashes_wherever_they_lie(path):
    plain = noise(1000, 32)
    wanted = [
        hashlib.sha256(b"\x01" + plain[i : i + 2].tobytes()).digest() for i in range(0, 1000, 2)
    ]
    frozen = np.frombuffer(plain.tobytes(), np.uint8).reshape(-1, 32)
    shifted = np.frombuffer(b"x" + plain.tobytes(), np.uint8)[1:].reshape(-1, 32)
    strided = np.repeat(plain, 2, axis=0)[::2]
    odd = np.concatenate([plain, plain[:1]])
    columns = np.asfortranarray(plain)
    for hashes in (plain, frozen, shifted, strided, odd, columns):
        assert [node.tobytes() for node in hashing.hash_pairs(hashes)] == wanted


def test_no_pair_and_no_leaf_give_no_hash(path):
    for count in (0, 1):
        assert hashing.hash_pairs(noise(count, 32)).shape == (0, 32)
    assert hashing.hash_leaves(noise(0, 32)).shape == (0, 32)
    assert merkle.root_of_hashes(noise(0, 32)) == merkle.EMPTY_ROOT


def test_messages_of_mixed_lengths_are_hashed_in_their_order():
    lengths = np.array([*range(260), 5000, 0, 64, 55, 56, 119, 120, 100_000])
    random.Random(3).shuffle(lengths)
    room = [merkle_kernel.padded_size(int(length)) for length in lengths]
    starts = np.concatenate([[0], np.cumsum(room)[:-1]])
    flat = noise(sum(room))
    texts = [flat[s : s + n].tobytes() for s, n in zip(starts, lengths, strict=True)]
    found = merkle_kernel.hash_messages(flat, starts, lengths)
    assert [digest.tobytes() for digest in found] == [hashlib.sha256(t).digest() for t in texts]


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 118, 119, 120, 128])
def test_padding_takes_whole_blocks(length):
    size = merkle_kernel.padded_size(length)
    assert size % 64 == 0
    assert length + 9 <= size < length + 9 + 64


def test_a_kernel_that_hashes_wrongly_is_found_out():
    zeros = SimpleNamespace(
        hash_leaves=lambda entries: np.zeros((len(entries), 32), np.uint8),
        hash_pairs=lambda hashes: np.zeros((len(hashes) // 2, 32), np.uint8),
    )
    assert hashing._is_right(merkle_kernel)
    assert not hashing._is_right(zeros)
    half = SimpleNamespace(hash_leaves=merkle_kernel.hash_leaves, hash_pairs=zeros.hash_pairs)
    assert not hashing._is_right(half)


def test_a_wrong_kernel_is_never_used(monkeypatch):
    monkeypatch.setattr(hashing, "WORTH_LOADING", 0)
    monkeypatch.setattr(hashing, "_loaded", [])
    monkeypatch.setattr(merkle_kernel, "hash_pairs", lambda hashes: hashes[::2])
    hashing._load_kernel.cache_clear()
    with pytest.warns(UserWarning, match="hashlib is used"):
        assert hashing.kernel(10**9) is None
    assert hashing.kernel(10**9) is None  # and nobody is warned twice
    hashing._load_kernel.cache_clear()


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_small_trees_do_not_load_numba():
    assert (
        run(
            "import sys; from counterpoise.core import merkle;"
            "merkle.root([b'%d' % i for i in range(5000)]); print('numba' in sys.modules)"
        ).strip()
        == "False"
    )


def test_without_numba_hashlib_serves_every_size():
    assert (
        run(
            "import sys; sys.modules['numba'] = None; import numpy as np;"
            "from counterpoise.core import hashing, merkle; hashing.WORTH_LOADING = 0;"
            "print(merkle.root_of_hashes(np.zeros((70, 32), np.uint8)).hex())"
        ).strip()
        == merkle.root_of_hashes(np.zeros((70, 32), np.uint8)).hex()
    )
