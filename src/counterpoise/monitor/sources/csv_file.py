"""Records of a CSV file, plain or compressed with gzip."""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

from counterpoise.core.errors import InputError
from counterpoise.monitor.sources.rows import Record

FIELD_LIMIT = 1 << 20


class CsvRecords:
    """One file with a header; the separator is found in it.

    Bytes that are no UTF-8 are kept as such in the field, so that they harm no other row.

    Raises
    ------
    InputError :
        The file cannot be read, or is empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        csv.field_size_limit(min(FIELD_LIMIT, sys.maxsize))
        try:
            raw = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115
            self._file = io.TextIOWrapper(raw, "utf-8", "surrogateescape", newline="")
            first = self._file.readline(1 << 16)
        except OSError as failed:
            raise InputError(f"{path} cannot be read: {failed.strerror or failed}") from failed
        separator = max(",;\t|", key=first.count)
        header = next(csv.reader([first], delimiter=separator), [])
        if not header:
            self._file.close()
            raise InputError(f"{path} is empty", hint="the first line names the columns")
        self._header = header
        self._rows = csv.reader(self._file, delimiter=separator)
        self._position = 0

    def header(self) -> Sequence[str]:
        """Names of the columns."""
        return self._header

    def skip_to(self, position: int) -> None:
        """Read past the records before a position."""
        while self._position < position:
            try:
                fields = next(self._rows, None)
            except csv.Error:
                fields = []
            if fields is None:
                raise InputError(
                    f"{self._path} has {self._position} records, {position} were read before",
                    hint="give the same file again, or another --home",
                )
            self._position += 1

    def read(self, limit: int) -> list[Record] | None:
        """The next records; None at the end of the file."""
        found: list[Record] = []
        while len(found) < limit:
            try:
                fields: Sequence[str] | str | None = next(self._rows, None)
            except csv.Error as error:
                fields = f"it is no CSV: {error}"
            except (OSError, EOFError, zlib.error) as failed:
                raise InputError(f"{self._path} cannot be read on: {failed}") from failed
            if fields is None:
                break
            if fields:
                found.append(Record(self._position, f"line {self._rows.line_num + 1}", fields))
            self._position += 1
        return found or None

    def acknowledge(self, position: int) -> None:
        """Nothing to note: the file keeps its records."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()
