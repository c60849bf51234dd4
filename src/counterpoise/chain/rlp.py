"""Recursive length prefix encoding, as transactions are signed over it.

References
----------
Ethereum Yellow Paper, appendix B.
"""

from collections.abc import Sequence

Item = bytes | int | Sequence["Item"]


def encode(item: Item) -> bytes:
    """Encode bytes, a non-negative integer or a sequence of such.

    >>> encode([b"cat", 1024]).hex()
    'c783636174820400'
    """
    if isinstance(item, int):
        return encode(item.to_bytes((item.bit_length() + 7) // 8, "big"))
    if isinstance(item, (bytes, bytearray)):
        if len(item) == 1 and item[0] < 0x80:
            return bytes(item)
        return _prefix(len(item), 0x80) + bytes(item)
    body = b"".join(encode(part) for part in item)
    return _prefix(len(body), 0xC0) + body


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes((offset + length,))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((offset + 55 + len(size),)) + size
