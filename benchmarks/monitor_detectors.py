"""Detectors: what each costs a transaction, on blocks in which everybody is new and many trade.

Two in five transactions pay the coin, two a token, one trades at a pool, among 20,000 accounts:
more strangers and more trades than on a public chain, so that tables are written all the time.
There is no anchor: this says where the time of a watch goes.
"""

import json
import platform
import statistics
import sys
import time

import numpy as np

from counterpoise.core.digest import keccak
from counterpoise.monitor.blocks import NATIVE, TRANSFER, Block, Entry, Transaction
from counterpoise.monitor.detectors import DETECTORS, make_detectors
from counterpoise.monitor.watch import Watch

ACCOUNTS = [keccak(b"account %d" % n)[:20] for n in range(20_000)]
TOKENS = [keccak(b"token %d" % n)[:20] for n in range(50)]
POOLS = [keccak(b"pool %d" % n)[:20] for n in range(50)]
PER_BLOCK = 200


def entry(index, token, src, dst, amount):
    topics = (TRANSFER, bytes(12) + src, bytes(12) + dst)
    return Entry(index, token, topics, amount.to_bytes(32, "big"))


def transaction(draw, digest, index):
    kind, amount = int(draw.integers(5)), int(draw.integers(1, 10**12))
    src, dst = (ACCOUNTS[int(at)] for at in draw.integers(len(ACCOUNTS), size=2))
    if kind < 2:
        return Transaction(digest, index, src, dst, amount, b"", True)
    at = int(draw.integers(len(TOKENS)))
    moved, to = (entry(0, TOKENS[at], src, dst, amount),), TOKENS[at]
    if kind == 4:
        to, paid = POOLS[at], TOKENS[0] if at else TOKENS[1]
        moved = (entry(0, paid, src, to, amount), entry(1, TOKENS[at], to, src, amount))
    return Transaction(digest, index, src, to, 0, b"call", True, moved)


def chain(count, seed):
    draw, parent, made = np.random.default_rng(seed), bytes(32), []
    for number in range(count):
        name = keccak(parent + b"%d %d" % (number, seed))
        parts = [transaction(draw, keccak(name + bytes([n])), n) for n in range(PER_BLOCK)]
        made.append(Block(number, name, parent, 1_000 + 12 * number, tuple(parts)))
        parent = name
    return made


def cost(names, blocks):
    """Microseconds of processor a transaction, the graph's own work included."""
    scales = dict.fromkeys([NATIVE, *TOKENS], 10**6)
    watch = Watch(1, make_detectors(names), scales)
    began = time.process_time()
    for block in blocks:
        watch.accept(block)
    return (time.process_time() - began) / (len(blocks) * PER_BLOCK) * 1e6


def main():
    count, runs = (20, 1) if "--quick" in sys.argv else (150, 5)
    blocks = chain(count, 0)
    cost([], chain(2, 1))  # compiles
    names = [name for name in DETECTORS if name != "laundering"]
    bare = statistics.median(cost([], blocks) for _ in range(runs))
    alone = {n: statistics.median(cost([n], blocks) for _ in range(runs)) - bare for n in names}
    together = statistics.median(cost(names, blocks) for _ in range(runs))
    print(f"{platform.processor() or platform.machine()}, one thread, {len(blocks) * PER_BLOCK:,}")
    print("transactions, microseconds of processor for each")
    print(f"{'blocks and graph alone':24}{bare:8.1f}")
    for name, value in alone.items():
        print(f"{name:24}{value:8.1f}   (with reading transfers, which all share)")
    print(f"{'all of them together':24}{together:8.1f}")
    figures = {"graph_us": round(bare, 1), "together_us": round(together, 1)}
    figures |= {f"{name}_us": round(value, 1) for name, value in alone.items()}
    print(json.dumps({"benchmark": "monitor_detectors", **figures}))


if __name__ == "__main__":
    main()
