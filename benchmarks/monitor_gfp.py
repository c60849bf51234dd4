"""Our features against those of GFP (snapml), with one classifier on the same streams.

GFP is IBM's graph feature preprocessor: exact, proprietary, and never a dependency. Where snapml
is installed both describe the same generated streams in one process on one thread; LightGBM learns
from each on the first 60 %, the bar is set on the next 20 %, the rest is scored. Where it is not,
the figures of an earlier run are printed for orientation.

GFP gives statistics, fan and degree over our window of five days and scatter-gather over six
hours, as in its paper; with --cycles also temporal cycles over one day, at a tenth of its speed.
It takes in a batch before it describes it, so a row sees up to 127 rows of its own future.

Run it: python benchmarks/monitor_gfp.py [--quick] [--cycles]
"""

import json
import os
import platform
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightgbm
import numpy as np

from counterpoise.monitor import Generator, Graph, Traffic
from counterpoise.monitor.training import ROUNDS, SETTINGS, best_bar, parts_of, score_of
from counterpoise.monitor.trees import LEAF_BITS

BATCH = 128
DAY, HOUR = 86_400, 3_600
EARLIER = {"f1": 0.197, "recall": 0.42, "schemes": "23.7 of 29", "rate": 2_100}
"""GFP without patterns on seed 0 of a prototype of the generator, a million rows."""


def ours(stream):
    """Our rows, and the processor's seconds."""
    graph, found = Graph(), []
    columns = (stream.src, stream.dst, stream.time, stream.amount)
    began = time.process_time()
    for start in range(0, len(stream), BATCH):
        found.append(graph.observe(*(column[start : start + BATCH] for column in columns)))
        graph.forget(graph.mark())
    return np.concatenate(found).astype(np.float64), time.process_time() - began


def theirs(stream, preprocessor, cycles):
    """GFP's rows with amount and hour, and the processor's seconds."""
    engine = preprocessor()
    windows = {f"{name}_tw": 5 * DAY for name in ("vertex_stats", "fan", "degree")}
    settings = {
        "num_threads": 1,
        "time_window": 5 * DAY,
        "vertex_stats": True,
        "vertex_stats_cols": [3, 4],
        "vertex_stats_feats": list(range(11)),
        "fan": True,
        "degree": True,
        "scatter-gather": True,
        "scatter-gather_tw": 6 * HOUR,
        "temp-cycle": cycles,
        "temp-cycle_tw": DAY,
        "lc-cycle": False,
    }
    engine.set_params(engine.get_params() | windows | settings)
    own = (np.arange(len(stream)), stream.src, stream.dst, stream.time, stream.amount)
    table = np.column_stack(own).astype(np.float64)
    batches = [table[start : start + BATCH] for start in range(0, len(stream), BATCH)]
    began = time.process_time()
    found = [engine.transform(np.ascontiguousarray(batch)) for batch in batches]
    spent = time.process_time() - began
    # Its first four columns are the row's number, both accounts and the time: no features.
    rows = np.concatenate(found)[:, 4:]
    return np.column_stack([rows, stream.time % DAY // HOUR]), spent


def scored(stream, rows, seed, rounds):
    """The same classifier and the same bar for either's rows."""
    first, second, third = parts_of(len(stream))
    labels, settings = stream.label, {"verbose": -1}
    dataset = lightgbm.Dataset(rows[first], labels[first].astype(float), params=settings)
    booster = lightgbm.train(SETTINGS | {"seed": seed}, dataset, rounds)

    def ranks(part):
        raw = booster.predict(rows[part], raw_score=True)
        return np.rint(raw * (1 << LEAF_BITS)).astype(np.int64)

    return score_of(stream, ranks(third), best_bar(ranks(second), labels[second]))


def main():
    quick, cycles = "--quick" in sys.argv, "--cycles" in sys.argv
    figures = {"benchmark": "monitor_gfp", "earlier": EARLIER}
    try:
        from snapml import GraphFeaturePreprocessor
    except ModuleNotFoundError:
        print("skipped: needs snapml (proprietary, not installed by us)")
        print(f"an earlier run of GFP without patterns, on a prototype of the generator: {EARLIER}")
        print(json.dumps(figures | {"skipped": "no snapml"}))
        return
    rows, seeds = (8_000, 1) if quick else (60_000, 3)
    traffic = Traffic(rows=rows, accounts=rows // 10, illicit=60 if quick else 150)
    Graph().observe(*(np.array([one]) for one in (0, 1, 2, 3)))  # compiles
    print(f"{platform.machine()}, one thread, {rows:,} transfers a seed, window 5 days, by {BATCH}")
    results = {"ours": [], "GFP": []}
    rates = {"ours": [], "GFP": []}
    for seed in range(20, 20 + seeds):
        stream = Generator(seed, traffic).stream()
        for name, described in (
            ("ours", ours(stream)),
            ("GFP", theirs(stream, GraphFeaturePreprocessor, cycles)),
        ):
            found, spent = described
            rates[name].append(len(stream) / spent)
            results[name].append(scored(stream, found, seed, 40 if quick else ROUNDS))
            one = results[name][-1]
            print(
                f"seed {seed} {name:4}: {found.shape[1]:3} columns, {rates[name][-1]:8,.0f} a "
                f"CPU-second; F1 {one.f1:.3f}, recall {one.recall:.3f}, schemes {one.hit} of "
                f"{one.schemes}",
                flush=True,
            )
    for name, found in results.items():
        figures[name] = {
            "f1": round(statistics.mean(one.f1 for one in found), 4),
            "recall": round(statistics.mean(one.recall for one in found), 4),
            "schemes_hit": sum(one.hit for one in found),
            "schemes": sum(one.schemes for one in found),
            "rate": round(statistics.median(rates[name])),
        }
        print(f"{name:4} {figures[name]}")
    print(json.dumps(figures | {"cycles": cycles}))


if __name__ == "__main__":
    main()
