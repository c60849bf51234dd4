"""The cells of one column in one batch of rows, as flat arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from counterpoise.core.errors import InputError
from counterpoise.provenance.rows_schema import Column, Schema, Value, bad_cell

Array = npt.NDArray[Any]


def no_places() -> Array:
    """Give the places of texts in a column that has none."""
    return np.zeros(0, dtype=np.int64)


def all_valid() -> Array:
    """Give the validity of a column without nulls: an empty array."""
    return np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Cells:
    """A run of cells of one column.

    Parameters
    ----------
    column :
        Their column.
    values :
        int64, float64, or uint8 for booleans, one for each cell; for texts, UTF-8 bytes.
    begins, ends :
        For texts, where each one begins and ends in `values`, int64; several may share bytes.
        Else empty.
    valid :
        False where the cell is null; empty if none is.
    """

    column: Column
    values: Array
    begins: Array = field(default_factory=no_places)
    ends: Array = field(default_factory=no_places)
    valid: Array = field(default_factory=all_valid)

    def __len__(self) -> int:
        return len(self.begins if self.column.kind == "utf8" else self.values)

    def part(self, start: int, stop: int) -> Cells:
        """Give the cells from `start` to before `stop`, without copying."""
        valid = self.valid[start:stop]
        if self.column.kind == "utf8":
            begins, ends = self.begins[start:stop], self.ends[start:stop]
            return Cells(self.column, self.values, begins, ends, valid)
        return Cells(self.column, self.values[start:stop], valid=valid)

    def to_values(self) -> list[Value]:
        """Give the cells as Python values, None for null."""
        found: list[Value]
        if self.column.kind == "utf8":
            found = [text.decode() for text in self._texts()]
        elif self.column.kind == "bool":
            found = self.values.astype(np.bool_).tolist()
        else:
            found = self.values.tolist()
        if len(self.valid):
            found = [
                value if is_valid else None
                for value, is_valid in zip(found, self.valid.tolist(), strict=True)
            ]
        return found

    def check(self, first: int) -> None:
        """Check what the arrays alone do not guarantee.

        Parameters
        ----------
        first :
            Number of the first row, for messages.

        Raises
        ------
        InputError :
            A null where the column allows none, a number that is not finite, or a text that is
            not UTF-8. The message names the row and the column.
        """
        if len(self.valid) and not self.column.nullable and not self.valid.all():
            raise bad_cell(first + int(np.argmin(self.valid)), self.column, "null is not allowed")
        if self.column.kind == "float64":
            wrong = ~np.isfinite(self.values)
            if len(self.valid):
                wrong &= self.valid
            if wrong.any():
                raise bad_cell(first + int(np.argmax(wrong)), self.column, "not a finite number")
        elif self.column.kind == "utf8" and len(self):
            self._check_utf8(first)

    def _check_utf8(self, first: int) -> None:
        if self._is_surely_utf8(int(self.begins.min()), int(self.ends.max())):
            return
        for i, text in enumerate(self._texts()):
            try:
                text.decode()
            except UnicodeDecodeError as refused:
                raise bad_cell(first + i, self.column, "a text that is not UTF-8") from refused

    def _is_surely_utf8(self, begin: int, end: int) -> bool:
        """All bytes together are UTF-8, and no text begins or ends inside a character."""
        used = self.values[begin:end]
        if not len(used) or int(used.max()) < 0x80:
            return True
        try:
            used.tobytes().decode()
        except UnicodeDecodeError:
            return False
        inside = np.append(used & 0xC0 == 0x80, False)
        return not (inside[self.begins - begin].any() or inside[self.ends - begin].any())

    def _texts(self) -> Iterator[bytes]:
        data = self.values.tobytes()
        places = zip(self.begins.tolist(), self.ends.tolist(), strict=True)
        return (data[begin:end] for begin, end in places)


def cells_from_array(column: Column, array: object, first: int) -> Cells:
    """Make cells of a NumPy array (masked or not) or of a list of Python values.

    Integers and floats of fewer bits are widened; nothing else is converted.

    Raises
    ------
    InputError :
        A value is of another type than the column; the message names the row and the column.
    """
    if isinstance(array, np.ma.MaskedArray):
        plain = cells_from_array(column, array.data, first)
        return replace(plain, valid=~np.ma.getmaskarray(array))
    if not isinstance(array, np.ndarray) or array.dtype.kind in "OU":
        listed = array.tolist() if isinstance(array, np.ndarray) else array
        if not isinstance(listed, Sequence) or isinstance(listed, str | bytes):
            raise InputError(f"column {column.name!r} is a {type(array).__name__}, a list wanted")
        return cells_from_values(column, listed, first)
    wanted = {"int64": "iu", "float64": "f", "bool": "b", "utf8": ""}[column.kind]
    if array.ndim != 1 or array.dtype.kind not in wanted or array.dtype.itemsize > 8:
        raise InputError(
            f"column {column.name!r} is an array of {array.dtype} with {array.ndim} dimensions, "
            f"{column.kind} with one wanted"
        )
    if array.dtype == np.uint64 and len(array) and int(array.max()) >= 2**63:
        row = first + int(np.argmax(array >= np.uint64(2**63)))
        raise bad_cell(row, column, "an integer beyond 64 bits")
    stored = {"int64": np.int64, "float64": np.float64, "bool": np.uint8}[column.kind]
    return Cells(column, np.ascontiguousarray(array, dtype=stored))


def cells_from_values(column: Column, values: Sequence[object], first: int) -> Cells:
    """Make cells of Python values, None for null; each must be exactly of the column's type."""
    narrow = Schema((Column(column.name, column.kind, nullable=True),))
    for i, value in enumerate(values):
        narrow.check_values([value], first + i)  # type: ignore[list-item]
    valid = all_valid()
    if any(value is None for value in values):
        valid = np.array([value is not None for value in values], dtype=np.bool_)
    if column.kind == "utf8":
        return _texts(column, ["" if value is None else str(value) for value in values], valid)
    stored = {"int64": np.int64, "float64": np.float64, "bool": np.uint8}[column.kind]
    filled = [0 if value is None else value for value in values]
    return Cells(column, np.array(filled, dtype=stored), valid=valid)


def _texts(column: Column, texts: list[str], valid: Array) -> Cells:
    # A lone surrogate becomes bytes that `Cells.check` refuses with the row's number.
    encoded = [text.encode(errors="surrogatepass") for text in texts]
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    return Cells(column, data, offsets[:-1], offsets[1:], valid)
