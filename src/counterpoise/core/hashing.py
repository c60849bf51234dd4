"""Many SHA-256 hashes at once: by hashlib, or sixteen at a time once that pays.

Both paths give the same digests. The fast one needs numba, which costs about a CPU-second to load
from its cache (and six to eleven to compile, once on a machine), so it is loaded for the first
time only by a call that saves more than that. A kernel that cannot be loaded, or that gives a
wrong digest on a known answer, is left alone.
"""

import hashlib
import warnings
from functools import cache
from types import ModuleType

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
WORTH_LOADING = 1_000_000
"""Hashes in one call for which loading the kernel pays: hashlib takes about 1.5 s for them."""
WORTH_CALLING = 32
"""Hashes in one call from which a kernel that is loaded already is the faster one."""

_loaded: list[ModuleType] = []


def kernel(count: int) -> ModuleType | None:
    """Give `merkle_kernel` if it pays for so many hashes in one call, else None."""
    if count < (WORTH_CALLING if _loaded else WORTH_LOADING):
        return None
    return _load_kernel()


def prepare(count: int) -> None:
    """Load the kernel now if that pays for so many hashes, in however many calls they come."""
    kernel(count)


@cache
def _load_kernel() -> ModuleType | None:
    try:
        from numba.core.errors import NumbaError
    except ImportError:
        return None
    try:
        from counterpoise.core import merkle_kernel
    except (ImportError, RuntimeError, NumbaError):  # no place for its cache, or another numba
        return None
    if not _is_right(merkle_kernel):
        warnings.warn("numba's SHA-256 is wrong on this machine: hashlib is used", stacklevel=2)
        return None
    _loaded.append(merkle_kernel)
    return merkle_kernel


def _is_right(module: ModuleType) -> bool:
    """Say whether the kernel agrees with hashlib, which also guards against a stale cache."""
    sample = (np.arange(40 * 64, dtype=np.uint32) % 251).astype(np.uint8).reshape(40, 64)
    return bool(
        np.array_equal(module.hash_leaves(sample), _leaves_by_hashlib(sample))
        and np.array_equal(module.hash_pairs(sample.reshape(80, 32)), _pairs_by_hashlib(sample))
    )


def hash_pairs(hashes: Bytes) -> Bytes:
    """Give the RFC 6962 node hash of each pair of neighbours, shape (n // 2, 32).

    Parameters
    ----------
    hashes :
        Shape (n, 32); an odd last one is left out.
    """
    count = len(hashes) // 2
    pairs = np.ascontiguousarray(hashes[: 2 * count])
    fast = kernel(count)
    if fast is None:
        return _pairs_by_hashlib(pairs)
    nodes: Bytes = fast.hash_pairs(pairs)
    return nodes


def hash_leaves(entries: Bytes) -> Bytes:
    """Give the RFC 6962 leaf hashes of entries of one length, shape (n, 32).

    Parameters
    ----------
    entries :
        The bytes of each entry, shape (n, length).
    """
    fast = kernel(len(entries))
    if fast is None:
        return _leaves_by_hashlib(entries)
    leaves: Bytes = fast.hash_leaves(entries)
    return leaves


def _pairs_by_hashlib(hashes: Bytes) -> Bytes:
    joined, sha256 = hashes.tobytes(), hashlib.sha256
    places = range(0, len(joined), 64)
    return _rows([sha256(b"\x01" + joined[at : at + 64]).digest() for at in places])


def _leaves_by_hashlib(entries: Bytes) -> Bytes:
    sha256 = hashlib.sha256
    return _rows([sha256(b"\x00" + entry.tobytes()).digest() for entry in entries])


def _rows(digests: list[bytes]) -> Bytes:
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32)
