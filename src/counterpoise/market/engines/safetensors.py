"""Reads the arrays of a file in the format of safetensors.

References
----------
https://github.com/huggingface/safetensors: 8 bytes with the length of a JSON header, the header
(``{name: {dtype, shape, data_offsets}}``), the arrays one after another, little-endian.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError

_MAX_HEADER = 1 << 24


def load_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Give every float32 array by its name, as views of the file; others are passed over.

    Raises
    ------
    InputError :
        The file is no such file, or an array lies outside it.
    """
    size = path.stat().st_size
    if size < 8:
        raise InputError(f"{path} has {size} bytes, too few for safetensors")
    content = np.memmap(path, np.uint8, "r")
    length = int.from_bytes(content[:8].tobytes(), "little")
    if length > min(_MAX_HEADER, size - 8):
        raise InputError(f"{path}: a header of {length} bytes in a file of {size}")
    try:
        header = json.loads(content[8 : 8 + length].tobytes())
        rows = {name: row for name, row in header.items() if row.get("dtype") == "F32"}
        return {name: _array(content[8 + length :], row, name) for name, row in rows.items()}
    except (ValueError, AttributeError, KeyError, TypeError) as wrong:
        raise InputError(f"{path}: the header of safetensors is wrong: {wrong}") from None


def _array(
    content: NDArray[np.uint8], row: Mapping[str, list[int]], name: str
) -> NDArray[np.float32]:
    start, end = row["data_offsets"]
    shape = tuple(row["shape"])
    if not 0 <= start <= end <= len(content) or end - start != 4 * int(np.prod(shape)):
        raise InputError(f"{name}: bytes {start} to {end} for the shape {shape}")
    return content[start:end].view("<f4").reshape(shape)
