"""Findings on labelled sets as rows to learn from: features, truth, weight, group."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from counterpoise.audit.findings import Finding
from counterpoise.audit.judgement.judge import features_of
from counterpoise.audit.judgement.sets import Curated, Injected, Reentrant

__all__ = ["KINDS", "Sample", "curated_samples", "injected_samples", "reentrant_samples"]

Found = Mapping[str, Sequence[Finding]]
"""Findings by the path of their file."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "Overflow-Underflow": ("unsafe-math",),
    "Re-entrancy": ("reentrancy-state", "reentrancy-cross", "reentrancy-stipend"),
    "TOD": ("front-running",),
    "Timestamp-Dependency": ("timestamp", "bad-randomness"),
    "Unchecked-Send": ("unprotected-transfer", "selfdestruct"),
    "Unhandled-Exceptions": ("unchecked-raw", "unused-return"),
    "tx.origin": ("tx-origin",),
}
"""Rules that speak of each kind of SolidiFI's bugs."""

REENTRANCY = ("reentrancy-state", "reentrancy-cross")
"""Rules that count as re-entrancy where the truth asks for a callee that can call back."""

OF_HOST = ("+token", "+stakes")
"""Marks that a contract has as a whole."""


FAR = 4
"""Lines from a label at which a finding is about something else."""

DOUBT = 0.4


@dataclass(frozen=True)
class Sample:
    """One finding with what is known of it.

    Parameters
    ----------
    weight :
        So that a file, or a shape of snippet, counts alike however many findings it has.
    group :
        Near-duplicates share it; they are never parted between training and test.
    """

    features: frozenset[str]
    rule: str
    true: bool
    weight: float
    group: str


def curated_samples(
    data: Curated, found: Found, paths: Iterable[str], groups: Mapping[str, int]
) -> Iterator[Sample]:
    """Rows from SmartBugs: true where the category is the file's and a label is near.

    What has the file's category far from every label is not what was labelled: it counts as false,
    and as little as what is a few lines off counts as true, since labels are not complete.
    """
    for path in paths:
        counts = Counter(one.about.dasp for one in found.get(path, ()))
        for one in found.get(path, ()):
            share = 1 / counts[one.about.dasp]
            true = one.about.dasp == data.truth[path]
            distance = min(
                (
                    abs(a - b)
                    for category, lines in data.labels[path]
                    if true and category == one.about.dasp
                    for a in lines
                    for b in one.lines
                ),
                default=FAR,
            )
            weight = share if distance <= 1 or not true else DOUBT * share
            yield Sample(_features(one), one.rule, distance < FAR, weight, f"near {groups[path]}")


def reentrant_samples(
    data: Reentrant, found: Found, groups: Mapping[str, int], paths: Iterable[str]
) -> Iterator[Sample]:
    """Rows from the re-entrancy set: true where the file is."""
    for path in paths:
        own = [one for one in found.get(path, ()) if one.rule in REENTRANCY]
        for one in own:
            yield Sample(
                _features(one), one.rule, data.truth[path], 1 / len(own), f"near {groups[path]}"
            )


def injected_samples(
    data: Injected, found: Found, *, tuned: bool = True, stray: float = 0.02
) -> Iterator[Sample]:
    """Rows from SolidiFI: true where a finding of the kind touches a snippet of a tuning shape.

    Snippets of the other shapes are left out. A finding of the kind far from every snippet is
    noise, of little weight: hosts have flaws of their own. What a host is says nothing about a
    snippet that was put into it, so the marks in `OF_HOST` are left out.
    """
    touching: dict[str, list[tuple[range, str, str]]] = defaultdict(list)
    sizes = Counter((one.kind, one.shape) for one in data.rows)
    for row in data.rows:
        touching[row.path].append((row.lines, row.kind, row.shape))
    for path, spans in touching.items():
        kind = spans[0][1]
        for one in found.get(path, ()):
            if one.rule not in KINDS[kind]:
                continue
            shapes = [s for lines, _, s in spans if any(n in lines for n in one.lines)]
            if not shapes:
                near = any(
                    n + d in lines for lines, _, _ in spans for n in one.lines for d in (-1, 1)
                )
                if not near:
                    yield Sample(_features(one), one.rule, False, stray, f"host {path}")
            elif ((kind, shapes[0]) in data.tune) == tuned:
                features = frozenset(f for f in _features(one) if not f.endswith(OF_HOST))
                weight = 1 / sizes[kind, shapes[0]]
                yield Sample(features, one.rule, True, weight, f"shape {shapes[0]}")


def _features(finding: Finding) -> frozenset[str]:
    return features_of(finding.detectors)
