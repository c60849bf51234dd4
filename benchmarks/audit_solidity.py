"""Audit of Solidity on three public labelled sets, beside Slither's own findings.

Run: ``python benchmarks/audit_solidity.py DATA [--quick] [--cache DIR]``; `DATA` holds
``smartbugs-curated``, ``reentrancy_aggregated`` and ``solidifi``. Metrics and what was learned from
which part are in docs/explain/audit-benchmarks.md. Without the data, or without Slither and
compilers, it says what is missing and stops.
"""

import argparse
import json
import os
import platform
import random
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from counterpoise.audit.engines import engine
from counterpoise.audit.judgement.bars import STEPS, passing
from counterpoise.audit.judgement.fit import fit
from counterpoise.audit.judgement.judge import bar_of, model
from counterpoise.audit.judgement.metrics import (
    Counts,
    curated_counts,
    injected_recall,
    line_recall,
    reentrant_counts,
)
from counterpoise.audit.judgement.sets import Curated
from counterpoise.audit.judgement.train import findings_of, material

SLITHER_SOLIDIFI = {
    "Overflow-Underflow": 0.0,
    "Re-entrancy": 1.0,
    "TOD": 0.0,
    "Timestamp-Dependency": 0.819,
    "Unchecked-Send": 0.999,
    "Unhandled-Exceptions": 0.667,
    "tx.origin": 1.0,
}
"""Slither 0.11.6, all detectors counted (SolidiFI, compiled with 0.5.17)."""

SLITHER_REENTRANT = ("slither:reentrancy-eth", "slither:reentrancy-no-eth")


