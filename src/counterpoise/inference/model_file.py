"""A model as a file: its header and its rows, exactly as they are hashed."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np

from counterpoise.core.digest import dag_cbor, from_dag_cbor
from counterpoise.core.errors import InputError
from counterpoise.inference.forest import Forest
from counterpoise.inference.header import FOREST, Header
from counterpoise.inference.net import Layer, Net
from counterpoise.inference.tree import Tree

IntegerModel: TypeAlias = Net | Forest
"""What this room runs, commits to and proves."""

FORMAT = "counterpoise-integer-model/v1"
MAX_BYTES = 1 << 28


def model_bytes(model: IntegerModel) -> bytes:
    """Give a model's canonical bytes, DAG-CBOR: ``{"format", "header", "rows"}``.

    The rows are those that are hashed, so the id of a model follows from its file by hashing.
    """
    rows = [model.row(index) for index in range(model.rows)]
    return dag_cbor({"format": FORMAT, "header": model.header, "rows": rows})


def model_from_bytes(data: bytes) -> IntegerModel:
    """Read a model and prove again that it cannot overflow.

    Raises
    ------
    InputError :
        These are not the canonical bytes of a model, or its numbers are out of range.
    """
    record = from_dag_cbor(data)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"these bytes are no model of format {FORMAT}")
    header, rows = record.get("header"), record.get("rows")
    if set(record) != {"format", "header", "rows"} or not isinstance(header, bytes):
        raise InputError("a model holds a format, a header and rows, and nothing else")
    if not isinstance(rows, list) or not all(isinstance(row, bytes) for row in rows):
        raise InputError("the rows of a model are byte strings")
    return model_from_rows(header, rows)


def model_from_rows(header: bytes, rows: list[bytes]) -> IntegerModel:
    """Make a model from its header and its rows as they are hashed.

    Raises
    ------
    InputError :
        They do not fit together, a row is not canonical, or the model could overflow.
    """
    shape = Header.from_bytes(header)
    if len(rows) != shape.rows:
        raise InputError(f"a model of {len(rows)} rows, its header wants {shape.rows}")
    model = _forest(shape, rows) if shape.kind == FOREST else _net(shape, rows)
    for index, row in enumerate(rows):
        if model.row(index) != row:
            raise InputError(f"row {index} of the model is not canonical")
    return model


def _net(shape: Header, rows: list[bytes]) -> Net:
    layers, first = [], 0
    for number, layer in enumerate(shape.layers):
        chosen = rows[first : first + layer.outputs]
        for index, row in enumerate(chosen, first):
            if len(row) != 8 + layer.inputs:
                raise InputError(
                    f"row {index} has {len(row)} bytes, layer {number} wants {8 + layer.inputs}"
                )
        matrix = np.frombuffer(b"".join(chosen), np.uint8).reshape(layer.outputs, -1)
        bias = np.ascontiguousarray(matrix[:, 4:8]).view(">i4")[:, 0]
        weights = matrix[:, 8:].astype(np.int64) - 128
        numbers = (layer.zero_point, layer.shift, layer.lo, layer.hi)
        layers.append(Layer(weights, bias.astype(np.int64), *numbers))
        first += layer.outputs
    return Net(tuple(layers), shape.threshold)


def _forest(shape: Header, rows: list[bytes]) -> Forest:
    biases = rows[-1][8:]
    if len(biases) != 4 * shape.outputs:
        raise InputError(f"the row of biases has {len(rows[-1])} bytes")
    trees = tuple(Tree.from_bytes(row[8:]) for row in rows[:-1])
    values = tuple(int(bias) for bias in np.frombuffer(biases, ">i4"))
    return Forest(trees, values, shape.inputs, shape.threshold)


def save_model(model: IntegerModel, path: Path | str) -> None:
    """Write a model's canonical bytes."""
    Path(path).write_bytes(model_bytes(model))


def load_model(path: Path | str) -> IntegerModel:
    """Read a model from its file.

    Raises
    ------
    InputError :
        There is no such file, it is larger than 256 MiB, or it holds no model.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"there is no model file {file}", hint="counterpoise inference import")
    if file.stat().st_size > MAX_BYTES:
        raise InputError(f"{file} has {file.stat().st_size} bytes, at most {MAX_BYTES} wanted")
    try:
        return model_from_bytes(file.read_bytes())
    except InputError as refused:
        raise InputError(f"{file}: {refused.message}", hint=refused.hint) from refused
