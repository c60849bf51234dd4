"""The attempts that AMLworld's ``…_Patterns.txt`` lists, found again among the rows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from counterpoise.core.errors import InputError, StorageError
from counterpoise.monitor.datasets.amlworld import Transfers, seconds_of

BEGIN, END = "BEGIN LAUNDERING ATTEMPT - ", "END LAUNDERING ATTEMPT - "


def load_attempts(path: Path) -> list[tuple[str, list[list[str]]]]:
    """Each attempt's typology in lower case, and its rows as in the file of transfers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    found: list[tuple[str, list[list[str]]]] = []
    inside = False
    for line, content in enumerate(text.splitlines(), 1):
        if content.startswith(BEGIN):
            found.append((content.removeprefix(BEGIN).partition(":")[0].strip().lower(), []))
            inside = True
        elif content.startswith(END):
            inside = False
        elif content.strip():
            if not inside:
                raise InputError(f"{path}, line {line}: a row outside of any attempt")
            found[-1][1].append(next(csv.reader([content])))
    return found


def typologies_of(transfers: Transfers, path: Path) -> dict[str, NDArray[np.bool_]]:
    """Which rows belong to an attempt of each typology, by time and both accounts."""
    kinds: dict[tuple[int, int, int], str] = {}
    days: dict[str, int] = {}
    for kind, rows in load_attempts(path):
        for row in rows:
            if len(row) < 5:
                raise InputError(f"{path}: {','.join(row)!r} is no transfer")
            ends = [transfers.accounts.get(f"{row[at]}/{row[at + 1]}", -1) for at in (1, 3)]
            kinds[seconds_of(row[0], days, path, 0), ends[0], ends[1]] = kind
    found = {kind: np.zeros(len(transfers), np.bool_) for kind in sorted(set(kinds.values()))}
    for place in np.flatnonzero(transfers.laundering).tolist():
        key = (int(transfers.time[place]), int(transfers.src[place]), int(transfers.dst[place]))
        if key in kinds:
            found[kinds[key]][place] = True
    return found
