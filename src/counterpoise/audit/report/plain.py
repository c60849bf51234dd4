"""Text from a source, shown as what it is."""

from __future__ import annotations

__all__ = ["plain"]


def plain(text: str) -> str:
    r"""One line in which whatever turns, hides or breaks text is written as an escape.

    >>> plain("a\u202eb\nc")
    'a\\u202eb\\nc'
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
