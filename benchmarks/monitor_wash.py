"""Wash trades: how many trades a second of processor, with rings planted among honest traffic.

The published pipeline (R; Victor & Weintraud 2021) reports about two hours for the trades of
IDEX. That is their machine and their data: it stands here for orientation, not as a ratio.
"""

import json
import platform
import statistics
import sys
import time

import numpy as np

from counterpoise.monitor.wash import Trades, find_wash_trades


def market(rows, seed):
    """Honest trades among accounts of very unequal activity; one trade in ten is a ring's."""
    draw = np.random.default_rng(seed)
    planted = rows // 10
    weights = draw.lognormal(0, 1.6, 20_000).cumsum()
    pick = lambda n: np.searchsorted(weights, draw.random(n) * weights[-1])  # noqa: E731
    tokens = np.minimum(draw.geometric(0.02, rows - planted), 500)
    columns = [pick(rows - planted), pick(rows - planted), tokens]
    columns += [draw.integers(0, 200 * 86_400, rows - planted)]
    columns += [(draw.lognormal(12, 1.5, rows - planted)).astype(np.int64) + 1]
    rings, made = [], 0
    while made < planted:
        members = draw.choice(20_000, draw.integers(2, 5), replace=False)
        rounds = int(draw.integers(110, 300))
        src, dst = np.tile(members, rounds), np.tile(np.roll(members, -1), rounds)
        start = draw.integers(0, 190 * 86_400)
        when = start + np.arange(len(src)) * draw.integers(20, 900)
        amount = np.full(len(src), draw.integers(10_000, 10**7))
        rings.append(np.stack([src, dst, np.full(len(src), draw.integers(1, 500)), when, amount]))
        made += len(src)
    everything = np.concatenate([np.stack(columns), *rings], axis=1).astype(np.int64)
    truth = np.arange(everything.shape[1]) >= rows - planted
    order = np.argsort(everything[3], kind="stable")
    return Trades(*everything[:, order]), truth[order]


def main():
    rows, runs = (40_000, 1) if "--quick" in sys.argv else (450_000, 5)
    find_wash_trades(market(5_000, 9)[0])  # compiles
    rates, precision, recall = [], [], []
    for seed in range(runs):
        trades, truth = market(rows, seed)
        began = time.process_time()
        labels = find_wash_trades(trades).washed
        rates.append(len(trades) / (time.process_time() - began))
        precision.append((labels & truth).sum() / max(1, labels.sum()))
        recall.append((labels & truth).sum() / truth.sum())
    print(f"{platform.processor() or platform.machine()}, one thread, {rows:,} trades, {runs} runs")
    print(f"trades per CPU-second   {statistics.median(rates):12,.0f}")
    print(f"planted: precision      {statistics.median(precision):12.3f}")
    print(f"planted: recall         {statistics.median(recall):12.3f}")
    figures = {
        "trades_per_cpu_second": round(statistics.median(rates)),
        "target": 500_000,
        "precision": round(float(statistics.median(precision)), 4),
        "recall": round(float(statistics.median(recall)), 4),
    }
    print(json.dumps({"benchmark": "monitor_wash", **figures}))


if __name__ == "__main__":
    main()
