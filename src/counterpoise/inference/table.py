"""Rows in a CSV file: features by name, and perhaps a column of labels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from counterpoise.core.errors import InputError
from counterpoise.inference.features import Reals


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of reals with the names of their columns, and labels if a column holds them."""

    names: tuple[str, ...]
    rows: Reals
    labels: tuple[str, ...] | None


def read_table(path: Path, *, label: str | None = None, names: Sequence[str] = ()) -> Table:
    """Read a CSV file whose first line names the columns.

    Parameters
    ----------
    label :
        The column of labels, if there is one.
    names :
        The features wanted, in this order; all columns but the label's if empty.

    Raises
    ------
    InputError :
        A column is missing, a line is short or long, or a value is no number: named by its line.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = list(csv.reader(file))
    if len(lines) < 2:
        raise InputError(f"{path} holds no rows", hint="the first line names the columns")
    header = lines[0]
    wanted = list(names) or [name for name in header if name != label]
    missing = [name for name in (*wanted, *([label] if label else [])) if name not in header]
    if missing:
        raise InputError(f"{path} has no column {missing[0]!r}", hint=f"it has {', '.join(header)}")
    places = [header.index(name) for name in wanted]
    rows = [_row(path, number, line, header, places) for number, line in enumerate(lines[1:], 2)]
    at = header.index(label) if label else -1
    labels = tuple(line[at] for line in lines[1:]) if label else None
    return Table(tuple(wanted), np.array(rows, dtype=np.float64), labels)


def _row(
    path: Path, number: int, line: list[str], header: list[str], places: list[int]
) -> list[float]:
    if len(line) != len(header):
        raise InputError(
            f"{path}, line {number}: {len(line)} columns, the first line names {len(header)}"
        )
    found = []
    for place in places:
        try:
            found.append(float(line[place]))
        except ValueError as error:
            raise InputError(
                f"{path}, line {number}: {header[place]} is {line[place]!r}, a number is wanted",
                hint="expand categories into columns of 0 and 1; name the labels' column: --label",
            ) from error
    return found
