"""The free pages of every gateway: health, metrics, evidence, the log's tiles, what is for sale."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.evidence import Evidence
from counterpoise.market.gateway.metrics import TYPE, Metrics
from counterpoise.market.gateway.operations import Operation
from counterpoise.market.gateway.page_operations import page_operations
from counterpoise.market.gateway.problems import JSON_MEDIA, plain_problem
from counterpoise.market.gateway.service import (
    Call,
    NotServed,
    Quote,
    Reply,
    Route,
    Service,
    Stream,
)

_TILE = re.compile(
    r"(?:[0-9]|[1-5][0-9]|6[0-3]|entries)(?:/x[0-9]{3}){0,6}/[0-9]{3}(?:\.p/[0-9]{1,3})?"
)


class Pages:
    """Free pages, as a service.

    Parameters
    ----------
    about :
        What ``/.well-known/x402`` says of the seller.
    trouble :
        Gives why the gateway cannot serve, or nothing.
    """

    name = "gateway"
    levels: Collection[str] = ()

    def __init__(
        self,
        metrics: Metrics,
        evidence: Evidence,
        about: Mapping[str, Any],
        trouble: Callable[[], str],
        services: Sequence[Service] = (),
    ) -> None:
        self._metrics, self._evidence = metrics, evidence
        self._about, self._trouble, self._services = about, trouble, services
        self._pages = {
            "/health": self._health,
            "/metrics": self._page_of_metrics,
            "/.well-known/x402": self._sale,
            "/evidence": self._log,
        }
        tiles = tuple("/log/tile" + "/{part}" * depth for depth in range(1, 10))
        paths = (*self._pages, "/evidence/{digest}", "/log/checkpoint", *tiles)
        self.routes = tuple(Route("GET", path, is_free=True, media=()) for path in paths)

    @property
    def operations(self) -> Sequence[Operation]:
        """What the pages are."""
        return page_operations(self.routes)

    def hide(self, path: str) -> None:
        """Serve a page no more."""
        self.routes = tuple(route for route in self.routes if route.path != path)

    def quote(self, call: Call) -> Quote:
        """Say that everything here is free."""
        return Quote(0)

    async def serve(self, call: Call) -> Reply | Stream:
        """Give a page."""
        page = self._pages.get(call.route)
        if page is not None:
            return page()
        if call.route == "/evidence/{digest}":
            return await self._decision(call.parts["digest"])
        return await asyncio.to_thread(self._file, call.path)

    def problem(self, status: int, message: str) -> tuple[bytes, str]:
        """Write an error."""
        return plain_problem(status, message)

    async def close(self) -> None:
        """Hold nothing."""

    def _health(self) -> Reply:
        trouble = self._trouble()
        record = {"status": "failing", "reason": trouble} if trouble else {"status": "serving"}
        return _json(record, 503 if trouble else 200)

    def _page_of_metrics(self) -> Reply:
        self._metrics.gauge(
            "decisions_waiting", self._evidence.waiting, "Statements that are not in the log yet."
        )
        return Reply(self._metrics.page(), media=TYPE)

    def _sale(self) -> Reply:
        resources = [
            {"service": service.name, "method": route.method, "path": route.path}
            for service in self._services
            for route in service.routes
            if not route.is_free
        ]
        return _json({**self._about, "resources": resources})

    def _log(self) -> Reply:
        log = self._evidence.log
        head = log.checkpoint()
        return _json(
            {"origin": log.origin, "vkey": log.vkey, "size": head.size, "root": head.root.hex()}
        )

    async def _decision(self, text: str) -> Reply:
        if not re.fullmatch("[0-9a-f]{64}", text):
            raise NotServed(404, "a decision is named by 64 hex digits")
        try:
            in_log, record = await asyncio.to_thread(self._evidence.find, bytes.fromhex(text))
        except InputError as unknown:
            raise NotServed(404, unknown.message) from None
        return Reply(record, 200 if in_log else 202)

    def _file(self, path: str) -> Reply:
        """Give a file of the log, as C2SP's tlog-tiles names them."""
        name = path.removeprefix("/log/")
        if name != "checkpoint" and not _TILE.fullmatch(name.removeprefix("tile/")):
            raise NotServed(404, "the log has no such file")
        file: Path = self._evidence.log.folder / name
        try:
            data = file.read_bytes()
        except OSError:
            raise NotServed(404, "the log has no such file") from None
        media = "text/plain; charset=utf-8" if name == "checkpoint" else "application/octet-stream"
        return Reply(data, media=media)


def _json(record: Mapping[str, Any], status: int = 200) -> Reply:
    return Reply(json.dumps(record, ensure_ascii=False).encode(), status, JSON_MEDIA)
