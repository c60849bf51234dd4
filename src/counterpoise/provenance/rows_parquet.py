"""Rows from Parquet files, read by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.provenance.rows_cells import Array, Cells, all_valid
from counterpoise.provenance.rows_schema import Column, Schema
from counterpoise.provenance.rows_sources import check_names

NUMBERS: dict[str, Any] = {"int64": np.int64, "float64": np.float64, "bool": np.uint8}


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file; columns that the schema does not name are not read.

    Integers and floats of fewer bits are widened; nothing else is converted.

    Raises
    ------
    MissingExtra :
        pyarrow is not installed.
    InputError :
        The file cannot be read, or a column is missing or of another type.
    """

    path: Path

    @cached_property
    def _file(self) -> Any:
        try:
            import pyarrow as arrow
            from pyarrow import parquet
        except ModuleNotFoundError as missing:
            raise MissingExtra("pyarrow", extra="parquet") from missing
        try:
            footer = parquet.read_metadata(self.path)
            return parquet.ParquetFile(
                self.path, metadata=footer, read_dictionary=_repeating(footer)
            )
        except (OSError, arrow.ArrowException) as failed:
            raise InputError(f"cannot read {self.path} as Parquet: {failed}") from failed

    @property
    def count(self) -> int:
        """The rows that the file's footer tells."""
        return int(self._file.metadata.num_rows)

    def batches(self, schema: Schema, size: int) -> Iterator[list[Cells]]:
        """Give batches of rows."""
        check_names(schema, self._file.schema_arrow.names, str(self.path))
        import pyarrow as arrow

        for column in schema.columns:
            _check_type(column, self._file.schema_arrow.field(column.name).type)
        first = 0
        try:
            for batch in self._file.iter_batches(size, columns=schema.names):
                yield [_cells(c, batch.column(c.name), first) for c in schema.columns]
                first += batch.num_rows
        except (OSError, arrow.ArrowException) as failed:
            raise InputError(f"cannot read {self.path} after row {first}: {failed}") from failed


def _repeating(footer: Any) -> list[str]:
    """Name the columns whose values the file stores as numbers into a dictionary.

    A text on its own takes four bytes and more; less on average means numbers, and those are
    read faster as such.
    """
    if not footer.num_row_groups:
        return []
    group = footer.row_group(0)
    columns = (group.column(i) for i in range(group.num_columns))
    return [
        column.path_in_schema
        for column in columns
        if column.physical_type == "BYTE_ARRAY"
        and column.total_uncompressed_size < 4 * column.num_values
    ]


def _check_type(column: Column, found: Any) -> None:
    import pyarrow.types as kinds

    plain = found.value_type if kinds.is_dictionary(found) else found
    fits = {
        "int64": kinds.is_integer,
        "float64": kinds.is_floating,
        "bool": kinds.is_boolean,
        "utf8": lambda kind: kinds.is_string(kind) or kinds.is_large_string(kind),
    }[column.kind]
    if not fits(plain):
        raise InputError(
            f"column {column.name!r} is {found} in the file, {column.kind} wanted",
            hint="write times, dates and decimals as integers of a named unit first",
        )


def _cells(column: Column, found: Any, first: int) -> Cells:
    import pyarrow as arrow

    valid = found.is_valid().to_numpy(zero_copy_only=False) if found.null_count else all_valid()
    if column.kind == "utf8":
        return _texts(column, found, valid)
    kind = {"int64": arrow.int64(), "float64": arrow.float64(), "bool": arrow.uint8()}[column.kind]
    try:
        numbers = found.cast(kind)
    except arrow.ArrowInvalid as refused:
        raise InputError(
            f"column {column.name!r} has an integer beyond 64 bits after row {first}"
        ) from refused
    values = _buffer(numbers, 1, NUMBERS[column.kind])
    return Cells(column, values[numbers.offset :][: len(numbers)], valid=valid)


def _texts(column: Column, found: Any, valid: Array) -> Cells:
    """Make cells of texts, plain or by number from a dictionary, without copying a text."""
    import pyarrow as arrow

    if not isinstance(found, arrow.DictionaryArray):
        return Cells(column, _buffer(found, 2, np.uint8), *_places(found), valid)
    words = found.dictionary
    begins, ends = _places(words)
    which = found.indices.fill_null(0).to_numpy()
    if not len(words):  # all are null
        begins = ends = np.zeros(1, dtype=np.int64)
    return Cells(column, _buffer(words, 2, np.uint8), begins[which], ends[which], valid)


def _places(texts: Any) -> tuple[Array, Array]:
    import pyarrow.types as kinds

    wide = np.int64 if kinds.is_large_string(texts.type) else np.int32
    offsets = _buffer(texts, 1, wide)[texts.offset :][: len(texts) + 1].astype(np.int64)
    return offsets[:-1], offsets[1:]


def _buffer(array: Any, which: int, kind: Any) -> Array:
    buffer = array.buffers()[which]
    return np.zeros(0, dtype=kind) if buffer is None else np.frombuffer(buffer, dtype=kind)
