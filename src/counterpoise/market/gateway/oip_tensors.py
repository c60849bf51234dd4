"""Tensors of the Open Inference Protocol, version 2: strict in types, shapes and names.

References
----------
Open Inference Protocol (v2), REST: `inputs` and `outputs` as JSON, flat or nested in row-major
order. Half precision and the binary extension are not offered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from counterpoise.market.gateway.service import NotServed, UpstreamFailed

Array = npt.NDArray[Any]
MOST_DIMENSIONS = 8

NUMPY: Mapping[str, Any] = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}
_LARGEST = {name: float(np.finfo(NUMPY[name]).max) for name in ("FP32", "FP64")}
_WHOLE = {name: np.iinfo(kind) for name, kind in NUMPY.items() if "INT" in name}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a tensor must be; None in the shape is a size that is free."""

    name: str
    datatype: str
    shape: tuple[int | None, ...]

    def to_json(self) -> dict[str, Any]:
        """Give it as a model's metadata has it; a free size is -1."""
        sizes = [-1 if size is None else size for size in self.shape]
        return {"name": self.name, "datatype": self.datatype, "shape": sizes}


def read_tensor(value: Any, spec: TensorSpec) -> Array:
    """Read one input.

    Raises
    ------
    NotServed :
        422, naming the input and what is wrong with it.
    """
    name = spec.name
    if value.get("datatype") != spec.datatype:
        said = value.get("datatype")
        raise NotServed(422, f"input {name!r} is of datatype {said!r:.40}, {spec.datatype} wanted")
    shape = _shape(value.get("shape"), spec)
    flat = _flat(value.get("data"), shape, name)
    return _array(flat, spec).reshape(shape)


def write_tensor(name: str, datatype: str, array: Array) -> dict[str, Any]:
    """Write one output, flat.

    Raises
    ------
    UpstreamFailed :
        It has a number that JSON has not.
    """
    flat: list[Any] = array.reshape(-1).tolist()
    if datatype.startswith("FP") and not all(map(math.isfinite, flat)):
        raise UpstreamFailed(f"the model gives a number in {name!r} that is not finite")
    if datatype == "BYTES":
        flat = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in flat]
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": flat}


def _shape(value: Any, spec: TensorSpec) -> tuple[int, ...]:
    wanted = [-1 if size is None else size for size in spec.shape]
    if not isinstance(value, list) or len(value) != len(wanted):
        raise NotServed(422, f"input {spec.name!r} has shape {value!r:.80}, {wanted} wanted")
    for size, fixed in zip(value, spec.shape, strict=True):
        is_size = type(size) is int and 1 <= size < 1 << 31
        if not is_size or (fixed is not None and size != fixed):
            raise NotServed(422, f"input {spec.name!r} has shape {value!r:.80}, {wanted} wanted")
    return tuple(value)


def _flat(data: Any, shape: Sequence[int], name: str) -> list[Any]:
    """Give the numbers in row-major order; nested lists must have exactly the shape."""
    if not isinstance(data, list):
        raise NotServed(422, f"input {name!r} has no list of data")
    count = math.prod(shape)
    rows: list[Any] = data
    if len(shape) > 1 and data and isinstance(data[0], list):
        sizes = iter(shape)
        if len(rows) != next(sizes):
            raise NotServed(422, f"the data of input {name!r} does not have its shape")
        for size in sizes:
            if not all(isinstance(row, list) and len(row) == size for row in rows):
                raise NotServed(422, f"the data of input {name!r} does not have its shape")
            rows = list(chain.from_iterable(rows))
    if len(rows) != count:
        raise NotServed(422, f"input {name!r} has {len(rows)} numbers, its shape wants {count}")
    return rows


def _array(flat: list[Any], spec: TensorSpec) -> Array:
    datatype, kinds = spec.datatype, set(map(type, flat))
    if datatype in _WHOLE:
        bounds = _WHOLE[datatype]
        if kinds - {int} or min(flat) < bounds.min or max(flat) > bounds.max:
            _wrong(spec, f"whole numbers from {bounds.min} to {bounds.max}")
    elif datatype == "BOOL":
        if kinds - {bool}:
            _wrong(spec, "true and false")
    elif datatype == "BYTES":
        if kinds - {str}:
            _wrong(spec, "texts")
        return np.array(flat, dtype=np.object_)
    elif kinds - {int, float}:
        _wrong(spec, "numbers")
    return _floats(flat, spec) if datatype.startswith("FP") else np.array(flat, NUMPY[datatype])


def _floats(flat: list[Any], spec: TensorSpec) -> Array:
    most = _LARGEST[spec.datatype]
    if not (-most <= min(flat) and max(flat) <= most):  # JSON as it is read here has no NaN
        _wrong(spec, f"numbers within {spec.datatype}")
    return np.array(flat, NUMPY[spec.datatype])


def _wrong(spec: TensorSpec, wanted: str) -> Any:
    raise NotServed(422, f"the data of input {spec.name!r} ({spec.datatype}) must be {wanted}")
