"""What JSON-RPC answers when it cannot do what was asked.

References
----------
JSON-RPC 2.0, section 5.1; EIP-1474, section Error codes.
"""

from typing import Any

PARSE = -32700
REQUEST = -32600
METHOD = -32601
PARAMS = -32602
INTERNAL = -32603
REFUSED = -32000
TOO_MUCH = -32005
REVERTED = 3


class RpcError(Exception):
    """An error object of JSON-RPC: a code, words, and perhaps what a contract gave."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """Give the error object."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}
