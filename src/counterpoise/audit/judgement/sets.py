"""The labelled sets that confidences are learned from and measured on; read, never copied.

Three folders under one root, as their authors publish them: ``smartbugs-curated``,
``reentrancy_aggregated`` and ``solidifi``.
"""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from counterpoise.core.errors import InputError

__all__ = ["Curated", "Injected", "Injection", "Reentrant", "clusters", "shingles"]


@dataclass(frozen=True)
class Curated:
    """SmartBugs-curated: one category a file, and lines.

    Parameters
    ----------
    truth :
        Category of each file, by its path under the set's folder.
    labels :
        ``(category, lines)`` of each file, 207 in all.
    tune :
        The files of the ICSE 2020 list, on which rules and weights were made.
    """

    root: Path
    truth: Mapping[str, str]
    labels: Mapping[str, tuple[tuple[str, tuple[int, ...]], ...]]
    tune: frozenset[str]

    @classmethod
    def load(cls, data: Path) -> Curated:
        """Read the set under a folder of sets."""
        root = _folder(data, "smartbugs-curated")
        entries = json.loads((root / "vulnerabilities.json").read_text())
        truth = {one["path"]: one["path"].split("/")[1] for one in entries}
        labels = {
            one["path"]: tuple(
                (each["category"], tuple(each["lines"])) for each in one["vulnerabilities"]
            )
            for one in entries
        }
        listed = re.findall(
            r"^\./(dataset/\S+\.sol)", (root / "ICSE2020_curated_69.txt").read_text(), re.MULTILINE
        )
        return cls(root, truth, labels, frozenset(listed) & frozenset(truth))


@dataclass(frozen=True)
class Reentrant:
    """The aggregated set of re-entrancy: one label a file."""

    root: Path
    truth: Mapping[str, bool]

    @classmethod
    def load(cls, data: Path) -> Reentrant:
        """Read the set under a folder of sets."""
        root = _folder(data, "reentrancy_aggregated")
        paths = sorted((root / "src").rglob("*.sol"))
        return cls(root, {str(p.relative_to(root)): p.parent.name == "reentrant" for p in paths})


@dataclass(frozen=True)
class Injection:
    """One snippet that was put into a contract."""

    kind: str
    path: str
    lines: range
    shape: str


@dataclass(frozen=True)
class Injected:
    """SolidiFI: snippets of seven kinds, each put into fifty contracts.

    Parameters
    ----------
    tune :
        ``(kind, shape)`` of every other shape of a kind, the most frequent first. A shape is a
        snippet with its digits masked.
    """

    root: Path
    rows: tuple[Injection, ...]
    paths: tuple[str, ...]
    tune: frozenset[tuple[str, str]]

    @classmethod
    def load(cls, data: Path) -> Injected:
        """Read the set under a folder of sets."""
        root = _folder(data, "solidifi")
        rows: list[Injection] = []
        paths: list[str] = []
        for folder in sorted((root / "buggy_contracts").iterdir()):
            for log in sorted(folder.glob("BugLog_*.csv")):
                place = folder / f"buggy_{log.stem.split('_')[1]}.sol"
                paths.append(str(place.relative_to(root)))
                texts = place.read_text("utf-8", "replace").splitlines()
                with log.open(newline="") as lines:
                    for row in csv.DictReader(lines):
                        start, length = int(row["loc"]), int(row["length"])
                        snippet = "\n".join(texts[start - 1 : start + length - 1])
                        shape = " ".join(_tokens(re.sub(r"\d+", "0", _plain(snippet))))
                        span = range(start, start + length)
                        rows.append(Injection(folder.name, paths[-1], span, shape))
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for one in rows:
            counts[one.kind][one.shape] += 1
        tune = {
            (kind, shape)
            for kind, found in counts.items()
            for shape, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[::2]
        }
        return cls(root, tuple(rows), tuple(paths), frozenset(tune))


def _folder(data: Path, name: str) -> Path:
    root = data / name
    if not root.is_dir():
        raise InputError(f"no data at {root}", hint="give the folder that holds the labelled sets")
    return root


def _plain(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)


def _tokens(text: str) -> list[str]:
    return re.findall(r"\w+|[^\s\w]", text)


def shingles(text: str) -> frozenset[int]:
    """Checksums of the runs of seven tokens of a source, without comments and addresses."""
    tokens = _tokens(re.sub(r"\b0x[0-9a-fA-F]{40}\b", "ADDR", _plain(text)))
    runs = (" ".join(tokens[n : n + 7]) for n in range(max(1, len(tokens) - 6)))
    return frozenset(zlib.crc32(run.encode()) for run in runs)


def clusters(texts: Mapping[str, str], *, share: float = 0.7) -> dict[str, int]:
    """A number for each source, the same for near-duplicates.

    Two sources are near-duplicates if more than `share` of the smaller one's shingles are in the
    other; the relation is closed under chains.
    """
    names = sorted(texts)
    bags = {name: shingles(texts[name]) for name in names}
    parent = {name: name for name in names}

    def root_of(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, other in _pairs(bags):
        common = len(bags[one] & bags[other])
        if common > share * min(len(bags[one]), len(bags[other])):
            parent[root_of(one)] = root_of(other)
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(root_of(name), len(numbers)) for name in names}


def _pairs(bags: Mapping[str, frozenset[int]]) -> Iterable[tuple[str, str]]:
    """Pairs that have at least one shingle in common."""
    holders: dict[int, list[str]] = defaultdict(list)
    for name, bag in bags.items():
        for one in bag:
            holders[one].append(name)
    seen: set[tuple[str, str]] = set()
    for names in holders.values():
        first = names[0]
        for other in names[1:]:
            seen.add((first, other))
        if len(names) <= 60:
            seen.update((a, b) for n, a in enumerate(names) for b in names[n + 1 :])
    return sorted(seen)
