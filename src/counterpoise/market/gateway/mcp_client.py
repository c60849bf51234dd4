"""Our client of MCP for agents that pay: a tool is called, and its price paid within a budget.

What a `Buyer` knows of paying over HTTP is used as it stands: a transport puts the payment into
the message, and gives what the tool answers as HTTP would.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from counterpoise.core.errors import InputError, Unreachable, VerificationError
from counterpoise.core.json_text import read_json
from counterpoise.payments import Answer, Bought, Buyer

_VERSION = "2025-11-25"
_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": _VERSION,
}
_PAYMENT, _RESPONSE = "x402/payment", "x402/payment-response"
_SIGNATURE, _REQUIRED = "PAYMENT-SIGNATURE", "payment-required"

Send = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Sends a request (method, address, headers, body), as `Buyer` wants it."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What a server offers."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Called:
    """What a tool answered, and what was paid for it, in base units.

    Parameters
    ----------
    content :
        The answer as JSON, where it is some; else None.
    meta :
        What came beside the answer, such as its decision and receipt.
    """

    text: str
    content: Mapping[str, Any] | None
    is_error: bool
    paid: int
    meta: Mapping[str, Any] = field(default_factory=dict)


class McpTransport:
    """Carries a buyer's requests as calls of tools; give it to a `Buyer` as `send`.

    Parameters
    ----------
    address :
        Of the server's one place, such as ``http://127.0.0.1:8402/mcp``.
    send :
        What carries HTTP.
    """

    def __init__(self, address: str, send: Send) -> None:
        self.address, self._send = address, send
        self._numbers = itertools.count(1)

    def __call__(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Call the tool that an address names, with the arguments in the body."""
        name = address.removeprefix(f"{self.address}#")
        params: dict[str, Any] = {"name": name, "arguments": json.loads(body)}
        if _SIGNATURE in headers:
            params["_meta"] = {_PAYMENT: json.loads(base64.b64decode(headers[_SIGNATURE]))}
        found = self.ask("tools/call", params)
        required, meta = found.get("structuredContent"), found.get("_meta") or {}
        if found.get("isError") and isinstance(required, dict) and "x402Version" in required:
            return Answer(402, {_REQUIRED: _packed(required)}, json.dumps(found).encode())
        told = {}
        if isinstance(meta, dict) and _RESPONSE in meta:
            told["payment-response"] = _packed(meta[_RESPONSE])
        status = 400 if found.get("isError") else 200
        return Answer(status, told, json.dumps(found).encode())

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and give its result.

        Raises
        ------
        Unreachable :
            No answer came.
        VerificationError :
            The server answered with an error, or with something else than it was asked.
        """
        number = next(self._numbers)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answer = self._send("POST", self.address, _HEADERS, json.dumps(message).encode())
        if answer.status >= 500:
            raise Unreachable(f"{self.address} failed with status {answer.status}")
        try:
            told = read_json(answer.body)
        except ValueError:
            told = None
        if not isinstance(told, dict) or told.get("jsonrpc") != "2.0":
            raise VerificationError(f"{self.address} does not speak MCP (status {answer.status})")
        if isinstance(told.get("error"), dict):
            raise VerificationError(f"{method} was refused: {told['error'].get('message')}")
        if told.get("id") != number or not isinstance(told.get("result"), dict):
            raise VerificationError(f"{self.address} answered another request")
        found: dict[str, Any] = told["result"]
        return found


class McpClient:
    """An agent's view of a server: its tools, and calls of them that are paid.

    Parameters
    ----------
    transport :
        The one that `buyer` sends through.
    """

    def __init__(self, transport: McpTransport, buyer: Buyer) -> None:
        self._transport, self._buyer = transport, buyer

    def tools(self) -> Sequence[Tool]:
        """List what the server offers."""
        found = self._transport.ask("tools/list", {})
        rows = found.get("tools")
        if not isinstance(rows, list):
            raise VerificationError("tools/list gives no list of tools")
        return [
            Tool(str(row.get("name")), str(row.get("description", "")), row.get("inputSchema", {}))
            for row in rows
            if isinstance(row, dict)
        ]

    def call(self, name: str, arguments: Mapping[str, Any]) -> Called:
        """Call a tool, and pay for it within the buyer's budget.

        Raises
        ------
        InputError :
            The tool costs more than the budget allows, or is no name of one.
        VerificationError :
            The payment was refused.
        Unreachable :
            No answer came; whether it was charged is not known.
        """
        if not name or "#" in name or "?" in name:
            raise InputError(f"{name!r} is no name of a tool")
        body = json.dumps(arguments, ensure_ascii=False, sort_keys=True).encode()
        bought = self._buyer.fetch(f"{self._transport.address}#{name}", "POST", body)
        return _called(bought)


def _called(bought: Bought) -> Called:
    found = json.loads(bought.answer.body)
    parts = found.get("content")
    texts = [one.get("text", "") for one in parts or [] if isinstance(one, dict)]
    content, meta = found.get("structuredContent"), found.get("_meta")
    return Called(
        "\n".join(map(str, texts)),
        content if isinstance(content, dict) else None,
        bool(found.get("isError")),
        bought.paid,
        meta if isinstance(meta, dict) else {},
    )


def _packed(value: object) -> str:
    return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
