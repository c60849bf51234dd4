"""The feature engine on a stream that fills its window: rate, latency, limits hit, detection.

One thread. Detection is scored twice on the last fifth of each stream: by a model trained on the
stream's own first part, and by the shipped model, which has seen none of these seeds. The
generator's scores compare detectors on one stream; they are not comparable with figures of
published data sets. `monitor_gfp` compares with GFP where snapml is installed.
"""

import json
import os
import platform
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from counterpoise.monitor import Generator, Graph, Traffic
from counterpoise.monitor.laundering_model import LaunderingModel
from counterpoise.monitor.training import Trained, describe, score, train

BLOCKS = 10


def rates(stream):
    """Transfers per CPU-second in each tenth of a stream, and the engine afterwards."""
    graph, found = Graph(), []
    for part in np.array_split(np.arange(len(stream)), BLOCKS):
        columns = (stream.src, stream.dst, stream.time, stream.amount)
        began = time.process_time()
        graph.observe(*(column[part] for column in columns))
        found.append(len(part) / (time.process_time() - began))
        graph.forget(graph.mark())
    return found, graph


def latencies(graph, model, stream, count):
    """Microseconds of single transfers, described by an engine that is full and scored."""
    shift, found = int(stream.time[-1]), []
    for row in range(count):
        one = (stream.src, stream.dst, stream.time + shift, stream.amount)
        columns = [column[row : row + 1] for column in one]
        began = time.perf_counter()
        model.scores(graph.observe(*columns))
        found.append(1e6 * (time.perf_counter() - began))
        graph.forget(graph.mark())
    return np.percentile(found, [50, 95, 99])


def main():
    quick = "--quick" in sys.argv
    traffic = Traffic(rows=60_000, accounts=8_000, illicit=200) if quick else Traffic()
    seeds = range(1) if quick else range(5)
    rates(Generator(99, Traffic(rows=2_000)).stream())  # compiles
    print(f"{platform.machine()}, one thread, {traffic.rows:,} transfers, window 5 of 10 days")
    lowest, results, shipped, cuts, micro = [], [], [], None, None
    model = LaunderingModel.shipped()
    for seed in seeds:
        stream = Generator(seed, traffic).stream()
        found, graph = rates(stream)
        lowest.append(min(found))
        micro = latencies(graph, model, stream, 2_000 if quick else 20_000)
        described = describe(stream)
        cuts = described.cuts
        result = score(described, train(described, seed=seed, rounds=40 if quick else 250))
        results.append(result)
        shipped.append(score(described, Trained(model.trees, model.bar)))
        shown = " ".join(f"{rate / 1000:.0f}k" for rate in found)
        print(
            f"seed {seed}: {shown} a CPU-second; F1 {result.f1:.3f}, recall {result.recall:.3f}, "
            f"schemes hit {result.hit} of {result.schemes}; shipped model: F1 "
            f"{shipped[-1].f1:.3f}, recall {shipped[-1].recall:.3f}, hit {shipped[-1].hit}",
            flush=True,
        )
    hit, schemes = sum(r.hit for r in results), sum(r.schemes for r in results)
    share = {
        name: round(getattr(cuts, name) / cuts.transfers, 4)
        for name in ("lists", "cycles", "clusters")
    }
    print(f"one at a time: p50 {micro[0]:.0f} us, p95 {micro[1]:.0f} us, p99 {micro[2]:.0f} us")
    print(f"share of transfers where a limit cut a search: {share}")
    hit_shipped = sum(one.hit for one in shipped)
    print(f"schemes hit at a budget of 0.5 %: {hit} of {schemes}, shipped model {hit_shipped}")
    print(
        json.dumps(
            {
                "benchmark": "monitor_stream",
                "lowest_rate_per_cpu_second": round(statistics.median(lowest)),
                "p50_us": round(float(micro[0]), 1),
                "p99_us": round(float(micro[2]), 1),
                "cut": share,
                "f1": round(statistics.mean(r.f1 for r in results), 4),
                "recall": round(statistics.mean(r.recall for r in results), 4),
                "schemes_hit": round(hit / max(1, schemes), 4),
                "shipped_f1": round(statistics.mean(r.f1 for r in shipped), 4),
                "shipped_recall": round(statistics.mean(r.recall for r in shipped), 4),
                "shipped_schemes_hit": round(hit_shipped / max(1, schemes), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
