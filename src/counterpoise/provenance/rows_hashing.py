"""Rows to leaf hashes: by cbor2 and hashlib, or by the compiled kernel once that pays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from types import ModuleType

import cbor2
import numpy as np

from counterpoise.core import hashing
from counterpoise.core.merkle import Hashes
from counterpoise.provenance.rows_cells import Cells
from counterpoise.provenance.rows_salts import Salts

WORTH_LOADING = 200_000
"""Rows for which loading the kernel pays: the slow path takes about 2 s for them."""


def leaf_hashes(columns: Sequence[Cells], salts: Salts, expected: int) -> Hashes:
    """Give the leaf hashes of a batch of rows, shape (n, 32).

    Parameters
    ----------
    columns :
        The checked cells of each column, in the schema's order.
    salts :
        The rows' salts, shape (n, 16).
    expected :
        Rows of the whole dataset, as far as known: many make the kernel worth loading.
    """
    fast = load_kernel() if expected >= WORTH_LOADING else None
    if fast is None:
        return leaf_hashes_by_cbor2(columns, salts)
    hashes: Hashes = fast.leaf_hashes(columns, salts)
    return hashes


def leaf_hashes_by_cbor2(columns: Sequence[Cells], salts: Salts) -> Hashes:
    """Give the leaf hashes as `leaf_hashes` does, one row at a time."""
    dumps, sha256 = cbor2.dumps, hashlib.sha256
    rows = zip([salt.tobytes() for salt in salts], *[c.to_values() for c in columns], strict=True)
    joined = b"".join(sha256(b"\x00" + dumps(row)).digest() for row in rows)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, 32)


@cache
def load_kernel() -> ModuleType | None:
    """Give `rows_kernel` if numba works here, else None."""
    if hashing.kernel(hashing.WORTH_LOADING) is None:
        return None
    from counterpoise.provenance import rows_kernel

    return rows_kernel
