"""The verbs `chain` and, from its own file, `account`."""

import signal
import sys
from pathlib import Path
from typing import Any

import click

from counterpoise.chain.account_cli import account
from counterpoise.chain.output import as_json, show

__all__ = ["account", "chain"]

DEFAULT_URL = "http://127.0.0.1:8545"


EXAMPLES = """\b
Examples:
  counterpoise chain start --state DIR     serve the chain of a state folder
  counterpoise chain status                ask the node at 127.0.0.1:8545
"""


@click.group(epilog=EXAMPLES)
def chain() -> None:
    """Start, inspect and fund a local chain."""


@chain.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder; DIR/chain is served.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=8545, show_default=True, help="0 takes a free port.")
@click.option("--memory", is_flag=True, help="Keep nothing on disk.")
@as_json
def start(state: Path | None, host: str, port: int, memory: bool, wants_json: bool) -> None:
    """Serve the embedded chain as JSON-RPC over HTTP, until Ctrl-C.

    Blocks survive a restart. The ten development accounts are unlocked, and nothing asks for a
    password: only programs on this machine can connect.

    Example: counterpoise chain start --state DIR --port 8545
    """
    from counterpoise.chain.embedded import EmbeddedChain
    from counterpoise.chain.rpc.server import RpcServer

    folder = None if memory else (state or _default_state()) / "chain"
    opened = EmbeddedChain(folder)
    try:
        with RpcServer(opened, host, port) as server:
            head = opened.block().number
            show(
                wants_json,
                {"url": server.url, "chain_id": opened.chain_id(), "block": head}
                | {"folder": str(folder) if folder else None},
                [
                    f"Serving chain {opened.chain_id()} at {server.url}, block {head}",
                    f"Kept in {folder}" if folder else "Kept in memory only",
                    "Stop with Ctrl-C; the same command goes on from there.",
                ],
            )
            sys.stdout.flush()
            _serve(server)
        click.echo(f"stopped at block {opened.block().number}", err=True)
    finally:
        opened.close()


def _serve(server: Any) -> None:
    """Serve until Ctrl-C or a polite request to end."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


@chain.command()
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The node to ask.")
@click.option("--state", type=click.Path(path_type=Path), help="Open DIR/chain instead.")
@as_json
def status(url: str, state: Path | None, wants_json: bool) -> None:
    """Say which chain runs, and where it stands.

    Example: counterpoise chain status --url http://127.0.0.1:8545
    """
    opened = _opened(url, state)
    try:
        head, base = opened.block("latest"), opened.fees()[0]
        features = opened.features
        record = {
            "back_end": features.name,
            "local": features.local,
            "chain_id": opened.chain_id(),
            "block": head.number,
            "hash": f"0x{head.hash.hex()}",
            "time": head.time,
            "base_fee": base,
        }
    finally:
        opened.close()
    show(
        wants_json,
        record,
        [
            f"Chain {record['chain_id']} ({features.name}{', local' if features.local else ''})",
            f"Block {head.number}  0x{head.hash.hex()}",
            f"Time  {head.time}  base fee {base} wei",
        ],
    )


@chain.command()
@click.argument("address")
@click.argument("amount", default="10")
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The node to ask.")
@click.option("--state", type=click.Path(path_type=Path), help="Open DIR/chain instead.")
@as_json
def fund(address: str, amount: str, url: str, state: Path | None, wants_json: bool) -> None:
    """Give ADDRESS an AMOUNT of ether on a local chain, to pay gas with.

    Example: counterpoise chain fund 0x1111111111111111111111111111111111111111 5
    """
    from counterpoise.chain.backend import Workbench
    from counterpoise.core.errors import InputError
    from counterpoise.core.units import format_tokens, parse_address, parse_tokens, to_checksum

    who, wei = parse_address(address), parse_tokens(amount)
    opened = _opened(url, state)
    try:
        if not isinstance(opened, Workbench):
            raise InputError(
                f"chain {opened.chain_id()} is not a local one",
                hint="buy ether for its gas",
            )
        opened.fund(who, wei)
        balance = opened.balance(who)
    finally:
        opened.close()
    record = {"address": to_checksum(who), "balance": str(balance)}
    show(wants_json, record, [f"{to_checksum(who)} has {format_tokens(balance)} ether"])


@chain.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if an artifact is stale.")
@as_json
def compile(check: bool, wants_json: bool) -> None:  # noqa: A001
    """Compile every contract of this package and write the artifacts that ship.

    Example: counterpoise chain compile --check
    """
    from counterpoise.chain.compile import compile_all, differing, write_artifacts
    from counterpoise.core.errors import VerificationError

    built = compile_all() if check else write_artifacts()
    if stale := differing(built):
        raise VerificationError(
            f"artifacts differ from what their sources compile to: {', '.join(stale)}",
            hint="counterpoise chain compile",
        )
    sizes = {one.name: len(one.runtime) for one in built}
    show(wants_json, sizes, [f"{name:<20} {size:>6} bytes" for name, size in sizes.items()])


def _opened(url: str, state: Path | None) -> Any:
    from counterpoise.chain.opening import open_chain
    from counterpoise.core.errors import InputError

    if state is None:
        return open_chain(url, tries=2)
    if not (state / "chain").is_dir():
        raise InputError(
            f"there is no chain at {state}", hint="counterpoise chain start --state DIR"
        )
    return open_chain("embedded:", folder=state / "chain")


def _default_state() -> Path:
    from counterpoise.network import default_state

    return default_state()
