"""Arrays as canonical bytes: numbers with their type and shape, never pickled.

The encoding is the DAG-CBOR map ``{"data", "dtype", "shape"}``: ``dtype`` is one of `DTYPES`,
``shape`` a list of lengths, ``data`` the numbers in C order, little-endian. Any CBOR reader can
open it. Float arrays keep their bits, so that a NaN arrives where it can be refused by name.
"""

import math

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.core.records import dag_cbor, from_dag_cbor

DTYPES = ("|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f4", "<f8")
MAX_DIMENSIONS = 8
MAX_LENGTH = 2**48
HEADER_ALLOWANCE = 256


def array_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """Encode an array as canonical bytes.

    Big-endian and non-contiguous arrays are rewritten first, so that equal arrays of one type
    have equal bytes. Nothing is cast: an int32 array and an int64 one differ.

    Parameters
    ----------
    array :
        Signed or unsigned integers of 8 to 64 bits, or floats of 32 or 64 bits, with at most 8
        dimensions.

    Raises
    ------
    InputError :
        Another type (object, bool, float16, complex, strings, records) or too many dimensions.
    """
    if not isinstance(array, np.ndarray):
        raise InputError(f"an array was wanted, got a {type(array).__name__}")
    kind = array.dtype.newbyteorder("<") if array.dtype.isnative is False else array.dtype
    if array.dtype.kind not in "iuf" or kind.str not in DTYPES:
        raise InputError(
            f"an array of {array.dtype} has no canonical bytes",
            hint="use int8 to int64, uint8 to uint64, float32 or float64",
        )
    if array.ndim > MAX_DIMENSIONS:
        raise InputError(f"an array of {array.ndim} dimensions, at most {MAX_DIMENSIONS} wanted")
    little = np.asarray(array, dtype=kind, order="C")
    return dag_cbor({"data": little.tobytes(), "dtype": kind.str, "shape": list(array.shape)})


def array_from_bytes(data: bytes, *, max_bytes: int) -> npt.NDArray[np.generic]:
    """Decode the bytes of `array_bytes` into a new array.

    Parameters
    ----------
    data :
        What `array_bytes` wrote.
    max_bytes :
        The largest payload to accept; checked before anything is allocated.

    Raises
    ------
    InputError :
        The bytes are not canonical, too large, of another type, or their shape and payload
        disagree.
    """
    if len(data) > max_bytes + HEADER_ALLOWANCE:
        raise InputError(f"an array of {len(data)} bytes, at most {max_bytes} wanted")
    record = from_dag_cbor(data)
    if not isinstance(record, dict) or set(record) != {"data", "dtype", "shape"}:
        raise InputError("array bytes must be a map of data, dtype and shape")
    payload, kind = record["data"], record["dtype"]
    if kind not in DTYPES or not isinstance(payload, bytes):
        raise InputError(f"array bytes of an unknown type {kind!r}")
    if len(payload) > max_bytes:
        raise InputError(f"an array of {len(payload)} bytes, at most {max_bytes} wanted")
    shape = _checked_shape(record["shape"])
    dtype = np.dtype(kind)
    if math.prod(shape) * dtype.itemsize != len(payload):
        raise InputError(f"shape {shape} of {dtype} does not fit {len(payload)} bytes")
    return np.frombuffer(payload, dtype=dtype).reshape(shape).copy()


def _checked_shape(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise InputError(f"an array's shape must list at most {MAX_DIMENSIONS} lengths")
    for length in shape:
        if type(length) is not int or not 0 <= length <= MAX_LENGTH:
            raise InputError(f"an array's length must be in 0..2**48, got {length!r}")
    return tuple(shape)
