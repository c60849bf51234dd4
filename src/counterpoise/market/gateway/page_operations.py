"""The free pages of every gateway as operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from counterpoise.market.gateway.operations import Operation, Schema
from counterpoise.market.gateway.service import Route

_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TILE = "A tile of the log (C2SP tlog-tiles)."
_PAGES: Mapping[str, tuple[str, str, str, tuple[int, ...]]] = {
    "/health": ("health", "Whether calls are served.", "application/json", ()),
    "/metrics": ("metrics", "Counters for Prometheus.", "text/plain", ()),
    "/.well-known/x402": ("sale", "What is for sale, and how it is paid.", "application/json", ()),
    "/evidence": ("log_head", "How long the log is.", "application/json", ()),
    "/evidence/{digest}": ("decision", "One decision's statement.", "application/json", (202, 404)),
    "/log/checkpoint": ("checkpoint", "The log's signed head.", "text/plain", (404,)),
}


def page_operations(routes: Iterable[Route]) -> Sequence[Operation]:
    """Describe each page."""
    found = []
    for route in routes:
        depth = route.path.count("{")
        tile = f"tile_{depth}", _TILE, "application/octet-stream", (404,)
        name, words, media, statuses = _PAGES.get(route.path, tile)
        answer = {"type": "object"} if media == "application/json" else {"type": "string"}
        parameters = {"digest": _DIGEST}
        found.append(
            Operation(
                route,
                name,
                words,
                answer=answer,
                media=media,
                parameters=parameters,
                statuses=statuses,
            )
        )
    return found
