"""JSON from a stranger: text nested so deeply that reading it overflows the stack is refused."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["shallow_json"]

DEEPEST = 32


def shallow_json(text: str) -> Any:
    """The value that a text holds.

    The engines of this package raise Python's recursion limit beyond what the stack of the
    machine holds, so the depth is counted before anything is read.

    Raises
    ------
    ValueError :
        The text is not JSON, or nested more than `DEEPEST` times.

    Examples
    --------
    >>> shallow_json('{"a": [1]}')
    {'a': [1]}
    """
    depth = 0
    for mark in text:
        depth += (mark in "[{") - (mark in "]}")
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} times")
    return json.loads(text)
