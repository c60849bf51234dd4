"""Every operation of the gateway as a tool of MCP, paid through x402 inside the messages.

A tool without payment answers what it costs as an error of the tool; the call is sent again with
``_meta["x402/payment"]``, and ``_meta["x402/payment-response"]`` comes back with the answer.

References
----------
x402 version 2 over MCP, as the package ``x402`` speaks it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol
from urllib.parse import urlencode

from counterpoise.market.gateway.about import About
from counterpoise.market.gateway.body import read_json
from counterpoise.market.gateway.mcp_messages import (
    MODERN,
    NO_METHOD,
    OLD,
    PARAMS,
    PARSE,
    McpError,
    Message,
    error,
    negotiated,
    read_message,
    result,
)
from counterpoise.market.gateway.operations import Operation, tools_of
from counterpoise.market.gateway.outcome import Outcome
from counterpoise.market.gateway.service import (
    NO_LEVEL,
    Call,
    Quote,
    Reply,
    Route,
    Service,
    Stream,
    request_digest,
)

PAYMENT, PAYMENT_RESPONSE = "x402/payment", "x402/payment-response"
LEVEL = "counterpoise/level"
ROUTE = Route("POST", "/mcp", is_free=True)
_MINUTE = 60_000
_PAYMENT_HEADERS = {"payment-response", "payment-required"}


class Desk(Protocol):
    """Takes a call through payment, service and evidence; `PaidDesk` is one."""

    async def call(self, service: Service, call: Call, headers: Mapping[str, str]) -> Outcome:
        """Answer one call, and be paid for it."""


class McpService:
    """A server of MCP over streamable HTTP that answers in JSON and keeps no sessions.

    Parameters
    ----------
    services :
        Whose operations are offered, where they are tools.
    """

    name = "mcp"
    routes: Sequence[Route] = (ROUTE,)
    levels: Collection[str] = ()

    def __init__(self, services: Sequence[Service], desk: Desk, about: About) -> None:
        self._tools, self._desk, self._about = tools_of(services), desk, about
        self._server = {"name": about.name, "version": about.version}

    @property
    def operations(self) -> Sequence[Operation]:
        """The one route of MCP."""
        body = {
            "type": "object",
            "properties": {"jsonrpc": {"const": "2.0"}, "method": {"type": "string"}},
            "required": ["jsonrpc", "method"],
        }
        words = "A message of the Model Context Protocol (JSON-RPC 2.0)."
        return [Operation(ROUTE, "mcp", words, body, statuses=(202, 404))]

    def quote(self, call: Call) -> Quote:
        """Messages are free; what a tool costs is paid inside of them."""
        return Quote(0)

    async def serve(self, call: Call) -> Reply | Stream:
        """Answer one message."""
        message: Message | None = None
        try:
            message = read_message(read_json(call.body), call.headers)
            if message is None or message.id is None:
                return Reply(b"", status=202)
            return await self._answer(message, call)
        except McpError as wrong:
            return error(message, wrong)

    def problem(self, status: int, message: str) -> tuple[bytes, str]:
        """Write an error as JSON-RPC does."""
        code = PARSE if status == 400 else -32000 - status
        told = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
        return json.dumps(told, ensure_ascii=False).encode(), "application/json"

    async def close(self) -> None:
        """Nothing is held."""

    async def _answer(self, message: Message, call: Call) -> Reply:
        match message.method:
            case "tools/call":
                return await self._called(message, call)
            case "tools/list":
                found = self._listed(message)
            case "ping" if not message.is_modern:
                found = {}
            case "initialize" if not message.is_modern:
                found = {"protocolVersion": negotiated(message.params.get("protocolVersion"))}
                found |= {**self._abilities(), "serverInfo": self._server}
            case "server/discover" if message.is_modern:
                found = {"supportedVersions": [*OLD, MODERN], **self._abilities(), **_lasting()}
            case _:
                raise McpError(NO_METHOD, f"no method {message.method[:100]!r} here")
        return result(message, found, self._server)

    def _abilities(self) -> dict[str, Any]:
        words = f"{self._about.description} Tools are paid for by x402, inside of the messages."
        return {"capabilities": {"tools": {}}, "instructions": words.strip()}

    def _listed(self, message: Message) -> dict[str, Any]:
        if message.params.get("cursor") is not None:
            raise McpError(PARAMS, "cursor: all tools are on the first page")
        tools = [
            {
                "name": name,
                "description": operation.summary,
                "inputSchema": {"type": "object", **operation.tool_schema},
            }
            for name, (_, operation) in self._tools.items()
        ]
        return {"tools": tools} | (_lasting() if message.is_modern else {})

    async def _called(self, message: Message, call: Call) -> Reply:
        name, arguments = message.params.get("name"), message.params.get("arguments")
        arguments = {} if arguments is None else arguments
        if not isinstance(name, str) or name not in self._tools:
            raise McpError(PARAMS, f"no tool {str(name)[:100]!r} here")
        if not isinstance(arguments, dict):
            raise McpError(PARAMS, "arguments: an object was wanted")
        service, operation = self._tools[name]
        inner = _inner(operation, arguments, message, call)
        headers = {**call.headers, **_payment_header(message)}
        outcome = await self._desk.call(service, inner, headers)
        found = await _tool_result(outcome)
        written = result(message, found, self._server)
        return Reply(written.body, left=outcome.left)


def _inner(
    operation: Operation, arguments: Mapping[str, Any], message: Message, call: Call
) -> Call:
    """Give the call of a route that a call of a tool stands for."""
    route, path = operation.route, operation.path
    members = {**arguments, **operation.defaults}
    try:
        text = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        body = text.encode() if route.media else b""
    except UnicodeEncodeError:
        raise McpError(PARAMS, "arguments: a text in them is no Unicode") from None
    level = message.meta.get(LEVEL, NO_LEVEL)
    if not isinstance(level, str):
        raise McpError(PARAMS, f"{LEVEL}: a text was wanted")
    query = "" if level == NO_LEVEL else urlencode({"verification": level})
    return Call(
        route.method,
        path,
        route.path,
        body,
        request_digest(route.method, f"{path}?{query}" if query else path, body),
        dict(operation.parts),
        {"content-type": "application/json"},
        query,
        None,
        level,
        call.arrived,
    )


def _payment_header(message: Message) -> dict[str, str]:
    """Give the payment as a header, for HTTP's readers; what is wrong in it they tell."""
    payment = message.meta.get(PAYMENT)
    if payment is None:
        return {}
    text = payment if isinstance(payment, str) else json.dumps(payment, separators=(",", ":"))
    return {"payment-signature": base64.b64encode(text.encode(errors="replace")).decode()}


async def _tool_result(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as MCP has it: what is to be paid, an error of the tool, or its answer."""
    if outcome.required is not None:
        required = outcome.required.to_json()
        text = json.dumps(required, ensure_ascii=False)
        return {"content": [_text(text)], "structuredContent": required, "isError": True}
    if isinstance(outcome.body, bytes):
        body = outcome.body
    else:
        async with aclosing(outcome.body) as pieces:
            body = b"".join([piece async for piece in pieces])
    text = body.decode(errors="replace")
    found: dict[str, Any] = {"content": [_text(text)], "isError": outcome.status >= 400}
    try:
        structured = json.loads(body)
    except ValueError:
        structured = None
    if isinstance(structured, dict):
        found["structuredContent"] = structured
    meta: dict[str, Any] = {
        f"counterpoise/{name}": told
        for name, told in outcome.headers.items()
        if name not in _PAYMENT_HEADERS
    }
    if outcome.response is not None:
        meta[PAYMENT_RESPONSE] = outcome.response.to_json()
    return {**found, "_meta": meta}


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _lasting() -> dict[str, Any]:
    """Say for how long an answer may be kept, which 2026-07-28 wants to know."""
    return {"ttlMs": _MINUTE, "cacheScope": "public"}
