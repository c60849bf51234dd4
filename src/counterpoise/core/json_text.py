"""JSON from a stranger: text nested so deeply that reading it would end the stack is refused.

Engines of this package raise Python's recursion limit beyond what the machine's stack holds, so
that no `RecursionError` comes in time: the depth is counted before anything is read.
"""

import json
import re
from typing import Any

DEEPEST = 64

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or what is left of a text whose last string does not end."""
_BRACKET = re.compile(rb"[][{}]")


def read_json(text: bytes | str, deepest: int = DEEPEST, **options: Any) -> Any:
    """Give the value that a text holds.

    Parameters
    ----------
    options :
        As `json.loads` takes them, such as ``parse_float``.

    Raises
    ------
    ValueError :
        The text is not JSON, or nested deeper than `deepest`.

    Examples
    --------
    >>> read_json(b'{"a": ["]"]}', 2)
    {'a': [']']}
    """
    check_nesting(text.encode("utf-8", "replace") if isinstance(text, str) else text, deepest)
    return json.loads(text, **options)


def check_nesting(text: bytes, deepest: int = DEEPEST) -> None:
    """Raise `ValueError` where brackets outside of strings are nested deeper than `deepest`."""
    if text.count(b"[") + text.count(b"{") <= deepest:
        return
    depth = 0
    for mark in _BRACKET.findall(_STRING.sub(b"", text)):
        depth += 1 if mark in b"[{" else -1
        if depth > deepest:
            raise ValueError(f"nested deeper than {deepest}")