def cpu() -> float:
    """CPU seconds of this process and of the children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def interval(groups, figure, draws):
    """The 95 % interval of a figure when whole clusters of near-duplicates are drawn anew."""
    dice = random.Random(7)
    names = sorted(groups)
    values = sorted(
        figure([path for name in dice.choices(names, k=len(names)) for path in groups[name]])
        for _ in range(draws)
    )
    return values[int(0.025 * draws)], values[int(0.975 * draws)]


def by_group(groups, paths):
    """Paths by their cluster."""
    found = defaultdict(list)
    for path in paths:
        found[groups[path]].append(path)
    return found


def curated_rows(sets, passes, draws):
    """SmartBugs: all files, those for tuning, those for reporting."""
    data, found = sets.curated, sets.in_curated
    parts = {
        "all 143": list(data.truth),
        "tuned on: 68": sorted(data.tune),
        "reported: 75": sorted(set(data.truth) - data.tune),
    }
    single = {
        p: sum(curated_counts(data, found, [p], passes).values(), Counts()) for p in data.truth
    }

    def f1(paths):
        return sum((single[p] for p in paths), Counts()).f1

    rows = {}
    for name, paths in parts.items():
        counts = sum((single[p] for p in paths), Counts())
        hits, labels = line_recall(data, found, paths, passes)
        low, high = interval(by_group(sets.curated_groups, paths), f1, draws)
        rows[name] = {
            "tp": counts.tp,
            "fp": counts.fp,
            "fn": counts.fn,
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "low": low,
            "high": high,
            "line_recall": hits / labels,
        }
    return rows


def reentrant_rows(sets, passes, draws, seeds):
    """The re-entrancy set: Slither as it is; ours cross-validated by cluster; ours as it ships."""
    data, found, groups = sets.reentrant, sets.in_reentrant, sets.reentrant_groups
    clusters = by_group(groups, data.truth)
    rows = {}

    def row(name, predicted):
        def f1(paths):
            return sum((predicted[p] for p in paths), Counts()).f1

        counts = sum(predicted.values(), Counts())
        low, high = interval(clusters, f1, draws)
        rows[name] = {
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "low": low,
            "high": high,
        }

    def says(one):
        return bool(set(one.detectors) & set(SLITHER_REENTRANT))

    row("Slither, eth or no-eth", {p: reentrant_counts(data, found, [p], says) for p in data.truth})
    row(
        "ours as shipped (seen)",
        {p: reentrant_counts(data, found, [p], passes) for p in data.truth},
    )
    figures = []
    for seed in range(seeds):
        predicted = validated(sets, clusters, seed)
        figures.append(sum(predicted.values(), Counts()).f1)
        if seed == 0:
            row("ours, grouped 5-fold CV, seed 0", predicted)
    rows["ours, grouped 5-fold CV, seed 0"]["mean_of_seeds"] = sum(figures) / len(figures)
    rows["ours, grouped 5-fold CV, seed 0"]["seeds"] = figures
    return rows


def validated(sets, clusters, seed):
    """Each file judged by weights and a bar that no file of its cluster had a part in."""
    names = sorted(clusters)
    random.Random(seed).shuffle(names)
    predicted = {}
    for fold in range(5):
        out = set(names[fold::5])
        tests = [p for name in out for p in clusters[name]]
        train = [p for name in names if name not in out for p in clusters[name]]
        curated = [p for p in sets.curated.tune if sets.curated_groups[p] not in out]
        learned = fit(sets.samples(curated, train))

        def at(bar, paths, learned=learned):
            rule = {"reentrancy-state": bar, "reentrancy-cross": bar}
            passes = passing(learned, rule)
            return {
                p: reentrant_counts(sets.reentrant, sets.in_reentrant, [p], passes) for p in paths
            }

        best = max(STEPS, key=lambda bar: sum(at(bar, train).values(), Counts()).f1)
        predicted |= at(best, tests)
    return predicted


def cold(data):
    """CPU and wall seconds of both engines over the 143 files, nothing kept from before."""
    curated = Curated.load(data)
    before, clock = cpu(), time.perf_counter()
    findings_of(curated.root, curated.truth, None)
    from counterpoise.audit.engines.solc import end_worker

    end_worker()
    return cpu() - before, time.perf_counter() - clock


def show(title, rows, columns):
    """One table."""
    print(f"\n{title}\n{'':34s}" + "".join(f"{name:>12s}" for name in columns))
    for name, row in rows.items():
        cells = (row.get(one) for one in columns)
        print(
            f"{name:34s}"
            + "".join(f"{c:12.3f}" if isinstance(c, float) else f"{c!s:>12s}" for c in cells)
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        default=Path(os.environ.get("AUDIT_DATA", "../shared/data/audit")),
    )
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    missing = [engine(name).missing() for name in ("solidity", "slither")]
    if not given.data.is_dir() or any(missing):
        reason = (
            f"no data at {given.data}"
            if not given.data.is_dir()
            else "; ".join(filter(None, missing))
        )
        print(f"skipped: {reason}")
        print(json.dumps({"skipped": reason}))
        sys.exit(0)
    draws, seeds = (200, 1) if given.quick else (2000, 5)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    cost = None if given.quick else cold(given.data)
    sets = material(given.data, given.cache)
    passes = passing(model(), {rule: bar_of(rule) for rule in model()["bars"]})
    curated = curated_rows(sets, passes, draws)
    show(
        "SmartBugs-curated, file + category",
        curated,
        ("tp", "fp", "fn", "precision", "recall", "f1", "low", "high", "line_recall"),
    )
    reentrant = reentrant_rows(sets, passes, draws, seeds)
    show("Re-entrancy, aggregated 432", reentrant, ("precision", "recall", "f1", "low", "high"))
    recalls = injected_recall(sets.injected, sets.in_injected, passes)
    injected = {
        kind: {
            "slither": SLITHER_SOLIDIFI[kind],
            "recall": one.all,
            "tuned": one.tuned[0] / max(1, one.tuned[1]),
            "others": one.other[0] / max(1, one.other[1]),
            "strays": one.strays / one.files,
        }
        for kind, one in recalls.items()
    }
    show("SolidiFI, recall by kind", injected, ("slither", "recall", "tuned", "others", "strays"))
    if cost:
        print(f"\n143 files, both engines, cold: {cost[0]:.1f} s CPU, {cost[1]:.1f} s wall")
    print(
        json.dumps({"curated": curated, "reentrant": reentrant, "injected": injected, "cold": cost})
    )


if __name__ == "__main__":
    main()
