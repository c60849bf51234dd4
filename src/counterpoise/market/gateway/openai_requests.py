"""Reads what OpenAI's clients send, strictly: what costs money is known before it is paid.

Members that are not listed here are refused, for an upstream may charge for what they ask.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterpoise.market.gateway.body import read_json
from counterpoise.market.gateway.service import NotServed

MAX_MESSAGES, MAX_CHOICES, MAX_TEXTS = 1024, 8, 256
ROLES = ("system", "developer", "user", "assistant", "tool")
_MESSAGE_TOKENS = 16
"""Tokens that a chat template adds around one message, at most."""

_PASSED: Mapping[str, tuple[type, ...]] = {
    "temperature": (int, float),
    "top_p": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "seed": (int,),
    "stop": (str, list),
    "user": (str,),
    "response_format": (dict,),
    "tools": (list,),
    "tool_choice": (str, dict),
    "parallel_tool_calls": (bool,),
    "logit_bias": (dict,),
    "logprobs": (bool,),
    "top_logprobs": (int,),
}
_CHAT = {"model", "messages", "max_tokens", "max_completion_tokens", "n", "stream"}
_EMBED = {"model", "input", "encoding_format", "dimensions", "user"}
_MESSAGE = {"role", "content", "name", "tool_calls", "tool_call_id", "refusal"}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat that was read.

    Parameters
    ----------
    most_out :
        Tokens that may be written in all, over every choice.
    most_in :
        Tokens that the request can have at most: no token is shorter than a byte.
    body :
        What goes to the upstream, the bound on tokens written in.
    shows_usage :
        Whether the caller of a stream asked for the usage at its end.
    """

    model: str
    most_in: int
    most_out: int
    stream: bool
    shows_usage: bool
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts to embed."""

    model: str
    texts: tuple[str, ...]
    base64: bool
    dimensions: int | None

    @property
    def size(self) -> int:
        """Tokens that the texts can have at most."""
        return sum(len(text.encode()) + _MESSAGE_TOKENS for text in self.texts)


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body as a JSON object.

    Raises
    ------
    NotServed :
        It is none, a number in it is none of JSON, or a text in it is no Unicode.
    """
    found = read_json(body)
    try:
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        raise NotServed(400, "the body has a number or a text that no JSON can carry") from None
    if not isinstance(found, dict):
        raise NotServed(400, "the body is no JSON object")
    return found


def model_in(source: Mapping[str, Any]) -> str:
    """Give the name of the model that a request asks."""
    name = source.get("model")
    if not isinstance(name, str) or not name:
        raise NotServed(400, "model: the name of a model was wanted")
    return name


def read_chat(source: Mapping[str, Any], cap: int) -> ChatRequest:
    """Read a chat.

    Parameters
    ----------
    cap :
        Tokens that one choice may have at most; written in where the request names no bound.
    """
    _only(source, _CHAT | set(_PASSED) | {"stream_options", "store", "metadata"})
    model = model_in(source)
    _check_messages(source.get("messages"))
    choices = _whole(source, "n", 1, MAX_CHOICES)
    wanted = [
        _whole(source, name, cap, cap)
        for name in ("max_completion_tokens", "max_tokens")
        if source.get(name) is not None
    ]
    stream = _flag(source, "stream")
    options = source.get("stream_options")
    if options is not None and (not stream or not isinstance(options, dict)):
        raise NotServed(400, "stream_options: an object was wanted, beside stream")
    body: dict[str, Any] = {"model": model, "messages": source["messages"]}
    body |= {name: source[name] for name in _PASSED if _is_given(source, name)}
    _check_passed(body)
    name = "max_completion_tokens" if _is_given(source, "max_completion_tokens") else "max_tokens"
    body |= {name: min(wanted, default=cap), "n": choices}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    most_in = _size(body) + _MESSAGE_TOKENS * (len(source["messages"]) + 1)
    shown = bool((options or {}).get("include_usage"))
    return ChatRequest(model, most_in, body[name] * choices, stream, shown, body)


def read_embedding(source: Mapping[str, Any]) -> EmbeddingRequest:
    """Read texts to embed."""
    _only(source, _EMBED)
    texts = source.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not 0 < len(texts) <= MAX_TEXTS:
        raise NotServed(400, f"input: a text was wanted, or a list of 1 to {MAX_TEXTS}")
    if not all(isinstance(text, str) and text for text in texts):
        raise NotServed(400, "input: texts were wanted that are not empty, not numbers of tokens")
    form = source.get("encoding_format")
    if form not in (None, "float", "base64"):
        raise NotServed(400, "encoding_format: float or base64 was wanted")
    wanted = source.get("dimensions")
    dimensions = None if wanted is None else _whole(source, "dimensions", 1, 1 << 16)
    _text_if_given(source, "user")
    return EmbeddingRequest(model_in(source), tuple(texts), form == "base64", dimensions)


def _check_messages(found: object) -> None:
    if not isinstance(found, list) or not 0 < len(found) <= MAX_MESSAGES:
        raise NotServed(400, f"messages: a list of 1 to {MAX_MESSAGES} was wanted")
    for number, message in enumerate(found):
        place = f"messages[{number}]"
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise NotServed(400, f"{place}.role: one of {', '.join(ROLES)} was wanted")
        _only(message, _MESSAGE, f"{place}.")
        for name in ("name", "tool_call_id", "refusal"):
            _text_if_given(message, name, f"{place}.")
        calls = message.get("tool_calls")
        calls = [] if calls is None else calls
        if not isinstance(calls, list) or not all(isinstance(one, dict) for one in calls):
            raise NotServed(400, f"{place}.tool_calls: a list of objects was wanted")
        _check_content(message.get("content"), place, bool(message.get("tool_calls")))


def _check_content(content: object, place: str, has_calls: bool) -> None:
    if isinstance(content, str) or (content is None and has_calls):
        return
    parts: list[Any] = content if isinstance(content, list) else [None]
    for part in parts:
        is_text = isinstance(part, dict) and part.keys() == {"type", "text"}
        if not (is_text and part["type"] == "text" and isinstance(part["text"], str)):
            raise NotServed(400, f"{place}.content: a text was wanted, or a list of parts of text")


def _check_passed(body: Mapping[str, Any]) -> None:
    for name, kinds in _PASSED.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise NotServed(400, f"{name}: {wanted} was wanted")
    stop = body.get("stop")
    if isinstance(stop, list) and not all(isinstance(one, str) for one in stop):
        raise NotServed(400, "stop: texts were wanted")


def _is_given(source: Mapping[str, Any], name: str) -> bool:
    return source.get(name) is not None


def _only(source: Mapping[str, Any], known: set[str], place: str = "") -> None:
    unknown = sorted(set(source) - known)
    if unknown:
        raise NotServed(400, f"{place}{unknown[0][:64]}: unknown here, and it may cost something")


def _whole(source: Mapping[str, Any], name: str, otherwise: int, most: int) -> int:
    value = source.get(name)
    value = otherwise if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        raise NotServed(400, f"{name}: a whole number from 1 to {most} was wanted")
    return value


def _flag(source: Mapping[str, Any], name: str) -> bool:
    value = source.get(name)
    if value is not None and not isinstance(value, bool):
        raise NotServed(400, f"{name}: true or false was wanted")
    return bool(value)


def _text_if_given(source: Mapping[str, Any], name: str, place: str = "") -> None:
    if not isinstance(source.get(name), str | None):
        raise NotServed(400, f"{place}{name}: a text was wanted")


def _size(body: Mapping[str, Any]) -> int:
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
