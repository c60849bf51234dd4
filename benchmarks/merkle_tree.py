"""Building an RFC 6962 tree: this package, a hashlib loop and pymerkle, in one run.

All sides start from the same bytes, entries of 40 bytes back to back, and end with the root;
laying the entries out is counted on every side. The slower sides run on the first entries only,
where all three roots must agree, and are compared per leaf. CPU time of one thread is compared:
other programs on the machine stretch wall time more. Compiling or loading the kernel happens
before the clock starts and is printed on its own.
"""

import argparse
import hashlib
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pymerkle import InmemoryTree

from counterpoise.core import hashing, merkle

LENGTH = 40


def ours(blob: bytes, count: int) -> bytes:
    entries = np.frombuffer(blob, dtype=np.uint8, count=count * LENGTH).reshape(count, LENGTH)
    return merkle.root(entries)


def hashlib_loop(blob: bytes, count: int) -> bytes:
    sha256 = hashlib.sha256
    level = [
        sha256(b"\x00" + blob[at : at + LENGTH]).digest() for at in range(0, count * LENGTH, LENGTH)
    ]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def pymerkle(blob: bytes, count: int) -> bytes:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(blob[at : at + LENGTH] for at in range(0, count * LENGTH, LENGTH))
    return bytes(tree.get_root())


def measured(build: Callable[[bytes, int], bytes], blob: bytes, count: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    build(blob, count)
    return time.process_time() - cpu, time.perf_counter() - wall


def load_kernel() -> float:
    start = time.process_time()
    assert hashing.kernel(10**9) is not None, "numba is not here: only hashlib could be measured"
    return time.process_time() - start


def machine() -> dict[str, object]:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if "model name" in line]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "sha_ni": " sha_ni" in text,
        "avx512f": " avx512f" in text,
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, for CI")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    sizes = {ours: 10_000_000, hashlib_loop: 500_000, pymerkle: 20_000}
    if arguments.quick:
        sizes = {ours: 1_000_000, hashlib_loop: 50_000, pymerkle: 5_000}
    blob = np.random.default_rng(1).bytes(sizes[ours] * LENGTH)
    load_seconds = load_kernel()
    for size in (1, sizes[pymerkle] - 1, sizes[pymerkle]):
        assert ours(blob, size) == hashlib_loop(blob, size) == pymerkle(blob, size)
    assert ours(blob, sizes[hashlib_loop]) == hashlib_loop(blob, sizes[hashlib_loop])

    seconds: dict[str, list[tuple[float, float]]] = {build.__name__: [] for build in sizes}
    for _ in range(arguments.runs):  # in turn, so that a busy moment meets all sides
        for build, size in sizes.items():
            seconds[build.__name__].append(measured(build, blob, size))
    report(sizes, seconds, load_seconds, arguments.runs)


def report(sizes, seconds, load_seconds, runs) -> None:  # type: ignore[no-untyped-def]
    about = machine()
    print(", ".join(f"{name}: {value}" for name, value in about.items()))
    print(f"loading the kernel, once a process: {load_seconds:.2f} CPU-s (not counted below)")
    print(f"{'':14}{'leaves':>12}{'CPU s':>10}{'wall s':>10}{'leaves/CPU-s':>16}")
    rates: dict[str, float] = {}
    for build, size in sizes.items():
        cpu = statistics.median(cpu for cpu, _ in seconds[build.__name__])
        wall = statistics.median(wall for _, wall in seconds[build.__name__])
        rates[build.__name__] = size / cpu
        print(f"{build.__name__:14}{size:>12,}{cpu:>10.3f}{wall:>10.3f}{size / cpu:>16,.0f}")
    ratios = {
        "times_hashlib_loop": round(rates["ours"] / rates["hashlib_loop"], 1),
        "times_pymerkle": round(rates["ours"] / rates["pymerkle"], 1),
    }
    print(f"ours: {ratios['times_hashlib_loop']} x hashlib, {ratios['times_pymerkle']} x pymerkle")
    figures = {f"{name}_leaves_per_cpu_s": round(rate) for name, rate in rates.items()}
    sizes_by_name = {build.__name__: size for build, size in sizes.items()}
    result = {"benchmark": "merkle_tree", "median_of": runs, "leaves": sizes_by_name}
    result |= {"kernel_load_cpu_s": round(load_seconds, 2), "machine": about}
    print(json.dumps(result | figures | ratios))


if __name__ == "__main__":
    main()
