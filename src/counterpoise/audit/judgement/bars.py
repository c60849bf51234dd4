"""From which confidence on a finding is reported: one bar a category, the same for every set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoise.audit.catalogue import DASP, all_rules
from counterpoise.audit.findings import Finding
from counterpoise.audit.judgement.fit import confidence
from counterpoise.audit.judgement.judge import features_of
from counterpoise.audit.judgement.metrics import UNCOUNTED
from counterpoise.audit.judgement.samples import KINDS, REENTRANCY
from counterpoise.audit.judgement.sets import Curated, Injected, Reentrant

__all__ = ["STEPS", "best_bars", "middle", "passing"]

STEPS = range(100_000, 960_000, 25_000)
APART = "reentrancy-stipend"
"""A rule of the category of re-entrancy with a bar of its own: no callee can come back there."""

GROUPS = (*DASP, APART)
GROUP_OF = {
    rule.id: GROUPS.index(APART if rule.id == APART else rule.dasp)
    for rule in all_rules().values()
    if rule.dasp in GROUPS
}

NOISE = 0.05
"""What a stray finding a file costs, against a whole recall of 1."""

SLACK = 0.005
"""Less than what one file of SmartBugs changes."""

ROUNDS = 3

Found = Mapping[str, Sequence[Finding]]


def passing(model: Mapping[str, Any], bars: Mapping[str, int]) -> Callable[[Finding], bool]:
    """Whether a finding's confidence under a model is at its rule's bar."""
    known: dict[tuple[str, ...], int] = {}

    def passes(one: Finding) -> bool:
        if one.detectors not in known:
            known[one.detectors] = confidence(dict(model), features_of(one.detectors))
        return known[one.detectors] >= bars.get(one.rule, 500_000)

    return passes


@dataclass(frozen=True)
class Tables:
    """The surest finding of each category in each thing that is counted, in ppm; 0 without one.

    Parameters
    ----------
    files, truth :
        SmartBugs: ``(n_files, n_groups)`` and the group that is true.
    calls, true :
        Re-entrancy: ``(n_files,)`` and whether the file is re-entrant.
    snippets, kinds, shares :
        SolidiFI's tuning snippets: ``(n_snippets, n_groups)``, the kind of each, and its share of
        its shape, so that each shape counts once however often it was put in.
    strays, stray_groups, stray_files :
        Findings that touch no snippet: confidence, group, and 1 / files of the kind.
    """

    files: Any
    truth: Any
    calls: Any
    true: Any
    snippets: Any
    kinds: Any
    shares: Any
    strays: Any
    stray_groups: Any
    stray_files: Any

    def value(self, bars: Any) -> float:
        """The sum of the three figures at some bars, one a group."""
        said = self.files >= bars
        hits = int(said[range(len(said)), self.truth].sum())
        figure = 2 * hits / (int(said.sum()) + len(said)) if hits else 0.0
        back = self.calls >= bars[GROUPS.index("reentrancy")]
        both = int((back & self.true).sum())
        figure += 2 * both / (int(back.sum()) + int(self.true.sum())) if both else 0.0
        touched = (self.snippets >= bars).any(axis=1)
        noise = float((self.stray_files * (self.strays >= bars[self.stray_groups])).sum())
        recalls = [
            float((touched * self.shares)[self.kinds == kind].sum())
            / float(self.shares[self.kinds == kind].sum())
            for kind in sorted(set(self.kinds))
        ]
        return figure + (sum(recalls) - NOISE * noise) / len(recalls)


def best_bars(
    model: Mapping[str, Any],
    sets: tuple[Curated, Found, Iterable[str]],
    reentrant: tuple[Reentrant, Found, Iterable[str]],
    injected: tuple[Injected, Found],
) -> dict[str, int]:
    """Bars by rule that make the sum of three figures on the tuning parts as large as they can.

    The figures are F1 over (file, category), F1 of re-entrancy, and the mean over SolidiFI's kinds
    of the recall by shape less `NOISE` a stray a file. One category after the other is moved,
    `ROUNDS` times. Of the bars that are within `SLACK` of the best the one in the middle is taken:
    it is the furthest from where things change.
    """
    import numpy as np

    tables = tables_of(model, sets, reentrant, injected)
    bars = np.full(len(GROUPS), 500_000)
    for _ in range(ROUNDS):
        for group in range(len(GROUPS)):
            figures = []
            for bar in STEPS:
                trial = bars.copy()
                trial[group] = bar
                figures.append(tables.value(trial))
            bars[group] = middle(figures)
    return {rule: int(bars[group]) for rule, group in sorted(GROUP_OF.items())}


def middle(figures: Sequence[float]) -> int:
    """Of the steps, the one in the middle of those whose figure is within `SLACK` of the best.

    >>> middle([0.5, 0.9, 0.902, 0.899, 0.2]) == STEPS[2]
    True
    """
    best = [n for n, one in enumerate(figures) if one >= max(figures) - SLACK]
    return STEPS[best[len(best) // 2]]


def tables_of(
    model: Mapping[str, Any],
    sets: tuple[Curated, Found, Iterable[str]],
    reentrant: tuple[Reentrant, Found, Iterable[str]],
    injected: tuple[Injected, Found],
) -> Tables:
    """What `best_bars` looks at, from the tuning parts of the sets."""
    import numpy as np

    known: dict[tuple[str, ...], int] = {}

    def sure(one: Finding) -> int:
        if one.detectors not in known:
            known[one.detectors] = confidence(dict(model), features_of(one.detectors))
        return known[one.detectors]

    curated, in_curated, chosen = sets
    paths = sorted(chosen)
    files = np.zeros((len(paths), len(GROUPS)), dtype=np.int64)
    for row, path in zip(files, paths, strict=True):
        for one in in_curated.get(path, ()):
            if one.rule in GROUP_OF and one.rule not in UNCOUNTED:
                row[GROUP_OF[one.rule]] = max(row[GROUP_OF[one.rule]], sure(one))
    own, in_own, named = reentrant
    places = sorted(named)
    calls = [
        max((sure(one) for one in in_own.get(path, ()) if one.rule in REENTRANCY), default=0)
        for path in places
    ]
    return Tables(
        files,
        np.array([GROUPS.index(curated.truth[path]) for path in paths]),
        np.array(calls, dtype=np.int64),
        np.array([own.truth[path] for path in places], dtype=bool),
        *_snippets(injected[0], injected[1], sure),
    )


def _snippets(data: Injected, found: Found, sure: Callable[[Finding], int]) -> tuple[Any, ...]:
    import numpy as np

    rows = [one for one in data.rows if (one.kind, one.shape) in data.tune]
    sizes = Counter((one.kind, one.shape) for one in rows)
    lines, strays = _said(data, found, sure)
    snippets = np.zeros((len(rows), len(GROUPS)), dtype=np.int64)
    for row, one in zip(snippets, rows, strict=True):
        for line in one.lines:
            for group, level in lines.get((one.path, line), ()):
                row[group] = max(row[group], level)
    return (
        snippets,
        np.array([list(KINDS).index(one.kind) for one in rows]),
        np.array([1 / sizes[one.kind, one.shape] for one in rows]),
        np.array([level for _, level, _ in strays], dtype=np.int64),
        np.array([group for group, _, _ in strays], dtype=np.int64),
        np.array([share for _, _, share in strays], dtype=np.float64),
    )


def _said(
    data: Injected, found: Found, sure: Callable[[Finding], int]
) -> tuple[dict[tuple[str, int], list[tuple[int, int]]], list[tuple[int, int, float]]]:
    """What is said of each line, as (group, confidence); and the strays, with 1 / files."""
    near: dict[str, set[int]] = defaultdict(set)
    for one in data.rows:
        near[one.path] |= {*one.lines, one.lines.start - 1, one.lines.stop}
    kind_of = {path: path.split("/")[1] for path in data.paths}
    files = Counter(kind_of.values())
    lines: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    strays: list[tuple[int, int, float]] = []
    for path in data.paths:
        own = (one for one in found.get(path, ()) if one.rule in KINDS[kind_of[path]])
        for finding in own:
            said = (GROUP_OF[finding.rule], sure(finding))
            for line in finding.lines:
                lines[path, line].append(said)
            if not set(finding.lines) & near[path]:
                strays.append((*said, 1 / files[kind_of[path]]))
    return lines, strays
