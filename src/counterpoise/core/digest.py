"""Digests over canonical bytes: one value has one encoding, and one encoding one digest."""

import hashlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any, cast

from counterpoise.core.arrays import array_bytes, array_from_bytes
from counterpoise.core.jcs import canonical_json
from counterpoise.core.records import dag_cbor, from_dag_cbor

__all__ = [
    "array_bytes",
    "array_from_bytes",
    "canonical_json",
    "dag_cbor",
    "digest_of",
    "from_dag_cbor",
    "keccak",
    "sha256",
]


def sha256(data: bytes) -> bytes:
    """Give the SHA-256 digest of bytes, 32 bytes."""
    return hashlib.sha256(data).digest()


def keccak(data: bytes) -> bytes:
    """Give the Keccak-256 digest of bytes as Ethereum uses it, 32 bytes.

    This is not SHA3-256: the padding differs.
    """
    return cast(bytes, _keccak_256()(data).digest())


@cache
def _keccak_256() -> Callable[[bytes], Any]:
    """Give the fastest engine there is: the C of safe-pysha3, else pycryptodome's."""
    try:
        from sha3 import keccak_256

        return cast(Callable[[bytes], Any], keccak_256)
    except ImportError:
        from Crypto.Hash import keccak as engine

        return partial(engine.new, digest_bits=256)


def digest_of(value: object) -> bytes:
    """Give the SHA-256 digest of a value's DAG-CBOR bytes.

    Raises
    ------
    InputError :
        The value has no DAG-CBOR encoding.
    """
    return sha256(dag_cbor(value))
