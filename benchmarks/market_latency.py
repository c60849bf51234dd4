"""What paying adds to a call over HTTP: our gateway, and beside it the stock server of x402.

The same client (`payments.Buyer` over one kept connection, on loopback) pays both by
batch-settlement on one chain, whose node runs in this process. From each paid call the median of
the same server's free route is subtracted. What is left holds, on our side, also the run of a small
model, and before the answer leaves charge and decision lie on the disk and a receipt is signed; the
stock server keeps vouchers in memory, and its outliers are looks at the chain. It comes with
`make market-sdk`; without it our side is told alone.
"""

import argparse
import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "market" / "load"))

from gateway_process import free_port  # noqa: E402
from sale import FREE, PATH, PRICE, Sale, bodies, served  # noqa: E402

from counterpoise.chain.rpc.server import RpcServer  # noqa: E402
from counterpoise.core.units import to_checksum  # noqa: E402
from counterpoise.payments.budget import Allowance, Budget  # noqa: E402
from counterpoise.payments.buyer import Answer, Buyer  # noqa: E402

STOCK = ROOT / ".tools" / "x402" / "bin" / "python"
TARGET_MS = 10.0


class Transport:
    """Sends over one kept connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Send a request and read the whole answer."""
        path = "/" + address.split("/", 3)[3]
        sent = {"content-type": "application/json", **headers}
        self._connection.request(method, path, body, sent)
        found = self._connection.getresponse()
        told = {name.lower(): text for name, text in found.getheaders()}
        return Answer(found.status, told, found.read())


def timed(call: Callable[[bytes], Answer], body: bytes) -> float:
    """Give the milliseconds of a call."""
    started = time.perf_counter()
    answer = call(body)
    took = time.perf_counter() - started
    assert answer.status == 200, answer
    return took * 1e3


@contextmanager
def stock_server(sale: Sale, rpc: str) -> Iterator[int]:
    """Run the stock SDK's own middleware and facilitator; give its port."""
    port, relay = free_port(), sale.opened.account("relay")
    sale.opened.fund(relay.address, 10**21)
    keys = ["0x" + relay.key.hex(), to_checksum(sale.seller.address), "0x" + sale.seller.key.hex()]
    place = [sale.terms.network, to_checksum(sale.terms.token)]
    script = ROOT / "tests" / "payments" / "sdk_server.py"
    command = [str(STOCK), str(script), str(port), rpc, *keys, *place]
    clean = {name: text for name, text in os.environ.items() if name != "ETH_HASH_BACKEND"}
    with subprocess.Popen(command, env=clean, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


@contextmanager
def our_gateway(sale: Sale, folder: Path, rpc: str) -> Iterator[int]:
    """Run the gateway; give its port."""
    gateway, _ = served(sale, folder, chain=rpc)
    gateway.start()
    try:
        wait_for(gateway.port)
        yield gateway.port
    finally:
        gateway.stop()


def wait_for(port: int) -> None:
    """Wait until somebody answers on a port."""
    for _ in range(600):
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody listens on port {port}")


def measure(
    sale: Sale, name: str, port: int, free: tuple[str, str], path: str, calls: int
) -> dict[str, float]:
    """Give the milliseconds that one server takes for free and for paid calls, in turns.

    Parameters
    ----------
    free :
        Method and path of a route of the same server that is not paid for.
    path :
        Of the route that is.
    """
    place = sale.terms.network, sale.terms.token
    budget = Budget({place: Allowance(call=PRICE, deposit=1_000 * PRICE, total=10**6 * PRICE)})
    payer = sale.opened.account(f"payer of {name}")
    sale.token.mint(sale.opened.account("operator"), payer.address, 10_000 * PRICE)
    buyer = Buyer(payer, budget, send=Transport(port), read_channel=sale.channels.channel)
    send, home = Transport(port), f"http://127.0.0.1:{port}"

    def ask(body: bytes) -> Answer:
        return send(free[0], home + free[1], {}, body if free[0] == "POST" else b"")

    def buy(body: bytes) -> Answer:
        return buyer.fetch(home + path, "POST", body).answer

    asked = bodies(calls + 1)
    first = timed(buy, asked.pop())
    rows = [(timed(ask, body), timed(buy, body)) for body in asked]
    return figures([row[0] for row in rows], [row[1] for row in rows], first)


def figures(free: list[float], paid: list[float], first: float) -> dict[str, float]:
    """Give medians and 95th percentiles in milliseconds; `added` is without the free part."""
    middle = statistics.median(free)
    added = [one - middle for one in paid]
    told = {
        "free": middle,
        "paid": statistics.median(paid),
        "added": statistics.median(added),
        "added_p95": statistics.quantiles(added, n=20)[-1],
        "first": first,
    }
    return {name: round(value, 2) for name, value in told.items()}


def measured(calls: int) -> dict[str, dict[str, float]]:
    """Measure both servers on one chain."""
    with tempfile.TemporaryDirectory() as folder:
        sale = Sale.found(Path(folder) / "state")
        node = RpcServer(sale.opened.chain, port=0)
        threading.Thread(target=node.serve_forever, daemon=True).start()
        with our_gateway(sale, Path(folder), node.url) as port:
            found = {"counterpoise": measure(sale, "gateway", port, ("GET", FREE), PATH, calls)}
        if STOCK.exists():
            with stock_server(sale, node.url) as port:
                found["stock"] = measure(
                    sale, "stock server", port, ("POST", "/free"), "/batch", calls
                )
        node.shutdown()
        sale.leave()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls")
    parser.add_argument("--calls", type=int, help="paid calls of each server")
    options = parser.parse_args()
    load = round(os.getloadavg()[0], 1)
    found = measured(options.calls or (20 if options.quick else 200))
    names = ("free", "paid", "added", "added_p95", "first")
    print(f"{'milliseconds':<16}" + "".join(f"{name:>12}" for name in names))
    for server, row in found.items():
        print(f"{server:<16}" + "".join(f"{row[name]:>12.2f}" for name in names))
    ours = found["counterpoise"]["added"]
    print(f"target: {TARGET_MS:g} ms added: {'met' if ours <= TARGET_MS else 'missed'}")
    record = {
        "benchmark": "market_latency",
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": load,
        "milliseconds": found,
        "target_ms": TARGET_MS,
    }
    if "stock" in found:
        record["ratio"] = round(found["stock"]["added"] / ours, 1)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
