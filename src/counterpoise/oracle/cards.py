"""From a row of real values to the bytes that a request commits to, by the model's own card."""

from __future__ import annotations

import csv
from pathlib import Path

from counterpoise.core.errors import InputError
from counterpoise.inference import Card, ModelsClient
from counterpoise.network import Network

MAX_CARD_BYTES = 1 << 22


def fetch_card(network: Network, model: bytes) -> Card | None:
    """Fetch the card whose digest the registry holds for a model; None if it holds none."""
    digest = ModelsClient(network.contract("Models")).record(model).card
    if not any(digest):
        return None
    return Card.from_bytes(network.store.fetch(digest, max_bytes=MAX_CARD_BYTES))


def row_of(path: Path, line: int, names: tuple[str, ...]) -> list[float]:
    """Load one row of a CSV file with a header, in the order of the model's features.

    Parameters
    ----------
    line :
        1 for the first row below the header.
    names :
        The columns that the model wants; others are passed over.

    Raises
    ------
    InputError :
        There is no such row or column, or a value is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    if not 1 <= line <= len(rows):
        raise InputError(f"{path} has {len(rows)} rows, there is no row {line}")
    found = []
    for name in names:
        text = rows[line - 1].get(name)
        if text is None:
            raise InputError(
                f"{path} has no column {name!r}", hint=f"the model wants {', '.join(names)}"
            )
        try:
            found.append(float(text))
        except ValueError:
            raise InputError(f"{name} is {text!r} in row {line} of {path}, no number") from None
    return found


def values_of(card: Card, row: list[float], *, clip: bool = False) -> bytes:
    """Give the bytes of one row; strict about calibration unless `clip`."""
    return bytes(card.quantiser.bytes_of([row], clip=clip)[0].tolist())


def read_values(text: str) -> bytes:
    """Read bytes written as numbers from 0 to 255, such as ``10,200,3,4``."""
    try:
        return bytes(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise InputError(
            f"{text!r} is no list of bytes", hint="numbers from 0 to 255, such as 10,200,3,4"
        ) from None
