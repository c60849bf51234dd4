"""What compute-to-data adds to a job: walls beside a bare process, control of overlaps, noise.

The same code runs in a bare Python process (the anchor) and behind the walls; both read the same
rows from a pipe or from memory and print the same number.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

from counterpoise.market.compute_to_data.noise import Coins, laplace
from counterpoise.market.compute_to_data.overlap import check_overlap, refined, untouched
from counterpoise.market.compute_to_data.sandbox import CLOSED, Limits, run_code

BARE = """
import json, sys
import numpy as np
data = sys.stdin.buffer.read()
column = np.frombuffer(data, "<i8")
print(json.dumps({"sum": int(column.sum())}))
"""
WALLED = b"""
import numpy as np

def run(columns, parameters):
    return {"sum": int(columns["a"].sum())}
"""


def timed(work, times):
    """Milliseconds by the clock, the median."""
    walls = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        walls.append(1000 * (time.perf_counter() - start))
    return statistics.median(walls)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rows, answers, times = (10_000, 10, 5) if quick else (100_000, 100, 15)
    column = np.arange(rows)

    def bare():
        words = [sys.executable, "-s", "-P", "-B", "-c", BARE]
        given = {"input": column.tobytes(), "env": CLOSED}
        done = subprocess.run(words, capture_output=True, check=True, **given)
        return json.loads(done.stdout)

    def walled():
        return run_code(WALLED, {"a": column}, {}, Limits(10, 1 << 30))

    assert bare() == walled() == {"sum": int(column.sum())}
    figures = {"rows": rows, "bare_ms": timed(bare, times), "walled_ms": timed(walled, times)}

    rng = np.random.default_rng(0)
    classes = untouched(rows)
    for _ in range(answers):
        classes = refined(classes, np.repeat(rng.integers(0, 4, rows // 500), 500))
    groups = np.repeat(rng.integers(0, 4, rows // 500), 500)
    figures["answers"] = answers
    figures["overlap_ms"] = timed(lambda: check_overlap(classes, groups, 10), times)

    coins = Coins(bytes(32), b"benchmark")
    count = 2_000
    figures["noise_us"] = 1000 * timed(lambda: [laplace(coins, 10**6) for _ in range(count)], 5)
    figures["noise_us"] /= count
    figures["walls_add_ms"] = figures["walled_ms"] - figures["bare_ms"]
    figures = {k: round(v, 2) if isinstance(v, float) else v for k, v in figures.items()}

    print(f"{platform.machine()}, Python {platform.python_version()}, {rows:,} rows")
    print(f"own code, bare process       {figures['bare_ms']:8.1f} ms")
    print(f"own code, behind the walls   {figures['walled_ms']:8.1f} ms")
    print(f"overlap with {answers:3} answers    {figures['overlap_ms']:8.1f} ms")
    print(f"noise of one count           {figures['noise_us']:8.1f} us")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
