"""Committing to the rows of a Parquet file: this package and a cbor2 loop, in one run.

The file has 8 columns (3 int64, 2 float64, 2 utf8, 1 bool, one of them nullable) and is packed
with zstd. Both sides decode it, draw salts, encode every row, hash the leaves and the tree; ours
also writes the files of salts and of leaf hashes. The loop runs over the first rows only, where
both must agree on every leaf, and is compared per row. CPU time of the whole process is compared.
Compiling or loading the kernels happens before the clock starts and is printed on its own.
"""

import argparse
import hashlib
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from pathlib import Path

import cbor2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from counterpoise.core import merkle
from counterpoise.provenance import rows, rows_hashing
from counterpoise.provenance.rows_cells import Cells
from counterpoise.provenance.rows_salts import Salts, draw_salts

SCHEMA = rows.Schema.of(
    patient="int64",
    age="int64",
    visits="int64?",
    cholesterol="float64",
    pressure="float64",
    ward="utf8",
    note="utf8",
    smoker="bool",
)


SIDES = {
    "ours": "commit_rows",
    "decode": "  of which decoding",
    "cbor2": "cbor2 loop",
    "leaves": "leaves alone",
    "cbor2 leaves": "leaves by cbor2 alone",
}


def write_parquet(path: Path, count: int) -> None:
    random = np.random.default_rng(5)
    wards = np.array(["cardiology", "intensive care", "surgery", "outpatients"], dtype=object)
    writer = None
    for at in range(0, count, 500_000):
        size = min(500_000, count - at)
        missing = random.random(size) < 0.1
        table = pa.table(
            {
                "patient": pa.array(random.integers(0, 2**40, size)),
                "age": pa.array(random.integers(0, 100, size)),
                "visits": pa.array(random.integers(0, 500, size), mask=missing),
                "cholesterol": pa.array(random.normal(200, 30, size)),
                "pressure": pa.array(np.round(random.normal(130, 15, size), 1)),
                "ward": pa.array(wards[random.integers(0, len(wards), size)]),
                "note": pa.array(
                    [f"note {number:x}" for number in random.integers(0, 2**40, size)]
                ),
                "smoker": pa.array(random.random(size) < 0.3),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer:
        writer.close()


def ours(path: Path, folder: Path) -> rows.RowCommitment:
    for name in ("salts", "leaves"):
        (folder / name).unlink(missing_ok=True)
    return rows.commit_rows(path, SCHEMA, folder / "salts", leaves=folder / "leaves")


def decode_only(path: Path) -> None:
    for _ in rows.row_source(path).batches(SCHEMA, rows.BATCH):
        pass


def first_batch(path: Path, count: int) -> tuple[list[Cells], Salts]:
    batch = next(rows.row_source(path).batches(SCHEMA, count))
    return batch, draw_salts(count)


def cbor2_loop(path: Path, count: int, salts: list[bytes] | None = None) -> bytes:
    salts = salts or [os.urandom(16) for _ in range(count)]
    leaves: list[bytes] = []
    for batch in pq.ParquetFile(path).iter_batches(min(count, rows.BATCH), columns=SCHEMA.names):
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            encoded = cbor2.dumps([salts[len(leaves)], *row])
            leaves.append(hashlib.sha256(b"\x00" + encoded).digest())
            if len(leaves) == count:
                return tree(leaves)
    return tree(leaves)


def tree(level: list[bytes]) -> bytes:
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in pairs] + odd
    return level[0]


def check_agreement(path: Path, folder: Path, count: int) -> None:
    commitment = ours(path, folder)
    salts = rows.SaltFile(folder / "salts")
    known = [salt.tobytes() for salt in salts.read(0, count)]
    leaves = rows.LeafFile(folder / "leaves")
    first = np.frombuffer(b"".join(leaves.leaf(i) for i in range(count)), dtype=np.uint8)
    assert cbor2_loop(path, count, known) == merkle.root_of_hashes(first.reshape(-1, 32))
    last = commitment.count - 1
    proof = rows.row_proof(
        last, rows.read_row(path, SCHEMA, last), schema=SCHEMA, salts=salts, leaves=leaves
    )
    rows.check_row(proof, commitment, SCHEMA)


def machine() -> dict[str, object]:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if "model name" in line]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "sha_ni": " sha_ni" in text,
        "avx512f": " avx512f" in text,
        "python": platform.python_version(),
        "pyarrow": pa.__version__,
    }


