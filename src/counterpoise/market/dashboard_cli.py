"""The verb ``counterpoise market dashboard``."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from counterpoise.core.errors import CounterpoiseError, InputError
from counterpoise.core.units import Address, parse_address, to_checksum
from counterpoise.market.cli import KEYS, Desk
from counterpoise.network import FOLDER, by_account, entered, in_network, signer

if TYPE_CHECKING:
    from counterpoise.market.dashboard import Board
    from counterpoise.payments import Kept
    from counterpoise.provenance import LogReader

SALE = "/.well-known/x402"


@click.command()
@click.option("--home", type=FOLDER, metavar="DIR", help="The gateway's home: vouchers and log.")
@click.option("--url", metavar="URL", help="The gateway's address, for what it counted.")
@click.option("--agent", type=int, help="Whose dashboard, where there are no vouchers yet.")
@click.option("--watch", type=click.FloatRange(min=0.2), metavar="SECONDS", help="Draw it anew.")
@by_account
@in_network
def dashboard(
    home: Path | None,
    url: str | None,
    agent: int | None,
    watch: float | None,
    wants_json: bool,
    **options: Any,
) -> None:
    """Show a seller's calls, earnings, refusals, buyers, listings, ratings and open jobs.

    Reads beside a gateway that runs, and writes nothing.

    Example: counterpoise market dashboard --home gateway-home --url http://127.0.0.1:8402
    """
    from counterpoise.market.dashboard_view import board_record

    places: list[Any] = [options.pop(name) for name in ("state", "charter", "chain", "store")]
    keys = {name: options.pop(name) for name in KEYS}
    if watch is not None and wants_json:
        raise InputError("--watch draws, --json writes once", hint="give one of them")
    with entered(*places) as network:
        desk, sources = Desk(network, keys), Sources(home, url, agent)
        if watch is not None:
            _watch(desk, sources, watch)
            return
        board = sources.board(desk)
    if wants_json:
        click.echo(json.dumps(board_record(board)))
    else:
        click.echo(_drawn(board), nl=False)


class Sources:
    """Where a seller's dashboard reads from; what is not given is left out."""

    def __init__(self, home: Path | None, url: str | None, agent: int | None) -> None:
        if home is not None and not home.is_dir():
            raise InputError(f"there is no folder {home}", hint="the home that the gateway named")
        self._home, self._url, self._agent = home, url, agent

    def board(self, desk: Desk) -> Board:
        """Read everything once."""
        from counterpoise.identity import JobReceipts
        from counterpoise.jobs import JobsClient
        from counterpoise.market import dashboard as parts
        from counterpoise.market.paid_receipts import ExactReceipts
        from counterpoise.market.traffic import traffic_of
        from counterpoise.payments import ChannelsClient

        network, kept = desk.network, self._vouchers()
        token, jobs = network.contract("CreditToken"), network.contract("Jobs")
        seller = parts.seller_in(kept, self._known(desk))
        log = self._log(seller)
        answers = None if log is None else parts.answers_by_model(log)
        with desk.catalogue() as catalogue:
            listings = parts.listings_of(catalogue, seller, answers, desk.now)
        agents = {row.result.found.listing.agent for row in listings}
        agents |= set() if self._agent is None else {self._agent}
        reputations = desk.reputations
        return parts.Board(
            seller,
            desk.now,
            parts.takings_of(
                seller,
                token.address,
                kept,
                ChannelsClient(network.chain),
                ExactReceipts(desk.identity, token).all(),
                JobReceipts(desk.identity, jobs).all(),
            ),
            None if self._url is None else traffic_of(_page(self._url)),
            None if log is None else log.size,
            tuple(listings),
            {agent: reputations.of(agent) for agent in sorted(agents)},
            tuple(parts.jobs_of(JobsClient(jobs), [seller])),
        )

    def _vouchers(self) -> dict[bytes, Kept]:
        from counterpoise.payments import read_vouchers

        path = None if self._home is None else self._home / "vouchers"
        return {} if path is None or not path.exists() else read_vouchers(path)

    def _log(self, seller: Address) -> LogReader | None:
        """Open the gateway's log for reading; None where there is none yet."""
        from counterpoise.provenance import LogReader, log_vkey

        if self._home is None or not (self._home / "log" / "checkpoint").exists():
            return None
        origin = f"counterpoise.gateway/{to_checksum(seller)}"
        key = bytes.fromhex((self._home / "log-key").read_text(encoding="ascii").strip())
        return LogReader(self._home / "log", origin=origin, vkey=log_vkey(origin, key))

    def _known(self, desk: Desk) -> list[Address]:
        """Give whom the gateway, the agent or the key say the seller is."""
        known = []
        if self._url is not None:
            sale = re.search(r'"payTo":\s*"(0x[0-9a-fA-F]{40})"', _page(self._url, SALE))
            known += [] if sale is None else [parse_address(sale[1])]
        if self._agent is not None:
            found = desk.identity.agent(self._agent)
            known.append(found.wallet if found.wallet != bytes(20) else found.owner)
        account = signer(desk.network, **desk.keys)
        return known if account is None else [*known, account.address]


def _page(url: str, path: str = "/metrics") -> str:
    from counterpoise.core.errors import Unreachable
    from counterpoise.payments import Connections

    transport = Connections(5)
    try:
        answer = transport("GET", url.rstrip("/") + path, {}, b"")
    finally:
        transport.close()
    if answer.status != 200:
        raise Unreachable(f"{url}{path} answers {answer.status}", hint="give a gateway's address")
    return answer.body.decode("utf-8", "replace")


def _drawn(board: Board) -> str:
    from rich.console import Console

    from counterpoise.market.dashboard_view import board_view

    console = Console(width=None if sys.stdout.isatty() else 110)
    with console.capture() as captured:
        console.print(board_view(board))
    return captured.get()


def _watch(desk: Desk, sources: Sources, seconds: float) -> None:
    """Draw the board anew until Ctrl-C; what cannot be read for a while is said, not fatal."""
    from rich.live import Live
    from rich.text import Text

    from counterpoise.market.dashboard_view import board_view

    with Live(auto_refresh=False, screen=False) as live:
        while True:
            try:
                live.update(board_view(sources.board(desk)), refresh=True)
            except CounterpoiseError as wrong:
                live.update(Text(f"waiting: {wrong.message}"), refresh=True)
            time.sleep(seconds)
