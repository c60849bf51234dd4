"""OpenAI's requests and answers as JSON Schema, no wider than what is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from counterpoise.market.gateway.openai_requests import (
    MAX_CHOICES,
    MAX_MESSAGES,
    MAX_TEXTS,
    ROLES,
)
from counterpoise.market.gateway.operations import Operation, Schema
from counterpoise.market.gateway.service import Route

_TEXT: Schema = {"type": "string"}
_PART: Schema = {
    "type": "object",
    "properties": {"type": {"const": "text"}, "text": _TEXT},
    "required": ["type", "text"],
    "additionalProperties": False,
}
_NOTHING: Schema = {"type": "null"}
_MESSAGE: Schema = {
    "type": "object",
    "properties": {
        "role": {"enum": list(ROLES)},
        "content": {"anyOf": [_TEXT, {"type": "array", "items": _PART}, _NOTHING]},
        "name": {"anyOf": [_TEXT, _NOTHING]},
        "refusal": {"anyOf": [_TEXT, _NOTHING]},
        "tool_call_id": {"anyOf": [_TEXT, _NOTHING]},
        "tool_calls": {"anyOf": [{"type": "array", "items": {"type": "object"}}, _NOTHING]},
    },
    "required": ["role"],
    "additionalProperties": False,
}
_COUNT: Schema = {"type": "integer", "minimum": 0}


class _Words(NamedTuple):
    task: str
    summary: str
    defaults: dict[str, Any]
    answer: Schema


def chat_operation(
    route: Route, models: Sequence[str], most_tokens: int, *, is_tool: bool = False
) -> Operation:
    """Describe chats with some models, of which one writes so many tokens at most."""
    members: dict[str, Schema] = {
        "model": {"enum": list(models)},
        "messages": {
            "type": "array",
            "items": _MESSAGE,
            "minItems": 1,
            "maxItems": MAX_MESSAGES,
        },
        "max_tokens": {"type": "integer", "minimum": 1, "maximum": most_tokens},
        "temperature": {"type": "number"},
        "top_p": {"type": "number"},
        "seed": {"type": "integer"},
        "stop": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
        "n": {"type": "integer", "minimum": 1, "maximum": MAX_CHOICES},
        "stream": {"type": "boolean"},
    }
    answer = {
        "type": "object",
        "properties": {
            "model": _TEXT,
            "choices": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        },
        "required": ["model", "choices"],
    }
    words = _Words("chat", "Chat with a language model", {"stream": False}, answer)
    return _operation(route, models, members, ["model", "messages"], words, is_tool)


def embedding_operation(route: Route, models: Sequence[str], *, is_tool: bool = False) -> Operation:
    """Describe embeddings by some models."""
    text = {"type": "string", "minLength": 1}
    members: dict[str, Schema] = {
        "model": {"enum": list(models)},
        "input": {
            "anyOf": [
                text,
                {"type": "array", "items": text, "minItems": 1, "maxItems": MAX_TEXTS},
            ]
        },
        "encoding_format": {"enum": ["float", "base64"]},
        "dimensions": {"type": "integer", "minimum": 1, "maximum": 1 << 16},
        "user": _TEXT,
    }
    row = {
        "type": "object",
        "properties": {
            "object": {"const": "embedding"},
            "index": _COUNT,
            "embedding": {"anyOf": [_TEXT, {"type": "array", "items": {"type": "number"}}]},
        },
        "required": ["object", "index", "embedding"],
    }
    answer = {
        "type": "object",
        "properties": {
            "object": {"const": "list"},
            "model": _TEXT,
            "data": {"type": "array", "items": row},
            "usage": {"type": "object"},
        },
        "required": ["object", "model", "data"],
    }
    summary = "Turn texts into numbers; texts that mean the same lie near each other"
    words = _Words("embed", summary, {}, answer)
    return _operation(route, models, members, ["model", "input"], words, is_tool)


def _operation(
    route: Route,
    models: Sequence[str],
    members: dict[str, Schema],
    required: list[str],
    words: _Words,
    is_tool: bool,
) -> Operation:
    name = f"{words.task}_{models[0]}" if is_tool else words.task
    return Operation(
        route,
        name.replace(".", "-").replace("/", "-").replace(":", "-"),
        f"{words.summary}: {', '.join(models)}.",
        {
            "type": "object",
            "properties": {
                member: schema if member in required else {"anyOf": [schema, _NOTHING]}
                for member, schema in members.items()
            },
            "required": required,
            "additionalProperties": False,
        },
        words.answer,
        defaults={"model": models[0], **words.defaults} if is_tool else {},
        is_tool=is_tool,
        streams="stream" in members,
        statuses=(404, 413, 502, 504),
    )
