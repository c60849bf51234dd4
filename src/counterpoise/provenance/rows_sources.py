"""Where rows come from: columns in memory, CSV files, Parquet files."""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.provenance.rows_cells import Cells, cells_from_array, cells_from_values
from counterpoise.provenance.rows_schema import Column, Schema, Value, bad_cell


class RowSource(Protocol):
    """Anything that gives rows, batch by batch, always in the same order."""

    @property
    def count(self) -> int | None:
        """How many rows there are, if that is known beforehand."""

    def batches(self, schema: Schema, size: int) -> Iterator[list[Cells]]:
        """Give batches of at most `size` rows: the cells of each column of the schema."""


Source: TypeAlias = (
    RowSource | Path | str | Mapping[str, Sequence[Any] | npt.NDArray[Any]] | npt.NDArray[Any]
)


def row_source(source: Source) -> RowSource:
    """Give the source of rows that a value stands for.

    Parameters
    ----------
    source :
        A path that ends in ``.csv`` or ``.parquet``; columns by name, each a list or an array; a
        structured array; or a source already.

    Raises
    ------
    InputError :
        It is none of these.
    """
    if isinstance(source, np.ndarray):
        if source.dtype.names is None:
            raise InputError(
                "an array without named fields", hint="give a dict of its columns by name"
            )
        return ColumnSource({name: source[name] for name in source.dtype.names})
    if isinstance(source, Mapping):
        return ColumnSource(source)
    if not isinstance(source, Path | str):
        return source
    path = Path(source)
    if path.suffix.lower() == ".csv":
        return CsvSource(path)
    if path.suffix.lower() in {".parquet", ".pq"}:
        from counterpoise.provenance.rows_parquet import ParquetSource

        return ParquetSource(path)
    raise InputError(f"no rows are read from {path}", hint="give a .csv or a .parquet file")


def read_row(source: Source, schema: Schema, i: int) -> tuple[Value, ...]:
    """Give the values of row `i`, by reading the source up to it.

    Raises
    ------
    InputError :
        There is no row `i`.
    """
    rows = row_source(source)
    first = 0
    if i >= 0 and (rows.count is None or i < rows.count):
        for batch in rows.batches(schema, 65_536):
            if i < first + len(batch[0]):
                cells = [column.part(i - first, i - first + 1) for column in batch]
                return tuple(column.to_values()[0] for column in cells)
            first += len(batch[0])
    raise InputError(f"there is no row {i}")


@dataclass(frozen=True)
class ColumnSource:
    """Columns in memory, by name: NumPy arrays (masked or not) or lists with None for null.

    Columns that the schema does not name are left out.
    """

    columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]

    @property
    def count(self) -> int:
        """The length of the columns."""
        return len(next(iter(self.columns.values()), ()))

    def batches(self, schema: Schema, size: int) -> Iterator[list[Cells]]:
        """Give batches of rows."""
        check_names(schema, self.columns, "the columns given")
        for name in schema.names:
            if not isinstance(self.columns[name], Sequence | np.ndarray):
                raise InputError(f"column {name!r} is neither a list nor an array")
            if len(self.columns[name]) != self.count:
                raise InputError(
                    f"column {name!r} has {len(self.columns[name])} rows, {self.count} wanted"
                )
        for at in range(0, self.count, size):
            yield [
                cells_from_array(column, self.columns[column.name][at : at + size], at)
                for column in schema.columns
            ]


@dataclass(frozen=True)
class CsvSource:
    """A CSV file in UTF-8 whose first line names the columns.

    Parameters
    ----------
    path :
        The file.
    null :
        The text that stands for null, such as ``"?"``. By default an empty number or boolean is
        null, and an empty text is an empty text.
    delimiter :
        What stands between two fields.
    """

    path: Path
    null: str | None = None
    delimiter: str = ","

    @property
    def count(self) -> None:
        """Not known before the file has been read."""
        return

    def batches(self, schema: Schema, size: int) -> Iterator[list[Cells]]:
        """Give batches of rows."""
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                lines = csv.reader(file, delimiter=self.delimiter, strict=True)
                names = next(lines, [])
                if len(set(names)) != len(names):
                    raise InputError(f"two columns of {self.path} have one name")
                check_names(schema, names, str(self.path))
                places = [names.index(name) for name in schema.names]
                first = 0
                while chunk := list(itertools.islice(lines, size)):
                    rows = [line for line in chunk if line]
                    yield self._cells(schema, places, rows, len(names), first)
                    first += len(rows)
        except OSError as failed:
            raise InputError(f"cannot read {self.path}: {failed.strerror}") from failed
        except (csv.Error, UnicodeDecodeError) as wrong:
            raise InputError(f"{self.path} is no CSV file in UTF-8: {wrong}") from wrong

    def _cells(
        self, schema: Schema, places: list[int], rows: list[list[str]], width: int, first: int
    ) -> list[Cells]:
        for i, row in enumerate(rows):
            if len(row) != width:
                raise InputError(f"row {first + i} has {len(row)} fields, {width} wanted")
        return [
            cells_from_values(
                column,
                [self._value(column, row[place], first + i) for i, row in enumerate(rows)],
                first,
            )
            for column, place in zip(schema.columns, places, strict=True)
        ]

    def _value(self, column: Column, text: str, row: int) -> Value:
        if text == self.null or (not text and column.kind != "utf8" and self.null is None):
            return None
        value = READERS[column.kind](text)
        if value is None:
            raise bad_cell(row, column, f"no {column.kind}")
        return value


def _read_integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,30}", text) else None


def _read_float(text: str) -> float | None:
    pattern = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    if re.fullmatch(pattern, text):
        return float(text)
    return math.nan if text.lower().strip("+-") in {"nan", "inf", "infinity"} else None


def _read_flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


READERS: Mapping[str, Callable[[str], Value]] = {
    "int64": _read_integer,
    "float64": _read_float,
    "utf8": str,
    "bool": _read_flag,
}


def check_names(schema: Schema, found: Mapping[str, Any] | Sequence[str], where: str) -> None:
    """Check that a source has all columns of the schema.

    Raises
    ------
    InputError :
        One is missing.
    """
    missing = [name for name in schema.names if name not in found]
    if missing:
        raise InputError(f"{where} lack the column {missing[0]!r}", hint="check the schema's names")
