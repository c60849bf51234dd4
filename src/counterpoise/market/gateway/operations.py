"""What a service can do, said once: OpenAPI, MCP's tools and A2A's skills are written from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.service import Route, Service

Schema = Mapping[str, Any]
ANY_OBJECT: Schema = {"type": "object"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a route does.

    Parameters
    ----------
    name :
        Unique in a gateway: letters, digits, ``_`` and ``-``.
    body, answer :
        JSON Schema (2020-12) of the request and of the answer; None where there is none.
    parts :
        What stands in the place of the path's braces, where the operation is a tool.
    defaults :
        Members of the body that a tool's caller does not write, and cannot change.
    is_tool :
        Whether agents are offered it.
    arguments :
        JSON Schema of the tool's arguments where it differs from `body`.
    parameters :
        JSON Schemas of the path's braces, by name; a text where nothing is said.
    media :
        Type of the answer's body.
    streams :
        Whether the answer may come as server-sent events.
    statuses :
        What else it may answer beside 200 and what every route may.
    """

    route: Route
    name: str
    summary: str
    body: Schema | None = None
    answer: Schema | None = field(default_factory=lambda: ANY_OBJECT)
    parts: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    is_tool: bool = False
    arguments: Schema | None = None
    parameters: Mapping[str, Schema] = field(default_factory=dict)
    media: str = "application/json"
    streams: bool = False
    statuses: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """Where a tool's call goes: the pattern with `parts` in its braces."""
        return re.sub(r"\{(\w+)\}", lambda found: self.parts[found[1]], self.route.path)

    @property
    def tool_schema(self) -> Schema:
        """JSON Schema of a tool's arguments: the body's without what `defaults` sets."""
        schema = self.arguments or self.body or {"type": "object", "properties": {}}
        if self.arguments is not None or not self.defaults:
            return schema
        properties = schema.get("properties", {})
        kept = {name: value for name, value in properties.items() if name not in self.defaults}
        required = [name for name in schema.get("required", ()) if name not in self.defaults]
        return {**schema, "properties": kept, "required": required}


def operations_of(service: Service) -> Sequence[Operation]:
    """Give what a service says of itself, or one plain entry for each of its routes."""
    said: Sequence[Operation] | None = getattr(service, "operations", None)
    if said is not None:
        return said
    return [
        Operation(
            route,
            _name(route),
            f"{route.method} {route.path}",
            ANY_OBJECT if route.media and route.method != "GET" else None,
        )
        for route in service.routes
    ]


def tools_of(services: Iterable[Service]) -> dict[str, tuple[Service, Operation]]:
    """Give the tools of a gateway by their names.

    Raises
    ------
    InputError :
        Two have the same name.
    """
    tools: dict[str, tuple[Service, Operation]] = {}
    for service in services:
        for operation in operations_of(service):
            if not operation.is_tool:
                continue
            if operation.name in tools:
                raise InputError(f"two tools are called {operation.name!r}")
            tools[operation.name] = service, operation
    return tools


def _name(route: Route) -> str:
    return re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")
