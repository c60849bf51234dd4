"""Paid calls per second through the gateway, every charge on the disk before its answer leaves.

One gateway process and one process of buyers on the same two cores: each buyer has a channel and a
kept connection on loopback, signs a voucher for every call and waits for its answer. The model
behind the gateway is small, so that what is measured is payment, evidence and receipts. Calls of
the first second warm up and do not count.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "market" / "load"))

from buyers import Buyer  # noqa: E402
from gateway_process import Gateway  # noqa: E402
from lines import run  # noqa: E402
from sale import PATH, PRICE, Sale, bodies, charged, served, total  # noqa: E402

TARGET = 500
MOST = 20_000
"""Calls that one buyer's deposit is good for."""
WARM = 1.0


async def shop(buyer: Buyer, port: int, until: float) -> None:
    """Buy one answer after the other until it is time."""
    number = buyer.books.answered
    while time.perf_counter() < until:
        await buyer.shop(port, PATH, bodies(1, number))
        number += 1


async def drive(gateway: Gateway, buyers: list[Buyer], store: Path, seconds: float) -> dict:
    """Let all buyers shop for so long; give what it took."""
    begun = time.perf_counter()
    await asyncio.gather(*(shop(buyer, gateway.port, begun + WARM) for buyer in buyers))
    for buyer in buyers:
        buyer.books.seconds.clear()
    before = (total(buyers, "answered"), gateway.cpu, time.process_time(), syncs(store))
    begun = time.perf_counter()
    await asyncio.gather(*(shop(buyer, gateway.port, begun + seconds) for buyer in buyers))
    took = time.perf_counter() - begun
    after = (total(buyers, "answered"), gateway.cpu, time.process_time(), syncs(store))
    calls, server, client, synced = (b - a for a, b in zip(before, after, strict=True))
    waits = sorted(wait * 1e3 for buyer in buyers for wait in buyer.books.seconds)
    return {
        "seconds": round(took, 2),
        "calls": calls,
        "calls_per_second": round(calls / took),
        "calls_per_server_cpu_second": round(calls / server),
        "server_cpu_us": round(server / calls * 1e6),
        "client_cpu_us": round(client / calls * 1e6),
        "syncs_per_call": round(synced / calls, 3),
        "p50_ms": round(statistics.median(waits), 2),
        "p99_ms": round(waits[len(waits) * 99 // 100], 2),
        "server_mib": gateway.memory >> 20,
    }


def syncs(store: Path) -> int:
    """Count the frames of a voucher file: each was one write and one fsync."""
    log = store.read_bytes()
    at, count = log.index(b"\n") + 1, 0
    while at + 8 <= len(log):
        at += 8 + struct.unpack_from(">I", log, at)[0]
        count += 1
    return count


def measured(buyers: int, seconds: float) -> dict:
    """Run one sale, and see that the seller's books, the buyers' and the chain's agree."""
    with tempfile.TemporaryDirectory() as folder:
        sale = Sale.found(Path(folder) / "state")
        shoppers = sale.buyers(buyers, calls=MOST)
        sale.leave()
        gateway, store = served(sale, Path(folder))
        gateway.start()
        try:
            found = run(drive(gateway, shoppers, store, seconds))
        finally:
            gateway.stop()
        answered = total(shoppers, "answered") * PRICE
        assert answered == total(shoppers, "charged") == sum(charged(store).values())
        found["paid_on_chain"] = sale.received(store)
        assert found["paid_on_chain"] == answered
        sale.leave()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seconds")
    parser.add_argument("--seconds", type=float, help="how long to buy; 12 by default")
    parser.add_argument("--buyers", type=int, default=16, help="how many buy at the same time")
    options = parser.parse_args()
    load = round(os.getloadavg()[0], 1)
    found = measured(options.buyers, options.seconds or (2 if options.quick else 12))
    for name, value in found.items():
        print(f"{name:<20}{value:>12}")
    met = "met" if found["calls_per_second"] >= TARGET else "missed"
    print(f"target: {TARGET} calls a second with every charge durable: {met}")
    record = {
        "benchmark": "market_throughput",
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": load,
        "buyers": options.buyers,
        **found,
        "target": TARGET,
        "ratio": round(found["calls_per_second"] / TARGET, 2),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
