"""Reads an owner's rows from a CSV file as the integers that a task declares.

A cell ``2.3`` of a feature with one decimal becomes 23. Nothing is rounded, guessed or filled
in: a cell that does not fit is refused, with its row and column and never with its content,
since messages end in logs.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.federation.rules import Feature

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "-"})
_NUMBER = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d{0,40}))?", re.ASCII)


def load_rows(path: Path, features: Sequence[Feature], label: str, classes: int) -> np.ndarray:
    """Load a CSV file with a header.

    Parameters
    ----------
    path :
        UTF-8, commas; columns that the task does not name are passed over.
    features :
        As the task declares them.
    label :
        Name of the column that holds the class, a whole number from 0.
    classes :
        How many classes there are.

    Returns
    -------
    ``(rows, features + 1)`` int64 in the order of the task, the label last.

    Raises
    ------
    InputError :
        The header lacks a column or names one twice, or a cell is missing, is no number, has
        more decimals than declared or is out of the declared range; the message names row and
        column. Row 1 is the first below the header.
    """
    wanted = (*features, Feature(label, 0, 0, classes - 1))
    lines = _lines(path)
    header = [name.strip() for name in next(lines, [])]
    places = _places(path, header, [column.name for column in wanted])
    found = []
    for number, line in enumerate(lines, start=1):
        if len(line) != len(header):
            raise InputError(
                f"{path}, row {number} has {len(line)} cells, the header has {len(header)}",
                hint="one cell for each column, separated by commas",
            )
        where = f"{path}, row {number}"
        found.append(
            [cell(line[at], column, where) for at, column in zip(places, wanted, strict=True)]
        )
    if not found:
        raise InputError(f"{path} has no rows below its header", hint="one line for each row")
    return np.array(found, dtype=np.int64)


def scaled(text: str, decimals: int) -> int:
    """Give a plain decimal number as an integer in units of ``10**-decimals``, exactly.

    Raises
    ------
    InputError :
        It is no plain number, or has more decimals than that.

    Examples
    --------
    >>> scaled("2.30", 1), scaled("-7", 2)
    (23, -700)
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise InputError("no plain number", hint="write digits, such as -12.5")
    fraction = (found[3] or "").rstrip("0")
    if len(fraction) > decimals:
        raise InputError(
            f"more than {decimals} decimals",
            hint="round the column first, or let the task declare more decimals",
        )
    value = int(found[2] + fraction.ljust(decimals, "0"))
    return -value if found[1] == "-" else value


def cell(text: str, column: Feature, where: str) -> int:
    """Give one cell as the integer that its column declares; `where` begins an error."""
    text = text.strip()
    place = f"{where}, column {column.name!r}"
    if text.lower() in MISSING:
        raise InputError(
            f"{place}: no value",
            hint="drop the row, or fill the value in as your protocol says",
        )
    try:
        value = scaled(text, column.decimals)
    except InputError as error:
        raise InputError(f"{place}: {error.message}", hint=error.hint) from None
    if not column.minimum <= value <= column.maximum:
        unit = f" in units of 10**-{column.decimals}" if column.decimals else ""
        raise InputError(
            f"{place}: out of the declared range",
            hint=f"the task admits {column.minimum} to {column.maximum}{unit}",
        )
    return value


def _lines(path: Path) -> Iterator[list[str]]:
    """Read the lines of a CSV file that are not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line in csv.reader(file, strict=True):
                if any(text.strip() for text in line):
                    yield line
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is no CSV file: {error}", hint="UTF-8, commas, a header"
        ) from error


def _places(path: Path, header: list[str], wanted: list[str]) -> list[int]:
    missing = [name for name in wanted if name not in header]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(map(repr, missing))}",
            hint=f"its header is: {', '.join(header) or 'empty'}",
        )
    twice = sorted({name for name in wanted if header.count(name) > 1 or wanted.count(name) > 1})
    if twice:
        raise InputError(
            f"{path}: the column {twice[0]!r} is named twice", hint="name each column once"
        )
    return [header.index(name) for name in wanted]
