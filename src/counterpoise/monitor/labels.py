"""Lists of labelled accounts, each with the date of its list: what screening looks up.

Lists are for looking up, never for training: most of the labelled accounts of the known sets stand
in them, so that a model would learn the list.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from counterpoise.core.digest import keccak
from counterpoise.core.errors import InputError

CATEGORIES = ("sanction", "exploit", "heist", "phishing", "mixer", "other")
"""Gravest first."""

LONGEST = 80
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}(?![0-9a-fA-F])")
_WORDS = {
    "sanction": ("sanction", "ofac", "blocked", "sdn"),
    "mixer": ("tornado", "mixer"),
    "exploit": ("exploit",),
    "heist": ("heist",),
    "phishing": ("phish", "scam"),
}


@dataclass(frozen=True, slots=True)
class Label:
    """What a list says of an account.

    Parameters
    ----------
    category :
        One of `CATEGORIES`.
    source :
        The list.
    listed :
        The date of the list, as ``YYYY-MM-DD``.
    """

    name: str
    category: str
    source: str
    listed: str


@dataclass(frozen=True)
class Labels:
    """Labelled accounts; never changed in place, so that a watch sees one list from end to end.

    Examples
    --------
    >>> labels = Labels({bytes(20): Label("Burn", "other", "mine", "2026-01-31")})
    >>> labels.label_of(bytes(20))
    ('Burn', '2026-01-31')
    """

    by_address: Mapping[bytes, Label]

    def find(self, address: bytes) -> Label | None:
        """What the lists say of an account, None if nothing."""
        return self.by_address.get(address)

    def label_of(self, address: bytes) -> tuple[str, str] | None:
        """The name and the date of the list, None if there is none."""
        found = self.by_address.get(address)
        return (found.name, found.listed) if found else None

    def __or__(self, other: Labels) -> Labels:
        """Both lists; where both know an account the graver category counts, then the newer."""
        joined = dict(self.by_address)
        for address, label in other.by_address.items():
            known = joined.get(address)
            if known is None or _weight(label) >= _weight(known):
                joined[address] = label
        return Labels(joined)

    def __len__(self) -> int:
        return len(self.by_address)

    @cached_property
    def digest(self) -> bytes:
        """Keccak-256 over all accounts and labels in order: which lists an alert was made with."""
        rows = sorted(
            (address.hex(), label.name, label.category, label.source, label.listed)
            for address, label in self.by_address.items()
        )
        return keccak(json.dumps(rows, ensure_ascii=True).encode())


NO_LABELS = Labels({})


def _weight(label: Label) -> tuple[int, str]:
    return -CATEGORIES.index(label.category), label.listed


def load_labels(path: Path | str, listed: str | None = None) -> Labels:
    """Read a list of labelled accounts from a file.

    Read are: a CSV with a column ``address`` (or ``banned_address``, ``contract_address``) and any
    of ``label``, ``category`` and the columns of Forta's lists; a JSON object by address with
    ``name`` and ``labels``, as etherscan-labels has it; any other text, such as OFAC's list, of
    which every address of 20 bytes is taken as sanctioned. Lines ``# source: …`` and
    ``# listed: YYYY-MM-DD`` may stand on top of a CSV or a text.

    Parameters
    ----------
    listed :
        Date of the list, ``YYYY-MM-DD``; what the file itself says goes first.

    Raises
    ------
    InputError :
        The file cannot be read, names no date, has no address, or a row is malformed: by line.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the list {path}: {error}") from error
    notes, body = _notes(text)
    listed = _date(path, notes.get("listed", listed))
    source = _plain(notes.get("source", path.stem))
    rows = {address: Label(name, kind, source, listed) for address, name, kind in _rows(path, body)}
    if not rows:
        raise InputError(f"the list {path} holds no address", hint="write 0x and 40 hex digits")
    return Labels(rows)


def load_lists(files: Iterable[str]) -> Labels:
    """Read and join lists, each named as a path or as ``PATH@YYYY-MM-DD``."""
    joined = NO_LABELS
    for file in files:
        path, mark, listed = file.rpartition("@")
        joined |= load_labels(path, listed) if mark else load_labels(file)
    return joined


def shipped_labels() -> Labels:
    """The small excerpt of Forta's list that comes with the package; of January 2023, so stale."""
    return load_labels(Path(__file__).parent / "labels_shipped" / "forta.csv")


def _notes(text: str) -> tuple[dict[str, str], str]:
    """What the comment lines on top say, and the rest with as many lines before it."""
    lines, notes, count = text.split("\n"), {}, 0
    for line in lines:
        if not line.startswith("#"):
            break
        key, _, value = line[1:].partition(":")
        notes[key.strip().lower()] = value.strip()
        count += 1
    return notes, "\n" * count + "\n".join(lines[count:])


def _date(path: Path, listed: str | None) -> str:
    try:
        return date.fromisoformat(listed or "").isoformat()
    except ValueError:
        raise InputError(
            f"the list {path} is of no known date ({listed!r})",
            hint=f"write `# listed: YYYY-MM-DD` on top of it, or give {path}@YYYY-MM-DD",
        ) from None


def _rows(path: Path, body: str) -> Iterator[tuple[bytes, str, str]]:
    if body.lstrip().startswith("{"):
        yield from _json_rows(path, body)
    elif set(_ADDRESS_COLUMNS) & set(_header(body)):
        yield from _csv_rows(path, body)
    else:
        for found in _ADDRESS.findall(body):
            yield bytes.fromhex(found[2:]), path.stem, "sanction"


def _header(body: str) -> list[str]:
    return [name.strip().lower() for name in body.lstrip().partition("\n")[0].split(",")]


def _csv_rows(path: Path, body: str) -> Iterator[tuple[bytes, str, str]]:
    before = len(body) - len(body.lstrip("\n"))
    reader = csv.DictReader(io.StringIO(body.lstrip("\n")))
    for row in reader:
        plain = {key.strip().lower(): value or "" for key, value in row.items() if key}
        address = next((plain[key] for key in _ADDRESS_COLUMNS if plain.get(key)), "").strip()
        if _ADDRESS.fullmatch(address) is None:
            line = before + reader.line_num
            raise InputError(f"{path}:{line}: {address!r} is no address", hint="0x and 40 digits")
        words = [plain[key] for key in _NAME_COLUMNS if plain.get(key)]
        kind = plain.get("category", "").strip().lower()
        if kind not in CATEGORIES:
            kind = category_of(" ".join([kind, *plain.values()]))
        yield bytes.fromhex(address[2:]), _plain(words[0] if words else kind), kind


_ADDRESS_COLUMNS = ("address", "banned_address", "contract_address")
_NAME_COLUMNS = ("label", "wallet_tag", "etherscan_tag", "contract_tag", "contract_creator_tag")


def _json_rows(path: Path, body: str) -> Iterator[tuple[bytes, str, str]]:
    try:
        entries = json.loads(body)
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    for address, entry in entries.items():
        if _ADDRESS.fullmatch(address) is None or not isinstance(entry, dict):
            raise InputError(f"{path}: {address!r} is no address with its labels")
        labels = [str(label) for label in entry.get("labels", [])]
        kind = category_of(" ".join(labels))
        if kind != "other":
            yield bytes.fromhex(address[2:]), _plain(str(entry.get("name") or labels[0])), kind


def category_of(words: str) -> str:
    """The gravest category that the words of a list speak of."""
    words = words.lower()
    for category in CATEGORIES:
        if any(word in words for word in _WORDS.get(category, ())):
            return category
    return "other"


def _plain(text: str) -> str:
    """A name without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text.strip())[:LONGEST]
