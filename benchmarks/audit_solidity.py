"""Audit of Solidity on three public labelled sets, beside Slither's own findings.

Run: ``python benchmarks/audit_solidity.py [DATA] [--quick] [--cache DIR]``; `DATA` holds
``smartbugs-curated``, ``reentrancy_aggregated`` and ``solidifi``, and is found beside the checkout
or where ``COUNTERPOISE_DATA`` points. Reading all 925 files takes some 15 minutes; `DIR` keeps what
the engines said, so that scoring anew takes seconds. ``--quick`` reads a handful of files and
claims nothing. Metrics and what was learned from which part are in docs/explain/audit-solidity.md.
Without the data, or without Slither and compilers, it says what it needs and stops.
"""

import argparse
import json
import os
import platform
import random
import resource
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from counterpoise.audit.audit import audit_project
from counterpoise.audit.engines import engine
from counterpoise.audit.engines.solc import end_worker
from counterpoise.audit.judgement.bars import STEPS, middle, passing
from counterpoise.audit.judgement.fit import fit
from counterpoise.audit.judgement.judge import bar_of, model
from counterpoise.audit.judgement.metrics import (
    Counts,
    curated_counts,
    injected_recall,
    line_recall,
    reentrant_counts,
)
from counterpoise.audit.judgement.samples import KINDS
from counterpoise.audit.judgement.sets import Curated
from counterpoise.audit.judgement.train import material
from counterpoise.audit.project import Project, Source

DRAWS = 2000
SEEDS = 5

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
    touched = {p: line_recall(data, found, [p], passes) for p in data.truth}
    single = {
        p: sum(curated_counts(data, found, [p], passes).values(), Counts()) for p in data.truth
    }

    def f1(paths):
        return sum((single[p] for p in paths), Counts()).f1

    def lines(paths):
        hits, labels = (sum(touched[p][n] for p in paths) for n in (0, 1))
        return hits / max(1, labels)

    rows = {}
    for name, paths in parts.items():
        counts = sum((single[p] for p in paths), Counts())
        clusters = by_group(sets.curated_groups, paths)
        low, high = interval(clusters, f1, draws)
        from_line, to_line = interval(clusters, lines, draws)
        rows[name] = {
            "tp": counts.tp,
            "fp": counts.fp,
            "fn": counts.fn,
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "low": low,
            "high": high,
            "lines": lines(paths),
            "lines_low": from_line,
            "lines_high": to_line,
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

        best = middle([sum(at(bar, train).values(), Counts()).f1 for bar in STEPS])
        predicted |= at(best, tests)
    return predicted


def injected_rows(sets, passes, draws):
    """SolidiFI: recall by kind over all snippets, tuning and other shapes; strays a file."""
    everything = injected_recall(sets.injected, sets.in_injected, lambda one: True)
    rows = {}
    for kind, one in injected_recall(sets.injected, sets.in_injected, passes).items():
        hits = snippet_hits(sets, kind, passes)
        low, high = interval(hits, lambda found: sum(found) / max(1, len(found)), draws)
        rows[kind] = {
            "slither": SLITHER_SOLIDIFI[kind],
            "recall": one.all,
            "low": low,
            "high": high,
            "tuned": one.tuned[0] / max(1, one.tuned[1]),
            "others": one.other[0] / max(1, one.other[1]),
            "strays": one.strays / one.files,
            "listed": everything[kind].all,
            "listed_strays": everything[kind].strays / one.files,
        }
    return rows


def snippet_hits(sets, kind, passes):
    """Whether each snippet of a kind is found, by its shape."""
    lines = {}
    for path in sets.injected.paths:
        said = (one for one in sets.in_injected[path] if one.rule in KINDS[kind] and passes(one))
        lines[path] = {n for one in said for n in one.lines}
    hits = defaultdict(list)
    for row in sets.injected.rows:
        if row.kind == kind:
            hits[row.shape].append(any(n in lines[row.path] for n in row.lines))
    return hits


def cold(root, paths):
    """CPU and wall seconds of a whole audit of some files, nothing kept from before."""
    sources = tuple(Source(path, (root / path).read_bytes(), "solidity") for path in sorted(paths))
    before, clock = cpu(), time.perf_counter()
    outcome = audit_project(
        Project(root, sources), engines=("solidity", "slither", "solidity-text"), jobs=1
    )
    end_worker()
    return {
        "files": len(sources),
        "cpu": cpu() - before,
        "wall": time.perf_counter() - clock,
        "not_analysed": sorted({f"{one.path} by {one.engine}" for one in outcome.not_analysed}),
    }, outcome


def quick(data):
    """A few files for each category, read from nothing: that the way is open, and no figure."""
    curated = Curated.load(data)
    paths = [p for p in sorted(curated.tune) if p.endswith("simple_suicide.sol") or "dos_" in p]
    cost, outcome = cold(curated.root, paths)
    hit = sum(
        any(one.path == path and one.about.dasp == curated.truth[path] for one in outcome.findings)
        for path in paths
    )
    print(f"a sample: the category of {hit} of {len(paths)} files named, {cost['cpu']:.1f} s CPU")
    print("the tables need the whole run, without --quick")
    return {"sample": len(paths), "named": hit, **cost}


def show(title, rows, columns):
    """One table."""
    print(f"\n{title}\n{'':34s}" + "".join(f"{name:>14s}" for name in columns))
    for name, row in rows.items():
        cells = (row.get(one) for one in columns)
        print(
            f"{name:34s}"
            + "".join(f"{c:14.3f}" if isinstance(c, float) else f"{c!s:>14s}" for c in cells)
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    home = Path(os.environ.get("COUNTERPOISE_DATA", "../shared/data"))
    parser.add_argument("data", type=Path, nargs="?", default=home / "audit")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    lacking = [engine(name).missing() for name in ("solidity", "slither")]
    if not given.data.is_dir():
        lacking.insert(0, f"needs the labelled sets: no data at {given.data}")
    if any(lacking):
        reason = next(filter(None, lacking))
        print(f"skipped: {reason}")
        print(json.dumps({"skipped": reason}))
        return
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    if given.quick:
        print(json.dumps(quick(given.data)))
        return
    data = Curated.load(given.data)
    cost, _ = cold(data.root, data.truth)
    sets = material(given.data, given.cache)
    passes = passing(model(), {rule: bar_of(rule) for rule in model()["bars"]})
    curated = curated_rows(sets, passes, DRAWS)
    names = ("tp", "fp", "fn", "precision", "recall", "f1", "low", "high")
    names += ("lines", "lines_low", "lines_high")
    show("SmartBugs-curated, file + category; lines within one", curated, names)
    reentrant = reentrant_rows(sets, passes, DRAWS, SEEDS)
    names = ("precision", "recall", "f1", "low", "high", "mean_of_seeds")
    show("Re-entrancy, aggregated 432", reentrant, names)
    injected = injected_rows(sets, passes, DRAWS)
    names = ("slither", "recall", "low", "high", "tuned", "others", "strays")
    show("SolidiFI at the bars", injected, (*names, "listed", "listed_strays"))
    print(
        f"\n{cost['files']} files, all engines, cold: {cost['cpu']:.1f} s CPU,"
        f" {cost['wall']:.1f} s wall; not analysed: {', '.join(cost['not_analysed']) or 'none'}"
    )
    figures = {"curated": curated, "reentrant": reentrant, "injected": injected, "cold": cost}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
