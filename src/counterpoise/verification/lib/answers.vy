# pragma version ~=0.4.3
"""
@title Answers in few words of storage
@license Apache-2.0
@notice Keeps answers of up to 66 bytes by key: one word up to 31 bytes, two up to 63, else three.
"""

_first: HashMap[bytes32, bytes32]  # 31 bytes, then the length
_second: HashMap[bytes32, bytes32]
_third: HashMap[bytes32, bytes32]


@internal
def _store(key: bytes32, answer: Bytes[66]):
    padded: Bytes[130] = concat(answer, empty(bytes32), empty(bytes32))
    first: uint256 = extract32(padded, 0, output_type=uint256) >> 8 << 8
    self._first[key] = convert(first | len(answer), bytes32)
    if len(answer) > 31:
        self._second[key] = extract32(padded, 31)
    if len(answer) > 63:
        self._third[key] = extract32(padded, 63)


@internal
def _clear(key: bytes32):
    length: uint256 = self._length(key)
    self._first[key] = empty(bytes32)
    if length > 31:
        self._second[key] = empty(bytes32)
    if length > 63:
        self._third[key] = empty(bytes32)


@view
@internal
def _load(key: bytes32) -> Bytes[66]:
    """
    @notice Give the answer that is kept under a key; empty if there is none.
    """
    length: uint256 = self._length(key)
    second: bytes32 = self._second[key] if length > 31 else empty(bytes32)
    third: bytes32 = self._third[key] if length > 63 else empty(bytes32)
    return slice(concat(slice(self._first[key], 0, 31), second, slice(third, 0, 3)), 0, length)


@view
@internal
def _length(key: bytes32) -> uint256:
    return convert(self._first[key], uint256) & 255
