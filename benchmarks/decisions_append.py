"""Durable appends of decisions: the evidence log beside SQLite (WAL, synchronous=FULL), one run.

Both sides get the same prepared entries and make each batch durable (fdatasync) before they
answer. The log's time includes journal, leaf and tree hashing, tiles, an Ed25519-signed
checkpoint for each batch, and at the end making all tiles durable. SQLite's includes one
transaction for each batch and a last checkpoint; it makes no tree and signs nothing. Making the
entries (canonical JSON, statement, signature) is a cost of the caller on both sides and is
measured on its own. The hashing kernel is loaded before the clock starts, as it is in any
process that has appended half a million entries; `--hashlib` leaves it out.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from counterpoise.chain import Account
from counterpoise.core import hashing
from counterpoise.provenance import (
    AccountSigner,
    Ed25519Signer,
    Log,
    P256Signer,
    Subject,
    build_statement,
    sign,
)

RECORD = 144
SIGNERS = {
    "ed25519": Ed25519Signer(bytes(32)),
    "p256": P256Signer(ec.derive_private_key(7, ec.SECP256R1())),
    "account": AccountSigner(Account.local(b"bench")),
}


def decision(number, signer):
    digest = hashlib.sha256(b"%d" % number).digest()
    statement = build_statement(
        "decision",
        [Subject(f"decision {number}", digest)],
        actor=signer.keyid,
        time=1_700_000_000 + number,
        nonce=digest[:16],
        inputs=[{"sha256": digest, "role": "input"}],
        request=f"request-{number}",
        model=digest,
        input_commitment=digest,
        output_commitment=digest,
        policy="triage/3",
        started=1_700_000_000,
        ended=1_700_000_001,
        confidence_ppm=912_000,
    )
    return sign(statement, signer).to_bytes()


def into_log(folder, entries, batch):
    with Log(folder / "log", origin="example.org/bench", key=bytes(32)) as log:
        for at in range(0, len(entries), batch):
            log.append(entries[at : at + batch])


def into_sqlite(folder, entries, batch):
    database = sqlite3.connect(folder / "entries.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE entry(position INTEGER PRIMARY KEY, body BLOB)")
    for at in range(0, len(entries), batch):
        database.execute("BEGIN")
        rows = enumerate(entries[at : at + batch], at)
        database.executemany("INSERT INTO entry VALUES (?, ?)", rows)
        database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def measured(write, entries, batch, place):
    """Wall and CPU seconds; the files stay, since ext4 slows down after many removals."""
    folder = Path(tempfile.mkdtemp(dir=place))
    cpu, wall = time.process_time(), time.perf_counter()
    write(folder, entries, batch)
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(entries, batch, runs, place):
    """Median wall and CPU rates of both sides, which take turns."""
    sides = {"log": into_log, "sqlite": into_sqlite}
    seconds = {name: [] for name in sides}
    for _ in range(runs):
        for name, write in sides.items():
            seconds[name].append(measured(write, entries, batch, place))
    rates = {}
    for name, pairs in seconds.items():
        wall, cpu = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        rates[f"{name}_per_s"] = round(len(entries) / wall)
        rates[f"{name}_per_cpu_s"] = round(len(entries) / cpu)
        rates[f"{name}_best_per_s"] = round(len(entries) / min(pair[0] for pair in pairs))
    return rates | {"times_sqlite": round(rates["log_per_s"] / rates["sqlite_per_s"], 2)}


def making(count):
    """Statements made, checked and signed a CPU-second, by kind of key."""
    rates = {}
    for name, signer in SIGNERS.items():
        start = time.process_time()
        for number in range(count):
            decision(number, signer)
        rates[name] = round(count / (time.process_time() - start))
    return rates


def machine():
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if "model name" in line]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "sha_ni": " sha_ni" in text,
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few entries, one run")
    parser.add_argument("--hashlib", action="store_true", help="do not load the hashing kernel")
    parser.add_argument("--folder", default=None, help="where to write; it decides the disk")
    arguments = parser.parse_args()
    count, runs = (20_000, 1) if arguments.quick else (200_000, 5)
    about = machine()
    print(", ".join(f"{name}: {value}" for name, value in about.items()))
    loaded = not arguments.hashlib and hashing.kernel(1 << 30) is not None
    print(f"hashing by {'the kernel, loaded before the clock starts' if loaded else 'hashlib'}")
    records = [os.urandom(RECORD) for _ in range(count)]
    envelopes = [decision(number, SIGNERS["ed25519"]) for number in range(count // 10)]
    cases = {
        f"{RECORD} B, batch 1000": (records, 1_000),
        f"{RECORD} B, batch 100": (records[: count // 4], 100),
        f"{RECORD} B, batch 1": (records[: count // 200], 1),
        f"signed envelopes of {len(envelopes[0])} B, batch 1000": (envelopes, 1_000),
    }
    print(f"{'entries':40}{'log/s':>10}{'SQLite/s':>10}{'ratio':>7}{'log/CPU-s':>11}{'best':>9}")
    found = {}
    place = tempfile.mkdtemp(dir=arguments.folder)
    for name, (entries, batch) in cases.items():
        rates = found[name] = compare(entries, batch, runs, place)
        print(
            f"{name:40}{rates['log_per_s']:>10,}{rates['sqlite_per_s']:>10,}"
            f"{rates['times_sqlite']:>7}{rates['log_per_cpu_s']:>11,}{rates['log_best_per_s']:>9,}"
        )
    shutil.rmtree(place)
    made = making(100 if arguments.quick else 2_000)
    print(f"making a decision's entry (not included above), per CPU-s: {made}")
    head = found[f"{RECORD} B, batch 1000"]
    result = {
        "benchmark": "decisions_append",
        "median_of": runs,
        "entries": count,
        "kernel": loaded,
        **head,
    }
    print(json.dumps(result | {"cases": found, "made_per_cpu_s": made, "machine": about}))


if __name__ == "__main__":
    main()
