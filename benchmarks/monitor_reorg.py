"""A reorg of 64 blocks with 200 transactions each: taken back, and the other branch taken in.

Both sides run in one process on the same blocks: the watch that goes back over its journal, and
the plain alternative, a watch that is restored from a saved state and takes the branch in. All
detectors run, and the alerts they raise are retracted. Afterwards the state is compared with that
of a watch that never saw the fork.

    python benchmarks/monitor_reorg.py [--quick]
"""

import argparse
import gc
import json
import platform
import statistics
import time

import numpy as np

from counterpoise.core.digest import keccak
from counterpoise.monitor import NATIVE, Watch, make_detectors
from counterpoise.monitor.blocks import TRANSFER, Block, Entry, Transaction
from counterpoise.monitor.snapshot import watch_bytes, watch_from_bytes

DEPTH, ROWS, ACCOUNTS = 64, 200, 20_000
TOKEN = b"\x0c" * 20
SCALES = {NATIVE: 10**12, TOKEN: 10**12}
TARGET_SECONDS = 1.0


def branch(seed, length, parent, number, accounts):
    """Blocks of 200 payments, a third of them in a token, among accounts of uneven activity."""
    draw, blocks = np.random.default_rng(seed), []
    for at in range(number, number + length):
        ends = (draw.random((ROWS, 2)) ** 3 * len(accounts)).astype(int)
        amounts = (draw.lognormal(0, 1.5, ROWS) * 10**18).astype(np.float64)
        name = keccak(parent + seed.to_bytes(4, "big") + at.to_bytes(8, "big"))
        made = []
        for index, ((src, dst), amount) in enumerate(zip(ends.tolist(), amounts, strict=True)):
            sender, to, coins = accounts[src], accounts[dst], index % 3 != 0
            topics = (TRANSFER, bytes(12) + sender, bytes(12) + to)
            entry = Entry(index, TOKEN, topics, int(amount).to_bytes(32, "big"))
            made.append(
                Transaction(
                    keccak(name + index.to_bytes(2, "big")),
                    index,
                    sender,
                    to if coins else TOKEN,
                    int(amount) if coins else 0,
                    b"",
                    True,
                    () if coins else (entry,),
                    fee=21_000 * 10**9,
                )
            )
        blocks.append(Block(at, name, parent, 1_700_000_000 + 12 * at, tuple(made)))
        parent = name
    return blocks


def taken_in(watch, blocks):
    """Seconds that a watch takes for blocks: of the wall, of the CPU; and what it did."""
    wall, cpu = time.perf_counter(), time.process_time()
    outcomes = [watch.accept(block) for block in blocks]
    return time.perf_counter() - wall, time.process_time() - cpu, outcomes


def standing(watch):
    """Everything that a watch knows."""
    return watch.memory.summary(), watch.flows.graph.summary()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    fill, rounds = (100, 2) if options.quick else (2_000, 5)
    accounts = [keccak(n.to_bytes(4, "big"))[:20] for n in range(ACCOUNTS)]
    common = branch(1, fill, bytes(32), 0, accounts)
    old = branch(2, DEPTH, common[-1].hash, fill, accounts)
    watch = Watch(1, make_detectors(), SCALES)
    for block in common:
        watch.accept(block)
    saved = watch_bytes(watch)
    back, forward, whole, cpus, again, retracted = [], [], [], [], [], 0
    for number in range(rounds):
        taken_in(watch, old)
        new = branch(10 + number, DEPTH, common[-1].hash, fill, accounts)
        gc.collect()
        first = taken_in(watch, new[:1])
        rest = taken_in(watch, new[1:])
        one_block = rest[0] / (DEPTH - 1)
        back.append(first[0] - one_block)
        forward.append(one_block * DEPTH)
        whole.append(first[0] + rest[0])
        cpus.append(first[1] + rest[1])
        retracted += len(first[2][0].retracted)
        assert first[2][0].undone == DEPTH
        started = time.perf_counter()
        plain = watch_from_bytes(saved, make_detectors(), SCALES)
        taken_in(plain, new)
        again.append(time.perf_counter() - started)
        assert standing(plain) == standing(watch), "the fork left a trace"
    report(options, fill, retracted // rounds, back, forward, whole, cpus, again)


def report(options, fill, retracted, back, forward, whole, cpus, again):
    """Print the table, and the figures as JSON."""
    middle = statistics.median
    rows = [
        ("taken back (64 blocks, 12,800 transactions)", middle(back)),
        ("other branch taken in, all detectors", middle(forward)),
        ("both", middle(whole)),
        ("both, seconds of CPU", middle(cpus)),
        ("instead: saved state read, branch taken in", middle(again)),
    ]
    print(f"{platform.machine()}, {platform.python_version()}; median of {len(whole)} reorgs")
    print(f"after {fill * ROWS:,} transactions; {retracted} alerts retracted each time")
    for name, seconds in rows:
        print(f"  {name:<46} {seconds * 1000:9.1f} ms")
    print("state afterwards: that of a watch which never saw the fork")
    print(
        json.dumps(
            {
                "quick": options.quick,
                "depth": DEPTH,
                "transactions_per_block": ROWS,
                "rollback_seconds": round(middle(back), 4),
                "reapply_seconds": round(middle(forward), 4),
                "seconds": round(middle(whole), 4),
                "cpu_seconds": round(middle(cpus), 4),
                "from_saved_state_seconds": round(middle(again), 4),
                "target_seconds": TARGET_SECONDS,
                "retracted": retracted,
            }
        )
    )


if __name__ == "__main__":
    main()
