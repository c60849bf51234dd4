"""The text of an .xlsx sheet's cells, by the standard library alone (ECMA-376)."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from counterpoise.core.errors import InputError, StorageError

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LARGEST = 1 << 28
"""No part of the file may unpack to more bytes."""


def load_cells(path: Path) -> dict[tuple[int, int], str]:
    """The first sheet's cells that hold something, by row and column, both from 1."""
    try:
        with zipfile.ZipFile(path) as archive:
            shared = _shared(archive)
            names = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
            if not names:
                raise InputError(f"{path} has no sheet")
            sheet = _part(archive, sorted(names)[0])
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    except (zipfile.BadZipFile, ElementTree.ParseError) as error:
        raise InputError(f"{path} is no .xlsx file: {error}") from error
    found = {}
    for cell in sheet.iter(f"{MAIN}c"):
        place, text = place_of(cell.get("r", "")), _text(cell, shared).strip()
        if place is not None and text:
            found[place] = text
    return found


def place_of(name: str) -> tuple[int, int] | None:
    """Row and column of a cell's name, such as (4, 28) of ``AB4``."""
    match = re.fullmatch(r"([A-Z]{1,3})([0-9]+)", name)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return int(match[2]), column


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    size = archive.getinfo(name).file_size
    if size > LARGEST:
        raise InputError(f"{name} unpacks to {size:,} bytes, at most {LARGEST:,} are read")
    data = archive.read(name)
    if b"<!DOCTYPE" in data or b"\0" in data:
        raise InputError(f"{name} declares a document type or is no UTF-8, as spreadsheets are")
    return ElementTree.fromstring(data)  # noqa: S314 - without a document type no entity grows


def _shared(archive: zipfile.ZipFile) -> list[str]:
    name = "xl/sharedStrings.xml"
    if name not in archive.namelist():
        return []
    return ["".join(item.itertext()) for item in _part(archive, name).iter(f"{MAIN}si")]


def _text(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(cell.itertext())
    value = cell.findtext(f"{MAIN}v", "")
    if cell.get("t") == "s":
        place = int(value)
        return shared[place] if place < len(shared) else ""
    return value
