"""The verb `market serve`: models and services behind payment, in one process."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.network import (
    FILE,
    answer,
    by_account,
    entered,
    in_network,
    named,
    progress,
    signer,
)

if TYPE_CHECKING:
    from counterpoise.chain import Account
    from counterpoise.market.gateway.running import Running
    from counterpoise.network import Network

EXAMPLE = """\b
Example:
  counterpoise market serve --state DIR --config gateway.toml --account seller

\b
gateway.toml:
  [[service]]
  kind = "onnx"
  name = "iris"
  file = "iris.onnx"
  price = "0.001 per call"
Every member is in docs/guides/selling.md. Ctrl-C finishes what is under way, claims and settles.
"""
BACKLOG = 2048
GAS = 10**18
"""What a seller without coin is given on a local chain, in wei."""


@click.command(epilog=EXAMPLE)
@click.option("--config", type=FILE, required=True, help="What is sold, and on what terms.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8402, show_default=True, type=click.IntRange(0, 65_535),
              help="Port to listen at; 0 for any that is free.")  # fmt: skip
@in_network
@by_account
def serve(
    config: Path,
    host: str,
    port: int,
    state: Path | None,
    charter: Path | None,
    chain: str | None,
    store: str | None,
    wants_json: bool,
    **keys: Any,
) -> None:
    """Put models and services behind payment, until Ctrl-C.

    Example: counterpoise market serve --state DIR --config gateway.toml --account seller
    """
    from counterpoise.market.gateway.running import Running
    from counterpoise.market.gateway.settings import load_settings

    settings = load_settings(config)
    with entered(state, charter, chain, store) as network, progress(quiet=wants_json) as say:
        account = named(signer(network, **keys))
        _give_gas(network, account)
        with _listening(host, port) as listener:
            url = _url(listener)
            running = Running(network, account, settings, url=url, say=say, clock=network.clock)
            try:
                _announce(running, url, say)
                _run(running, listener)
            finally:
                running.close()
    record = {
        "calls": sum(running.metrics.calls.values()),
        "charged": str(sum(running.metrics.charged.values())),
        "claimed": str(running.metrics.claimed),
    }
    told = f"{record['calls']} answers, {record['charged']} base units charged"
    answer(wants_json, record, f"{told}, {record['claimed']} claimed")


def _run(running: Running, listener: socket.socket) -> None:
    """Serve until a signal; a second one ends at once."""
    import uvicorn

    limits = running.desk.limits
    config = uvicorn.Config(
        running.app,
        http="httptools",
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=limits.connections,
        proxy_headers=bool(limits.proxies),
        forwarded_allow_ips=list(limits.proxies),
        timeout_graceful_shutdown=round(limits.seconds) + 1,
    )
    with _signals_end_nothing():
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _signals_end_nothing() -> Iterator[None]:
    """Let the server's own handling of signals be all: it raises them again when it is done."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    from counterpoise.core.errors import InputError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as refused:
            raise InputError(
                f"{host} port {port} cannot be listened at: {refused.strerror}",
                hint="give another --port, or 0 for any that is free",
            ) from None
        listener.listen(BACKLOG)
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _give_gas(network: Network, account: Account) -> None:
    """Give the seller coin for gas on a local chain, where it has none."""
    from counterpoise.chain import Workbench

    if isinstance(network.chain, Workbench) and not network.chain.balance(account.address):
        network.fund(account.address, GAS)


def _announce(running: Running, url: str, say: Callable[[str], None]) -> None:
    from counterpoise.core.units import to_checksum

    terms = running.till.seller.terms
    say(f"serving at {url}, paid to {to_checksum(terms.receiver)} on {terms.network}")
    for service in running.services:
        for line in running.prices(service):
            say(line)
    say(f"home {running.settings.home}; {time.strftime('%H:%M:%S')}; Ctrl-C drains and settles")
