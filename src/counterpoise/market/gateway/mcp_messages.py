"""JSON-RPC 2.0 as the Model Context Protocol uses it over HTTP, in its two manners.

Up to 2025-11-25 a client opens with ``initialize``; from 2026-07-28 on each request carries its
version and names its method in headers, too. Both are answered without keeping anything.

References
----------
Model Context Protocol, versions 2025-03-26 to 2026-07-28: base protocol, streamable HTTP.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from counterpoise.market.gateway.service import Reply

MODERN = "2026-07-28"
OLD = ("2025-03-26", "2025-06-18", "2025-11-25")
PARSE, INVALID, NO_METHOD, PARAMS = -32700, -32600, -32601, -32602
MISMATCH, NO_VERSION = -32020, -32022
VERSION_META = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_META = "io.modelcontextprotocol/clientCapabilities"
SERVER_META = "io.modelcontextprotocol/serverInfo"
_STATUS = {NO_METHOD: 404}
_BASE64 = "=?base64?"


class McpError(Exception):
    """An error of JSON-RPC, to be answered as such."""

    def __init__(self, code: int, message: str, wrong: object = None) -> None:
        super().__init__(message)
        self.code, self.message, self.wrong = code, message, wrong


@dataclass(frozen=True, slots=True)
class Message:
    """One request or notification.

    Parameters
    ----------
    id :
        None for a notification, which wants no answer.
    is_modern :
        Whether it is of version 2026-07-28 on.
    """

    id: str | int | None
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    is_modern: bool = False

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the request says beside its parameters."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}


def read_message(found: object, headers: Mapping[str, str]) -> Message | None:
    """Read a message; None for an answer, which a server without questions passes over.

    Parameters
    ----------
    headers :
        Names in lower case.

    Raises
    ------
    McpError :
        It is no message, its headers say something else, or its version is unknown.
    """
    if not isinstance(found, dict) or found.get("jsonrpc") != "2.0":
        raise McpError(INVALID, "one message of JSON-RPC 2.0 was wanted, not a list of them")
    method, number = found.get("method"), found.get("id")
    if method is None and ("result" in found or "error" in found):
        return None
    params = found.get("params")
    params = {} if params is None else params
    if not isinstance(method, str) or not isinstance(params, dict):
        raise McpError(INVALID, "method: a text was wanted, and params: an object")
    if "id" in found and (not isinstance(number, str | int) or isinstance(number, bool)):
        raise McpError(INVALID, "id: a text or a whole number was wanted")
    version = headers.get("mcp-protocol-version")
    is_modern = version == MODERN
    if not is_modern and version not in (None, *OLD) and method != "initialize":
        told = {"supported": [*OLD, MODERN], "requested": version}
        raise McpError(NO_VERSION, "this version of the protocol is not spoken here", told)
    message = Message(number, method, params, is_modern)
    if is_modern and number is not None:
        _check_envelope(message, headers)
    return message


def result(message: Message, found: Mapping[str, Any], server: Mapping[str, Any]) -> Reply:
    """Write an answer."""
    answer = dict(found)
    if message.is_modern:
        meta = {**answer.get("_meta", {}), SERVER_META: server}
        answer = {"resultType": "complete", **answer, "_meta": meta}
    return Reply(_json({"jsonrpc": "2.0", "id": message.id, "result": answer}))


def error(message: Message | None, wrong: McpError) -> Reply:
    """Write an error; before 2026-07-28 one that names a request has status 200."""
    told: dict[str, object] = {"code": wrong.code, "message": wrong.message}
    if wrong.wrong is not None:
        told["data"] = wrong.wrong
    is_plain = message is not None and not message.is_modern
    status = 200 if is_plain else _STATUS.get(wrong.code, 400)
    number = None if message is None else message.id
    return Reply(_json({"jsonrpc": "2.0", "id": number, "error": told}), status=status)


def negotiated(wanted: object) -> str:
    """Give the version that ``initialize`` agrees on: the client's, or our newest of its kind."""
    return wanted if isinstance(wanted, str) and wanted in OLD else OLD[-1]


def _check_envelope(message: Message, headers: Mapping[str, str]) -> None:
    meta = message.meta
    missing = [name for name in (VERSION_META, CAPABILITIES_META) if name not in meta]
    if missing:
        raise McpError(PARAMS, f"params._meta lacks {', '.join(missing)}")
    if meta[VERSION_META] != MODERN:
        raise McpError(MISMATCH, "the header MCP-Protocol-Version says another version")
    if headers.get("mcp-method") != message.method:
        raise McpError(MISMATCH, "the header Mcp-Method says another method")
    if message.method == "tools/call" and "name" in message.params:
        said = _decoded(headers.get("mcp-name"))
        if said is None or said != message.params["name"]:
            raise McpError(MISMATCH, "the header Mcp-Name says another tool")


def _decoded(text: str | None) -> str | None:
    """Read a header's text, which is in base64 where a header cannot carry it."""
    if text is None or not (text.startswith(_BASE64) and text.endswith("?=")):
        return text
    try:
        return base64.b64decode(text[len(_BASE64) : -2], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