def clock(work, *arguments) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    cpu, wall = time.process_time(), time.perf_counter()
    work(*arguments)
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, for CI")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    count, few = (300_000, 5_000) if arguments.quick else (10_000_000, 100_000)
    load = clock(rows_hashing.load_kernel)[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "rows.parquet"
        write_parquet(path, count)
        check_agreement(path, folder, min(few, 5_000))
        many, some = first_batch(path, min(count, rows.BATCH)), first_batch(path, few // 10)
        spent: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
        for _ in range(arguments.runs):  # in turn, so that a busy moment meets all sides
            spent["ours"].append(clock(ours, path, folder))
            spent["decode"].append(clock(decode_only, path))
            spent["cbor2"].append(clock(cbor2_loop, path, few))
            spent["leaves"].append(clock(rows_hashing.leaf_hashes, *many, count))
            spent["cbor2 leaves"].append(clock(rows_hashing.leaf_hashes_by_cbor2, *some))
        megabytes = path.stat().st_size / 1e6
    sizes = {"ours": count, "decode": count, "cbor2": few}
    sizes |= {"leaves": len(many[1]), "cbor2 leaves": len(some[1])}
    report(sizes, spent, {"load": load, "megabytes": megabytes, "runs": arguments.runs})


def report(sizes, spent, facts) -> None:  # type: ignore[no-untyped-def]
    about = machine()
    print(", ".join(f"{name}: {value}" for name, value in about.items()))
    print(f"{sizes['ours']:,} rows of 8 columns, {facts['megabytes']:.0f} MB of zstd Parquet")
    print(f"loading the kernels, once a process: {facts['load']:.2f} CPU-s (not counted below)")
    print(f"{'':24}{'rows':>12}{'CPU s':>9}{'wall s':>9}{'M rows/CPU-s':>14}")
    rates = {}
    for side, name in SIDES.items():
        cpu = statistics.median(cpu for cpu, _ in spent[side])
        wall = statistics.median(wall for _, wall in spent[side])
        rates[side] = sizes[side] / cpu
        print(f"{name:24}{sizes[side]:>12,}{cpu:>9.3f}{wall:>9.3f}{rates[side] / 1e6:>14.3f}")
    hashing_rate = 1 / (1 / rates["ours"] - 1 / rates["decode"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    ratio = rates["ours"] / rates["cbor2"]
    leaf_ratio = rates["leaves"] / rates["cbor2 leaves"]
    print(f"without decoding {hashing_rate / 1e6:.2f} M rows/CPU-s")
    print(f"{ratio:.1f} x the cbor2 loop, files and tree included; leaves alone {leaf_ratio:.1f} x")
    result = {
        "benchmark": "row_commitments",
        "rows": sizes["ours"],
        "cbor2_rows": sizes["cbor2"],
        "median_of": facts["runs"],
        "parquet_mb": round(facts["megabytes"]),
        "rows_per_cpu_s": round(rates["ours"]),
        "decode_rows_per_cpu_s": round(rates["decode"]),
        "salt_encode_hash_rows_per_cpu_s": round(hashing_rate),
        "cbor2_rows_per_cpu_s": round(rates["cbor2"]),
        "times_cbor2_loop": round(ratio, 1),
        "leaves_per_cpu_s": round(rates["leaves"]),
        "leaves_times_cbor2": round(leaf_ratio, 1),
        "kernel_load_cpu_s": round(facts["load"], 2),
        "peak_memory_mb": peak,
        "machine": about,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
