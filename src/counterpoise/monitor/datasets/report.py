"""What is said of a data set: its counts, our figures over several seeds, the papers' figures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from counterpoise.core.errors import InputError, StorageError

Progress = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and of how many."""


def silent(_what: str, _done: int, _of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric.

    Parameters
    ----------
    name :
        What was measured, on which part.
    ours :
        One value a seed; one value where nothing is drawn.
    published :
        The papers' own figures in words, with whose they are; empty if there are none.
    """

    name: str
    ours: tuple[float, ...]
    published: str = ""

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return mean(self.ours)

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds, 0 of one."""
        return stdev(self.ours) if len(self.ours) > 1 else 0.0

    def to_value(self) -> dict[str, Any]:
        """Plain values."""
        head = {"name": self.name, "ours": [round(one, 6) for one in self.ours]}
        return head | {"mean": round(self.mean, 6), "published": self.published}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one run.

    Parameters
    ----------
    notes :
        What a reader has to know before comparing.
    """

    dataset: str
    counts: Mapping[str, int]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    def to_value(self) -> dict[str, Any]:
        """Plain values."""
        figures = [figure.to_value() for figure in self.figures]
        head = {"dataset": self.dataset, "counts": dict(self.counts)}
        return head | {"figures": figures, "notes": list(self.notes)}


def check_counts(what: str, found: Mapping[str, int], wanted: Mapping[str, int] | None) -> None:
    """Refuse data that is not the published one, and say in what it differs."""
    odd = [
        f"{name} {found.get(name, 0):,}, published {count:,}"
        for name, count in (wanted or {}).items()
        if found.get(name, 0) != count
    ]
    if odd:
        raise InputError(
            f"{what} is not the published data: {'; '.join(odd)}",
            hint="figures of other data cannot stand beside the paper's: get the original files",
        )


def file_in(folder: Path, name: str) -> Path:
    """A file of a data set's folder."""
    path = folder / name
    if not path.is_file():
        raise InputError(f"no {name} in {folder}", hint="--data names the folder with the files")
    return path


def rows_of(path: Path, columns: Sequence[str] | None = None) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file with their line numbers, the header left out.

    Parameters
    ----------
    columns :
        What the header must be; None: there is no header.

    Raises
    ------
    InputError :
        Another header, or a row of another length than the first.
    StorageError :
        The file cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            width = None
            if columns is not None:
                header = [name.strip() for name in next(reader, [])]
                width = len(columns)
                if header != list(columns):
                    raise InputError(f"{path} begins with {','.join(header)[:200]!r}")
            for row in reader:
                width = width or len(row)
                if len(row) != width:
                    raise InputError(
                        f"{path}, line {reader.line_num}: {len(row)} columns, {width} wanted"
                    )
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error


def number(text: str, path: Path, line: int) -> float:
    """A number, or an `InputError` that names the line."""
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{path}, line {line}: {text!r} is no number") from error
