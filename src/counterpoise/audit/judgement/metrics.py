"""What is measured on the labelled sets, exactly as their literature defines it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from counterpoise.audit.findings import Finding
from counterpoise.audit.judgement.samples import KINDS, REENTRANCY
from counterpoise.audit.judgement.sets import Curated, Injected, Reentrant

__all__ = [
    "UNCOUNTED",
    "Counts",
    "Recall",
    "curated_counts",
    "injected_recall",
    "line_recall",
    "reentrant_counts",
]

Found = Mapping[str, Sequence[Finding]]
Passes = Callable[[Finding], bool]

UNCOUNTED = ("reentrancy-stipend", "reentrancy-events")
"""Rules that name a weakness beside re-entrancy: no callee can come back there."""


@dataclass(frozen=True)
class Counts:
    """True positives, false positives, false negatives."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """Share of what is said that is true; 0 where nothing is said."""
        return self.tp / (self.tp + self.fp) if self.tp else 0.0

    @property
    def recall(self) -> float:
        """Share of what is true that is said."""
        return self.tp / (self.tp + self.fn) if self.tp else 0.0

    @property
    def f1(self) -> float:
        """Their harmonic mean.

        >>> Counts(3, 1, 1).f1
        0.75
        """
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp else 0.0


def _categories(findings: Iterable[Finding], passes: Passes) -> set[str]:
    return {one.about.dasp for one in findings if one.rule not in UNCOUNTED and passes(one)}


def curated_counts(
    data: Curated, found: Found, paths: Iterable[str], passes: Passes
) -> dict[str, Counts]:
    """Pairs (file, category) by category, for each file its own; see `total`."""
    by_category: dict[str, Counts] = defaultdict(Counts)
    for path in paths:
        said, truth = _categories(found.get(path, ()), passes), data.truth[path]
        for one in said | {truth}:
            by_category[one] += Counts(
                int(one in said and one == truth), int(one != truth), int(one not in said)
            )
    return by_category


def line_recall(
    data: Curated, found: Found, paths: Iterable[str], passes: Passes
) -> tuple[int, int]:
    """Labels that a finding of their category touches within a line; and all labels."""
    hits = labels = 0
    for path in paths:
        own = [one for one in found.get(path, ()) if one.rule not in UNCOUNTED and passes(one)]
        for category, lines in data.labels[path]:
            labels += 1
            hits += any(
                one.about.dasp == category
                and any(abs(a - b) <= 1 for a in one.lines for b in lines)
                for one in own
            )
    return hits, labels


def reentrant_counts(data: Reentrant, found: Found, paths: Iterable[str], passes: Passes) -> Counts:
    """Files: positive if any finding of re-entrancy passes."""
    counts = Counts()
    for path in paths:
        said = any(one.rule in REENTRANCY and passes(one) for one in found.get(path, ()))
        true = data.truth[path]
        counts += Counts(int(said and true), int(said and not true), int(true and not said))
    return counts


@dataclass(frozen=True)
class Recall:
    """Snippets of one kind that were found, on the shapes for tuning and on the others; strays."""

    tuned: tuple[int, int]
    other: tuple[int, int]
    strays: int
    files: int

    @property
    def all(self) -> float:
        """Recall over all snippets."""
        return (self.tuned[0] + self.other[0]) / max(1, self.tuned[1] + self.other[1])


def injected_recall(data: Injected, found: Found, passes: Passes) -> dict[str, Recall]:
    """Recall by kind of snippet; a snippet is found if a line of it is in a finding of its kind.

    A stray is a finding of the kind that touches no snippet, nor the lines beside one.
    """
    kind_of = {path: path.split("/")[1] for path in data.paths}
    own = {
        path: [one for one in found.get(path, ()) if one.rule in KINDS[kind] and passes(one)]
        for path, kind in kind_of.items()
    }
    lines = {path: {n for one in said for n in one.lines} for path, said in own.items()}
    near: dict[str, set[int]] = defaultdict(set)
    counts: dict[tuple[str, bool], list[int]] = defaultdict(lambda: [0, 0])
    for row in data.rows:
        near[row.path] |= {*row.lines, row.lines.start - 1, row.lines.stop}
        pair = counts[row.kind, (row.kind, row.shape) in data.tune]
        pair[0] += any(n in lines[row.path] for n in row.lines)
        pair[1] += 1
    recalls = {}
    for kind in KINDS:
        paths = [path for path, one in kind_of.items() if one == kind]
        strays = sum(not set(one.lines) & near[path] for path in paths for one in own[path])
        tuned, other = counts[kind, True], counts[kind, False]
        recalls[kind] = Recall((tuned[0], tuned[1]), (other[0], other[1]), strays, len(paths))
    return recalls
