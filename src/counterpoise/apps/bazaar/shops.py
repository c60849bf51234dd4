"""The sellers' gateways: real HTTP on this machine, each served from a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from counterpoise.chain import Account
from counterpoise.core.errors import Unreachable
from counterpoise.market import OipService, Running, Sold, Table
from counterpoise.network import Network

START_SECONDS, DEPOSIT_CALLS = 30.0, 100
HOME = "gateway-home"
LOG = f"{HOME}/log"
"""Where a seller keeps its own log, under its folder."""


class Shop:
    """One seller's gateway, open until it is closed.

    Parameters
    ----------
    account :
        Receives, signs, claims and pays the gas.
    sold :
        The one model that is sold.
    clock :
        Gives the Unix time: the chain's, where that is ahead.

    Raises
    ------
    Unreachable :
        It did not open in time.
    """

    def __init__(
        self,
        network: Network,
        account: Account,
        home: Path,
        sold: Sold,
        about: str,
        clock: Callable[[], float],
    ) -> None:
        self.sold = sold
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        seller = {
            "name": home.name,
            "description": about,
            "home": HOME,
            "calls_per_deposit": DEPOSIT_CALLS,
        }
        settings = Table({"seller": seller}, "the demonstration's settings", home)
        self.gateway = Running(
            network,
            account,
            settings,
            url=self.url,
            say=lambda line: None,
            clock=clock,
            more=[OipService([sold])],
        )
        config = uvicorn.Config(
            self.gateway.app,
            http="httptools",
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_level="warning",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), name=f"shop at {self.url}"
        )
        self._thread.start()
        self._await_start()

    def settle(self) -> None:
        """Claim what was charged, and have it paid."""
        settlement = self.gateway.settlement
        settlement.claim()
        if settlement.waiting():
            settlement.settle()

    def close(self) -> None:
        """Finish what is under way, and let go of everything."""
        self._server.should_exit = True
        self._thread.join()
        self.gateway.close()
        self._listener.close()

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise Unreachable(f"the gateway at {self.url} does not open")
            time.sleep(0.01)
