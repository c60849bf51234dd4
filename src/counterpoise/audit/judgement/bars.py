"""From which confidence on a finding is reported: one bar a category, the same for every set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from counterpoise.audit.catalogue import DASP, all_rules
from counterpoise.audit.findings import Finding
from counterpoise.audit.judgement.fit import confidence
from counterpoise.audit.judgement.judge import features_of
from counterpoise.audit.judgement.metrics import (
    Counts,
    curated_counts,
    injected_recall,
    reentrant_counts,
)
from counterpoise.audit.judgement.sets import Curated, Injected, Reentrant

__all__ = ["best_bars", "passing"]

STEPS = range(100_000, 960_000, 25_000)
APART = "reentrancy-stipend"
NOISE = 0.05
"""What a stray finding a file costs, against a whole recall of 1."""

SLACK = 0.01

Found = Mapping[str, Sequence[Finding]]


def passing(model: Mapping[str, Any], bars: Mapping[str, int]) -> Callable[[Finding], bool]:
    """Whether a finding's confidence under a model is at its rule's bar."""
    known: dict[tuple[str, ...], int] = {}

    def passes(one: Finding) -> bool:
        if one.detectors not in known:
            known[one.detectors] = confidence(dict(model), features_of(one.detectors))
        return known[one.detectors] >= bars.get(one.rule, 500_000)

    return passes


def best_bars(
    model: Mapping[str, Any],
    sets: tuple[Curated, Found, Iterable[str]],
    reentrant: tuple[Reentrant, Found, Iterable[str]],
    injected: tuple[Injected, Found],
    *,
    rounds: int = 2,
) -> dict[str, int]:
    """Bars by rule that make the sum of three figures on the tuning parts as large as they can.

    The figures are F1 over (file, category), F1 of re-entrancy, and the mean recall of injected
    snippets less `NOISE` a stray a file. One category after the other is moved; of bars that are
    within `SLACK` of the best the lowest is taken, since a missed flaw costs more than a look.
    """
    paths, files = sorted(sets[2]), sorted(reentrant[2])
    every = all_rules().values()
    groups = {name: [r.id for r in every if r.dasp == name and r.id != APART] for name in DASP}
    groups[APART] = [APART]
    bars = dict.fromkeys(all_rules(), 500_000)

    def value(trial: Mapping[str, int], group: str) -> float:
        passes = passing(model, trial)
        by_category = curated_counts(sets[0], sets[1], paths, passes)
        figure = sum(by_category.values(), Counts()).f1
        if group == "reentrancy":
            figure += reentrant_counts(reentrant[0], reentrant[1], files, passes).f1
        recalls = injected_recall(injected[0], injected[1], passes).values()
        gains = [one.tuned[0] / one.tuned[1] - NOISE * one.strays / one.files for one in recalls]
        return figure + sum(gains) / len(gains)

    for _ in range(rounds):
        for group, rules in groups.items():
            tried = [(value({**bars, **dict.fromkeys(rules, bar)}, group), bar) for bar in STEPS]
            best = max(figure for figure, _ in tried)
            bar = min(bar for figure, bar in tried if figure >= best - SLACK)
            bars.update(dict.fromkeys(rules, bar))
    return dict(sorted(bars.items()))
