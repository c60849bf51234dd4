"""What strangers read first: the agent card, the proof of the domain, and the routes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any

from counterpoise.chain import Account
from counterpoise.core.units import to_checksum
from counterpoise.identity import Registration
from counterpoise.market.engines.public_key import public_key
from counterpoise.market.gateway.about import About
from counterpoise.market.gateway.agent_card import CARD, KEYS, agent_card, key_set, sign_card
from counterpoise.market.gateway.mcp import ROUTE as MCP
from counterpoise.market.gateway.mcp_messages import MODERN
from counterpoise.market.gateway.openapi import openapi
from counterpoise.market.gateway.operations import Operation, tools_of
from counterpoise.market.gateway.problems import plain_problem
from counterpoise.market.gateway.service import Call, NotServed, Quote, Reply, Route, Service

REGISTRATION, OPENAPI = "/.well-known/agent-registration.json", "/openapi.json"
_MCP_BINDING = "https://modelcontextprotocol.io"


class Discovery:
    """Serves what is said of a gateway; all of it is free.

    Parameters
    ----------
    services :
        All others of the gateway; what they say is read when it is first asked for.
    registration :
        The agent's file in an ERC-8004 registry; None where it has no agent.
    signer :
        Signs the card; None leaves it unsigned.
    """

    name = "discovery"
    levels: Collection[str] = ()

    def __init__(
        self,
        services: Sequence[Service],
        about: About,
        registration: Registration | None = None,
        signer: Account | None = None,
    ) -> None:
        self._services, self._about = services, about
        self._registration, self._signer = registration, signer
        pages = {CARD: True, OPENAPI: True, KEYS: signer, REGISTRATION: registration}
        there = [path for path, reason in pages.items() if reason is not None]
        self.routes: Sequence[Route] = [
            Route("GET", path, is_free=True, media=()) for path in there
        ]

    @property
    def operations(self) -> Sequence[Operation]:
        """The pages, each with what it is."""
        words = {
            CARD: ("agent_card", "The agent card of A2A."),
            OPENAPI: ("openapi", "This document."),
            KEYS: ("keys", "The key that the agent card is signed with."),
            REGISTRATION: ("agent_registration", "The agent's registration, by ERC-8004."),
        }
        return [Operation(route, *words[route.path]) for route in self.routes]

    def quote(self, call: Call) -> Quote:
        """All of it is free."""
        return Quote(0)

    async def serve(self, call: Call) -> Reply:
        """Give a page."""
        page = self._pages.get(call.route)
        if page is None:
            raise NotServed(404, "there is no such page")
        return Reply(page)

    def problem(self, status: int, message: str) -> tuple[bytes, str]:
        """Write an error."""
        return plain_problem(status, message)

    async def close(self) -> None:
        """Nothing is held."""

    @cached_property
    def _pages(self) -> dict[str, bytes]:
        pages = {CARD: _json(self._card()), OPENAPI: _json(openapi(self._about, self._all()))}
        if self._signer is not None:
            kid = to_checksum(self._signer.address)
            pages[KEYS] = _json(key_set(public_key(self._signer), kid))
        if self._registration is not None:
            pages[REGISTRATION] = self._registration.to_bytes()
        return pages

    def _card(self) -> dict[str, Any]:
        tools = [operation for _, operation in tools_of(self._services).values()]
        card = agent_card(self._about, tools, self._interfaces())
        return card if self._signer is None else sign_card(card, self._signer, self._about)

    def _interfaces(self) -> list[dict[str, str]]:
        if not any(MCP in service.routes for service in self._services):
            return []
        place = {"url": self._about.url + MCP.path, "protocolBinding": _MCP_BINDING}
        return [{**place, "protocolVersion": MODERN}]

    def _all(self) -> Iterable[Service]:
        return [*self._services, self]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
