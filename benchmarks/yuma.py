"""Validators' consensus: one epoch of 64 validators by 512 members, in integers.

CPU time of one thread, median; beside the same rule in numpy's floats, which is what one would
write first and whose last digits differ from machine to machine, and in Python's own integers.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "consensus"))

import big_integers
import numpy as np

from counterpoise.consensus import Epoch, Terms, run_epoch

VALIDATORS, MEMBERS = 64, 512


def market(seed):
    """An epoch in which every validator weighs every member."""
    draw, shape = np.random.default_rng(seed), (VALIDATORS, MEMBERS)
    return Epoch(
        1_000,
        900,
        tuple(int(one) * 10**15 for one in draw.integers(1, 10**6, MEMBERS)),
        np.arange(VALIDATORS),
        draw.integers(0, 65536, shape).astype(np.uint16),
        draw.integers(0, 65536, shape).astype(np.uint16),
        np.zeros(MEMBERS, np.int64),
        np.full(VALIDATORS, 950),
        np.full(VALIDATORS, -1),
    )


def in_floats(epoch, terms):
    """The same rule in float64."""

    def normed(rows, axis):
        total = rows.sum(axis=axis, keepdims=True)
        return np.divide(rows, total, out=np.zeros_like(rows), where=total > 0)

    stake = normed(np.array(epoch.stake, float), 0)
    active = normed(stake[epoch.validators], 0)
    weights = epoch.weights.astype(float)
    weights[np.arange(VALIDATORS), epoch.validators] = 0
    weights = normed(weights, 1)
    order = np.argsort(weights, axis=0, kind="stable")
    reached = np.cumsum(active[order], axis=0) > 1 - terms.kappa / 2**32
    found = np.take_along_axis(weights, order, axis=0)[reached.argmax(axis=0), np.arange(MEMBERS)]
    clipped = np.minimum(weights, found)
    incentive = normed(clipped.T @ active, 0)
    new = normed(clipped * active[:, None], 0)
    alpha = terms.alpha / 2**32
    bonds = normed(alpha * new + (1 - alpha) * normed(epoch.bonds.astype(float), 0), 0)
    both = incentive.copy()
    both[epoch.validators] += normed(bonds @ incentive, 0)
    return normed(both, 0)


def median(run, times):
    """Median CPU milliseconds."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return statistics.median(taken) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    times = 11 if parser.parse_args().quick else 101
    epoch, terms = market(1), Terms()
    found, wanted = run_epoch(epoch, terms), big_integers.run(epoch, terms)
    assert found.emission.tolist() == wanted[4] and found.stored.tolist() == wanted[2]
    gap = np.abs(in_floats(epoch, terms) - found.emission / 2**32).max()
    ours = median(lambda: run_epoch(epoch, terms), times)
    floats = median(lambda: in_floats(epoch, terms), times)
    big = median(lambda: big_integers.run(epoch, terms), 3)
    print(f"{VALIDATORS} validators, {MEMBERS} members, milliseconds of CPU (target 5)")
    print(f"  integers, to the bit   {ours:8.2f}")
    print(f"  numpy, float64         {floats:8.2f}   differs by up to {gap:.1e}")
    print(f"  Python's integers      {big:8.2f}   {big / ours:.0f} times as long; equal")
    record = {"ours_ms": ours, "float_ms": floats, "python_ms": big, "float_gap": float(gap)}
    print(json.dumps({"benchmark": "yuma", "machine": platform.machine(), **record}))


if __name__ == "__main__":
    main()
