"""Why a contract refused, read from the bytes that it reverted with."""

from counterpoise.core.errors import Reverted

ERROR = bytes.fromhex("08c379a0")
PANIC = bytes.fromhex("4e487b71")
PANICS = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division or modulo by zero",
    0x21: "conversion to an enum out of range",
    0x22: "storage byte array wrongly encoded",
    0x31: "pop of an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory allocated",
    0x51: "call of an uninitialised function",
}


def reason_of(data: bytes) -> str:
    """Give the text of `Error(string)` or `Panic(uint256)`; else the bytes in hex; else "".

    >>> reason_of(bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big"))
    'panic 0x11: arithmetic overflow or underflow'
    """
    if data[:4] == ERROR and len(data) >= 68:
        start = 4 + int.from_bytes(data[4:36], "big")
        length = int.from_bytes(data[start : start + 32], "big")
        return data[start + 32 : start + 32 + min(length, len(data))].decode("utf-8", "replace")
    if data[:4] == PANIC and len(data) == 36:
        code = int.from_bytes(data[4:], "big")
        return f"panic 0x{code:02x}: {PANICS.get(code, 'unknown')}"
    return f"0x{data.hex()}" if data else ""


class Refused(Reverted):
    """A refusal with the bytes that the contract gave for it."""

    def __init__(self, call: str, reason: str, data: bytes) -> None:
        super().__init__(call, reason)
        self.data = data
