"""JSON from a stranger: text nested so deeply that reading it would end the stack is refused.

An engine of the embedded chain raises Python's recursion limit beyond what the stack holds.
"""

import json
import re
from typing import Any

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or what is left of a text whose last string does not end."""
_BRACKET = re.compile(rb"[][{}]")


def shallow_json(content: bytes, deepest: int) -> Any:
    """Give the value that a text holds.

    Raises
    ------
    ValueError :
        The text is not JSON, or nested more than `deepest` times.

    Examples
    --------
    >>> shallow_json(b'{"a": ["]"]}', 2)
    {'a': [']']}
    """
    depth = 0
    for mark in _BRACKET.findall(_STRING.sub(b"", content)):
        depth += 1 if mark in b"[{" else -1
        if depth > deepest:
            raise ValueError(f"nested more than {deepest} times")
    return json.loads(content)
