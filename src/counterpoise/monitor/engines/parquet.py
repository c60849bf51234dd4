"""Records of a Parquet file, by pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError, MissingExtra
from counterpoise.monitor.rows import COLUMNS
from counterpoise.monitor.sources.rows import Record

KNOWN = frozenset(name for names in COLUMNS.values() for name in names)


class ParquetRecords:
    """One file; only the columns that are needed are read, a row group at a time.

    Raises
    ------
    InputError :
        The file cannot be read.
    MissingExtra :
        pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ModuleNotFoundError as missing:
            raise MissingExtra("pyarrow", extra="parquet") from missing
        self._path, self._errors = path, (OSError, pyarrow.ArrowException)
        try:
            self._file = parquet.ParquetFile(path)
        except self._errors as failed:
            raise InputError(f"{path} cannot be read as Parquet: {failed}") from failed
        names = self._file.schema_arrow.names
        self._header = [name for name in names if name.strip().lower() in KNOWN]
        self._position = 0
        self._batches = iter(())
        self._skip_to = 0
        self._started = False

    def header(self) -> Sequence[str]:
        """Names of the columns that are read."""
        return self._header

    def skip_to(self, position: int) -> None:
        """Begin at a record."""
        self._skip_to = position

    def read(self, limit: int) -> list[Record] | None:
        """The next records; None at the end of the file."""
        if not self._started:
            self._start(limit)
        try:
            batch = next(self._batches, None)
        except self._errors as failed:
            raise InputError(f"{self._path} cannot be read on: {failed}") from failed
        if batch is None:
            return None
        columns: list[list[Any]] = [column.to_pylist() for column in batch.columns]
        first, self._position = self._position, self._position + batch.num_rows
        return [
            Record(first + at, f"row {first + at + 1}", fields)
            for at, fields in enumerate(zip(*columns, strict=True))
            if first + at >= self._skip_to
        ]

    def acknowledge(self, position: int) -> None:
        """Nothing to note: the file keeps its records."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _start(self, limit: int) -> None:
        """Open the row groups from the one on that holds the first record."""
        groups, first = [], 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if first + rows > self._skip_to:
                groups.append(group)
            else:
                self._position = first + rows
            first += rows
        if self._skip_to > first:
            raise InputError(
                f"{self._path} has {first} records, {self._skip_to} were read before",
                hint="give the same file again, or another --home",
            )
        self._batches = self._file.iter_batches(limit, row_groups=groups, columns=self._header)
        self._started = True
