"""Errors as bodies of HTTP: never a stack trace, always what was found and what was wanted."""

from __future__ import annotations

import json

from counterpoise.core.errors import InputError
from counterpoise.market.gateway.service import NotServed

JSON_MEDIA = "application/json"


def plain_problem(status: int, message: str) -> tuple[bytes, str]:
    """Write an error as Open Inference Protocol v2 does: ``{"error": text}``."""
    return json.dumps({"error": message}, ensure_ascii=False).encode(), JSON_MEDIA


def status_of(wrong: InputError) -> int:
    """Give the status of HTTP for a mistake of the caller."""
    return wrong.status if isinstance(wrong, NotServed) else 400


def text_of(message: str, hint: str) -> str:
    """Join a message and its hint into one sentence for people."""
    return f"{message} ({hint})" if hint else message
